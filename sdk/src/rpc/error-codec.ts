/**
 * How an application's error crosses a process border: class (when known here), name, message, code, details and other own fields, the errors of an
 * `AggregateError`, and the chain of causes. The stack stays behind: it belongs to the callee's log.
 */
import { isNativeError } from 'node:util/types'
import { readAny, writeAny } from '../codec/any-value.js'
import { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import { WeaverError } from '../contract/errors.js'
import { RemoteCallError } from './remote-call-error.js'

export type ErrorClass = new (...args: never[]) => Error

const MAX_CAUSES = 16
/** Known by their names: each realm, and each copy of a package, has its own. */
const BUILT_IN: Readonly<Record<string, ErrorClass>> = {
  Error,
  TypeError,
  RangeError,
  SyntaxError,
  ReferenceError,
  EvalError,
  URIError,
  AggregateError,
  WeaverError,
  RemoteCallError,
}
/** Room for a usual field. */
const FIELD_BYTES = 256
const NOTHING = new Uint8Array()
const FORM = { value: 0, error: 1, domException: 2 } as const
/** They travel on their own. */
const KEPT_APART: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

/** Classes that arrive as themselves, by name. A class is made without its constructor: its fields are set as they were sent. */
export class ErrorRegistry {
  readonly #classes = new Map<string, ErrorClass>(Object.entries(BUILT_IN))

  register(errorClass: ErrorClass): void {
    this.#classes.set(errorClass.name, errorClass)
  }

  find(name: string): ErrorClass | undefined {
    return this.#classes.get(name)
  }

  /** The name of the nearest class of an error that is known here, itself or one that it extends. */
  nameOf(error: object): string {
    for (let at = Object.getPrototypeOf(error) as object | null; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const { constructor } = at as { readonly constructor?: { readonly name?: unknown } }
      const name = typeof constructor?.name === 'string' ? constructor.name : ''
      const known = this.#classes.get(name)
      // A class of the application that only bears the name of a registered one is another class.
      if (known !== undefined && (known.prototype === at || known === BUILT_IN[name])) return name
    }
    return 'Error'
  }
}

const registry = new ErrorRegistry()

/** Makes errors of this class arrive as its instances. Call it at the top of the module that declares the class, on both sides the same. */
export function registerError(errorClass: ErrorClass): void {
  registry.register(errorClass)
}

export function writeError(w: Writer, error: unknown, depth: number = 0): void {
  if (!isErrorLike(error)) {
    w.u8(FORM.value)
    // As JSON has it where that is all that can be had of it.
    return w.bytes(bytesOf(error) ?? bytesOf(null) ?? NOTHING)
  }
  const isDom = isDomException(error)
  w.u8(isDom ? FORM.domException : FORM.error)
  w.string(String(error.name))
  w.string(String(error.message))
  if (!isDom) {
    w.string(registry.nameOf(error))
    writeFields(w, error)
    writeErrors(w, error.errors, depth)
  }
  const hasCause = error.cause !== undefined && depth < MAX_CAUSES
  w.bool(hasCause)
  if (hasCause) writeError(w, error.cause, depth + 1)
}

export function readError(r: Reader): unknown {
  const form = r.u8()
  if (form === FORM.value) return readAny(new Reader(r.bytes()))
  const name = r.string()
  const message = r.string()
  if (form === FORM.domException) return new DOMException(message, { name, ...readCause(r) } as unknown as string) // Node takes a cause as well; its types do not say so
  const className = r.string()
  const fields = readFields(r)
  const errors = readErrors(r)
  const error = new Error(message, readCause(r))
  const known = registry.find(className)
  if (known !== undefined) Object.setPrototypeOf(error, known.prototype as object)
  if (error.name !== name) define(error, 'name', name, false)
  if (errors !== undefined) define(error, 'errors', errors, false)
  for (const [key, value] of fields) define(error, key, value, true)
  return error
}

/** A field that cannot be sent, such as a circle, is left out: the error itself must not be lost. */
function writeFields(w: Writer, error: object): void {
  const fields = Object.entries(error).flatMap(([key, value]) => {
    const bytes = KEPT_APART.has(key) ? undefined : bytesOf(value)
    return bytes === undefined ? [] : [[key, bytes] as const]
  })
  w.uint(fields.length)
  for (const [key, bytes] of fields) {
    w.string(key)
    w.bytes(bytes)
  }
}

function readFields(r: Reader): readonly (readonly [string, unknown])[] {
  const fields: (readonly [string, unknown])[] = []
  for (let left = r.uint(); left > 0; left--) {
    const key = r.string()
    fields.push([key, readAny(new Reader(r.bytes()))])
  }
  return fields
}

/** Those of an `AggregateError`. */
function writeErrors(w: Writer, errors: unknown, depth: number): void {
  const isSent = Array.isArray(errors) && depth < MAX_CAUSES
  w.bool(isSent)
  if (!isSent) return
  w.uint(errors.length)
  for (const error of errors) writeError(w, error, depth + 1)
}

function readErrors(r: Reader): readonly unknown[] | undefined {
  if (!r.bool()) return undefined
  const errors: unknown[] = []
  for (let left = r.uint(); left > 0; left--) errors.push(readError(r))
  return errors
}

function readCause(r: Reader): { readonly cause: unknown } | undefined {
  return r.bool() ? { cause: readError(r) } : undefined
}

function define(error: Error, key: string, value: unknown, enumerable: boolean): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable })
}

interface ErrorLike {
  readonly name: unknown
  readonly message: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}
function isErrorLike(value: unknown): value is ErrorLike {
  // instanceof is not asked: an error may come from another realm or another copy of a package.
  return isNativeError(value) || (typeof value === 'object' && value !== null && 'message' in value && 'name' in value)
}

function isDomException(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object DOMException]'
}

/** A value as a message of its own, or `undefined` when it cannot be one. */
function bytesOf(value: unknown): Uint8Array | undefined {
  const w = new Writer(FIELD_BYTES)
  try {
    writeAny(w, value)
    return w.finish()
  } catch {
    return undefined
  }
}
