/**
 * How an application's error crosses a process border: class (when known here), name, message, code, details and other plain own fields, and the chain of
 * causes. The stack stays behind: it belongs to the callee's log.
 */
import { isNativeError } from 'node:util/types'
import type { Reader } from '../codec/reader.js'
import type { Writer } from '../codec/writer.js'
import { WeaverError } from '../contract/errors.js'

export type ErrorClass = new (...args: never[]) => Error

const MAX_CAUSES = 16
const BUILT_IN: Readonly<Record<string, ErrorClass>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  WeaverError,
}

/** Classes that arrive as themselves, by name. A class is made without its constructor: its fields are set as they were sent. */
export class ErrorRegistry {
  readonly #classes = new Map<string, ErrorClass>(Object.entries(BUILT_IN))

  register(errorClass: ErrorClass): void {
    this.#classes.set(errorClass.name, errorClass)
  }

  find(name: string): ErrorClass | undefined {
    return this.#classes.get(name)
  }
}

const registry = new ErrorRegistry()

/** Makes errors of this class arrive as its instances. Call it at the top of the module that declares the class, on both sides the same. */
export function registerError(errorClass: ErrorClass): void {
  registry.register(errorClass)
}

export function writeError(w: Writer, error: unknown, depth: number = 0): void {
  if (!isErrorLike(error)) {
    w.u8(0)
    w.string(toJson(error) ?? 'null')
    return
  }
  w.u8(1)
  w.string(error.constructor?.name ?? 'Error')
  w.string(String(error.name))
  w.string(String(error.message))
  const fields = Object.entries(error).filter(([key]) => key !== 'name' && key !== 'message' && key !== 'stack' && key !== 'cause')
  const json = fields
    .map(([key, value]) => [key, toJson(value)] as const)
    .filter((entry): entry is readonly [string, string] => entry[1] !== undefined)
  w.uint(json.length)
  for (const [key, value] of json) {
    w.string(key)
    w.string(value)
  }
  const hasCause = error.cause !== undefined && depth < MAX_CAUSES
  w.bool(hasCause)
  if (hasCause) writeError(w, error.cause, depth + 1)
}

export function readError(r: Reader): unknown {
  if (r.u8() === 0) return JSON.parse(r.string())
  const className = r.string()
  const name = r.string()
  const message = r.string()
  const fields: [string, unknown][] = []
  for (let left = r.uint(); left > 0; left--) fields.push([r.string(), JSON.parse(r.string())])
  const cause = r.bool() ? { cause: readError(r) } : undefined
  const error = new Error(message, cause)
  const known = registry.find(className) ?? registry.find(name)
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype as object)
  if (error.name !== name) Object.defineProperty(error, 'name', { value: name, configurable: true, writable: true, enumerable: false })
  for (const [key, value] of fields) Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: true })
  return error
}

interface ErrorLike {
  readonly name: unknown
  readonly message: unknown
  readonly cause?: unknown
  readonly constructor?: { readonly name?: string }
}
function isErrorLike(value: unknown): value is ErrorLike & Record<string, unknown> {
  // instanceof is not asked: an error may come from another realm or another copy of a package.
  return isNativeError(value) || (typeof value === 'object' && value !== null && 'message' in value && 'name' in value)
}

/** What JSON can carry of a value, or `undefined`. */
function toJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? inner.toString() : inner))
  } catch {
    return undefined // circular: the field is left out, the error itself must not be lost
  }
}
