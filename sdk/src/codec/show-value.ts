/** How messages name an unexpected value. */

/** Longer texts are cut: a message is one line. */
const MAX_TEXT = 40
const MAX_KEYS = 8
const MAX_LITERALS = 12

/**
 * `"abc"`, `5`, `null`, `a Date`, `an array of 3`, `an object with a, b`, `an instance of Money`.
 * Runs no code of the value.
 */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value)
    case 'bigint':
      return `${String(value)}n`
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null ? 'null' : showObject(value)
    default:
      return String(value)
  }
}

/**
 * Without the value itself, if only its type is wrong: `a number`, `undefined`, `an array of 3`.
 */
export function showType(value: unknown): string {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'boolean':
    case 'bigint':
      return `a ${typeof value}`
    default:
      return showValue(value)
  }
}

/** `"a", "b" or "c"`. */
export function showLiterals(values: readonly unknown[]): string {
  const shown = values.slice(0, MAX_LITERALS).map(showValue)
  if (values.length > MAX_LITERALS) return `${shown.join(', ')} or one of ${values.length - MAX_LITERALS} more`
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`
}

function showObject(value: object): string {
  if (Array.isArray(value)) return `an array of ${value.length}`
  const tag = Object.prototype.toString.call(value).slice(8, -1)
  if (tag !== 'Object') return withArticle(tag)
  const prototype = Object.getPrototypeOf(value) as { readonly constructor?: unknown } | null
  const made = prototype?.constructor
  if (typeof made === 'function' && made.name !== '' && made.name !== 'Object') return `an instance of ${made.name}`
  const keys = Object.keys(value)
  if (keys.length === 0) return 'an object without properties'
  return `an object with ${keys.slice(0, MAX_KEYS).join(', ')}${keys.length > MAX_KEYS ? ` and ${keys.length - MAX_KEYS} more` : ''}`
}

/** By the sound of names of the language: `a Uint8Array`, `an Error`. */
export function withArticle(name: string): string {
  return `${/^[AEIOaeio]/.test(name) ? 'an' : 'a'} ${name}`
}
