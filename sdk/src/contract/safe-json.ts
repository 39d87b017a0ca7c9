import { inspect } from 'node:util'
import { isMap, isSet } from 'node:util/types'

/**
 * How deep parts are written one by one when the whole cannot be written; entries that are sent
 * hold their attributes one level down.
 */
const MAX_DEPTH = 2

/**
 * JSON that never throws and never loses an entry: bigints become text, errors have their chain of
 * causes, and parts that cannot be written look as Node prints them.
 */
export function safeJson(value: unknown): string {
  return partJson(value, 0)
}

function partJson(value: unknown, depth: number): string {
  try {
    return JSON.stringify(value, plain) ?? 'null'
  } catch {
    // A cycle, or a toJSON() or a getter that throws: the other parts must not be lost.
  }
  try {
    if (depth < MAX_DEPTH && isPlainObject(value))
      return `{${Object.entries(value)
        .map(([name, part]) => `${JSON.stringify(name)}:${partJson(part, depth + 1)}`)
        .join(',')}}`
    return JSON.stringify(inspect(value, { depth: 3, breakLength: Infinity }))
  } catch {
    return '"(cannot be shown)"' // a Proxy, or an inspect() of its own, that throws
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isError(value) && !('toJSON' in value)
}

/** Values that JSON would lose. */
function plain(_name: string, value: unknown): unknown {
  switch (typeof value) {
    case 'bigint':
      return value.toString()
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'function':
    case 'symbol':
      return inspect(value)
    default:
      return isError(value) ? errorFields(value) : isMap(value) || isSet(value) ? [...value] : value
  }
}

/** By structure: test runners have several realms. */
export function isError(value: unknown): value is Error {
  return typeof value === 'object' && value !== null && 'message' in value && 'stack' in value && typeof value.stack === 'string'
}

/** Causes nested deeper are omitted: a chain this long is a cycle. */
const MAX_CAUSES = 20

function errorFields(error: Error, depth = 0): unknown {
  const { name, message, stack, code, cause, details, errors } = error as Error & {
    readonly code?: unknown
    readonly details?: unknown
    readonly errors?: unknown
  }
  const below = (one: unknown): unknown => (!isError(one) ? String(one) : depth < MAX_CAUSES ? errorFields(one, depth + 1) : one.message)
  return {
    name,
    message,
    ...(code === undefined ? {} : { code }),
    ...(details === undefined ? {} : { details }),
    stack,
    ...(cause === undefined ? {} : { cause: below(cause) }),
    // For an AggregateError.
    ...(Array.isArray(errors) ? { errors: errors.map(below) } : {}),
  }
}
