/**
 * Small parts of generated text, formatted as prettier would with `{ semi: false, singleQuote:
 * true, printWidth: 140 }`.
 */
import type { Literal } from './shape.js'

export const WIDTH = 140

/** A literal as source text, in the kind of quotes that needs fewer escapes. */
export function literal(value: Literal): string {
  if (typeof value !== 'string') return String(value)
  const count = (quote: string): number => value.split(quote).length - 1
  const quote = count("'") > count('"') ? '"' : "'"
  // oxlint-disable-next-line no-control-regex -- exactly these need an escape
  const escaped = value.replace(/[\\'"\u0000-\u001f\u2028\u2029\ud800-\udfff]/g, (c) => {
    if (c === '\\') return '\\\\'
    if (c === "'" || c === '"') return c === quote ? `\\${c}` : c
    return /[\ud800-\udfff]/.test(c) && value.isWellFormed() ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
  return `${quote}${escaped}${quote}`
}

export const isName = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name)
export const key = (name: string): string => (isName(name) ? name : literal(name))
export const member = (of: string, name: string): string => (isName(name) ? `${of}.${name}` : `${of}[${literal(name)}]`)
export const parenthesised = (type: string): string => (/[ |]/.test(type) ? `(${type})` : type)

export function indent(lines: readonly string[], by: number = 2): string[] {
  return lines.map((line) => (line === '' ? line : `${' '.repeat(by)}${line}`))
}

/**
 * `before[a, b]after` on one line if it fits, else each item on its own line.
 * @param options.at the column at which `before` begins
 */
export function list(before: string, items: readonly string[], options: { readonly after?: string; readonly at?: number } = {}): string[] {
  const { after = '', at = 0 } = options
  const line = `${before}[${items.join(', ')}]${after}`
  if (at + line.length <= WIDTH || items.length === 0) return [line]
  const isNumbers = items.length > 1 && items.every((item) => /^-?[\d.]+$/.test(item))
  return [`${before}[`, ...indent(isNumbers ? filled(items, at + 2) : items.map((item) => `${item},`)), `]${after}`]
}

/**
 * `name(a, b)` on one line if it fits, else each argument on its own line.
 * @param options.at the column at which it begins
 */
export function call(name: string, args: readonly string[], options: { readonly at: number }): string[] {
  const line = `${name}(${args.join(', ')})`
  return options.at + line.length <= WIDTH ? [line] : [`${name}(`, ...indent(args.map((arg) => `${arg},`)), ')']
}

/** `name(a: A, b?: B): R` of an interface. */
export function signature(name: string, parameters: readonly string[], result: string): string[] {
  const line = `${name}(${parameters.join(', ')}): ${result}`
  if (2 + line.length <= WIDTH || parameters.length === 0) return [line]
  const lines = parameters.map((text) => (text.startsWith('...') ? text : `${text},`))
  return [`${name}(`, ...indent(lines), `): ${result}`]
}

/** Numbers, as many per line as fit. */
function filled(items: readonly string[], at: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const item of items.map((text) => `${text},`)) {
    if (line !== '' && at + line.length + 1 + item.length > WIDTH) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? item : `${line} ${item}`
  }
  return [...lines, line]
}

/** `import { a, b } from 'module'`. */
export function importLine(names: readonly string[], module: string): string[] {
  const line = `import { ${names.join(', ')} } from ${literal(module)}`
  if (line.length <= WIDTH) return [line]
  return ['import {', ...indent(names.map((name) => `${name},`)), `} from ${literal(module)}`]
}

/** `type Name = A | B`. */
export function unionType(name: string, members: readonly string[]): string[] {
  const line = `type ${name} = ${members.join(' | ')}`
  return line.length <= WIDTH ? [line] : [`type ${name} =`, ...members.map((text) => `  | ${text}`)]
}
