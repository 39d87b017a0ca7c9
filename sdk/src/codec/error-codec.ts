/**
 * How an application's error crosses a process border: class (when known here), name, message, code, details and other own fields, the errors of an
 * `AggregateError`, and the chain of causes. The stack stays behind: it belongs to the callee's log. Whatever an error is like, its name, message and class
 * arrive; what cannot be sent of the rest is left out.
 */
import { isNativeError } from 'node:util/types'
import { readAny, writeAny } from './any-value.js'
import { Reader } from './reader.js'
import { Writer } from './writer.js'
import { WeaverError } from '../contract/errors.js'
import { RemoteCallError } from '../errors/remote-call-error.js'
import { NOT_SENDABLE, read, sendable } from './sendable.js'

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
const FORM = { value: 0, error: 1, domException: 2 } as const
/** They travel on their own. */
const KEPT_APART: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

export interface ErrorClassOptions<E extends Error> {
  /**
   * Makes an instance from what arrived: an error with name, message, cause and the fields that were sent, whose prototype is that of the class. For a class
   * whose methods are set by its constructor, or that has private fields. Should it throw, what arrived is taken as it is.
   * @default the constructor does not run, and what arrived is the instance
   */
  readonly revive?: (arrived: E) => E
}

interface KnownClass {
  /** What stands for the class on the way; the same in each process of a build. */
  key: string
  readonly errorClass: ErrorClass
  readonly revive: ((arrived: Error) => Error) | undefined
}

/** Classes that arrive as themselves. A class is known by its prototype, never by its name alone: a minifier gives two classes one name. */
export class ErrorRegistry {
  readonly #byKey = new Map<string, KnownClass>()
  readonly #byPrototype = new Map<object, KnownClass>()

  constructor() {
    for (const [key, errorClass] of Object.entries(BUILT_IN)) this.#add({ key, errorClass, revive: undefined })
  }

  /** Under its name, and a number where another class has that. */
  register(errorClass: ErrorClass, revive?: (arrived: Error) => Error): void {
    const known = this.#byPrototype.get(errorClass.prototype as object)
    if (known !== undefined && revive === undefined) return
    this.#add({ key: known?.key ?? this.#freeKey(errorClass.name), errorClass, revive })
  }

  /** Those that the generator found, by their places in its list: another bundle of the same build may have other names for them. */
  registerGenerated(gen: { readonly fingerprint: string; readonly errors?: readonly ErrorClass[] }): void {
    gen.errors?.forEach((errorClass, place) => {
      const revive = this.#byPrototype.get(errorClass.prototype as object)?.revive
      this.#add({ key: `${gen.fingerprint.slice(0, 8)}#${place}`, errorClass, revive })
    })
  }

  #freeKey(name: string): string {
    let key = name
    for (let n = 2; this.#byKey.has(key); n++) key = `${name}#${n}`
    return key
  }

  #add(known: KnownClass): void {
    this.#byKey.set(known.key, known)
    this.#byPrototype.set(known.errorClass.prototype as object, known)
  }

  find(key: string): KnownClass | undefined {
    return this.#byKey.get(key)
  }

  /** The key of the nearest class of an error that is known here, itself or one that it extends. */
  keyOf(error: object): string {
    for (let at = Object.getPrototypeOf(error) as object | null; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const known = this.#byPrototype.get(at)
      if (known !== undefined) return known.key
      const constructor = Object.hasOwn(at, 'constructor') ? read(at, 'constructor') : undefined
      const name = typeof constructor === 'function' ? constructor.name : ''
      // Of another realm, or another copy of a package. A class of the application that only bears such a name extends Error itself.
      if (Object.hasOwn(BUILT_IN, name) && isForeignBuiltIn(at, name)) return name
    }
    return 'Error'
  }
}

/** @param prototype of a class that has the name of a built-in one, and is not that one */
function isForeignBuiltIn(prototype: object, name: string): boolean {
  return Object.hasOwn(prototype, 'name') && read(prototype, 'name') === name
}

const registry = new ErrorRegistry()

/**
 * Makes errors of this class arrive as its instances. Call it at the top of the module that declares the class, on both sides the same. The classes that a
 * component's module exports are found by the generator and need it only for `revive`.
 * @example registerError(z.ZodError, { revive: ({ issues }) => new z.ZodError(issues) })
 */
export function registerError<E extends Error>(errorClass: new (...args: never[]) => E, options: ErrorClassOptions<E> = {}): void {
  registry.register(errorClass, options.revive as ((arrived: Error) => Error) | undefined) // what arrives has the prototype of this class
}

/** Makes the error classes that the generator found known. */
export function registerGeneratedErrors(gen: { readonly fingerprint: string; readonly errors?: readonly ErrorClass[] }): void {
  registry.registerGenerated(gen)
}

/** @param above the errors that this one is a cause of, or one of the errors of: a circle of them is cut, and so is what is deeper than anybody writes by hand */
export function writeError(w: Writer, error: unknown, above: readonly unknown[] = []): void {
  if (!isErrorLike(error)) return writeThrown(w, error)
  const isDom = isDomException(error)
  w.u8(isDom ? FORM.domException : FORM.error)
  w.string(textOf(read(error, 'name'), 'Error'))
  w.string(textOf(read(error, 'message'), ''))
  const inner = [...above, error]
  const isSent = (nested: unknown): boolean => inner.length <= MAX_CAUSES && !inner.includes(nested)
  if (!isDom) {
    w.string(registry.keyOf(error))
    const errors = read(error, 'errors')
    const own = Array.isArray(errors) ? (errors as readonly unknown[]).filter(isSent) : undefined
    writeFields(w, error, own === undefined ? KEPT_APART : ERRORS_APART)
    w.bool(own !== undefined)
    if (own !== undefined) {
      w.bool(Object.prototype.propertyIsEnumerable.call(error, 'errors'))
      w.uint(own.length)
      for (const one of own) writeError(w, one, inner)
    }
  }
  const cause = read(error, 'cause')
  const hasCause = cause !== undefined && cause !== NOT_SENDABLE && isSent(cause)
  w.bool(hasCause)
  if (hasCause) writeError(w, cause, inner)
}
const ERRORS_APART: ReadonlySet<string> = new Set([...KEPT_APART, 'errors'])

/** What is thrown and is not an error arrives as it was. Of a function or a symbol nothing can: its caller must not take it for `null`. */
function writeThrown(w: Writer, thrown: unknown): void {
  const value = sendable(thrown)
  if (value === NOT_SENDABLE) return writeError(w, new Error(`the method threw ${kindOf(thrown)}, which cannot be sent to another process`))
  w.u8(FORM.value)
  w.bytes(bytesOf(value))
}

function kindOf(thrown: unknown): string {
  if (typeof thrown === 'symbol') return `the symbol ${String(thrown.description)}`
  return typeof thrown === 'function' ? `the function "${textOf(read(thrown, 'name'), '')}"` : 'an object'
}

export function readError(r: Reader): unknown {
  const form = r.u8()
  if (form === FORM.value) return readAny(new Reader(r.bytes()))
  const name = r.string()
  const message = r.string()
  if (form === FORM.domException) return new DOMException(message, { name, ...readCause(r) } as unknown as string) // Node takes a cause as well; its types do not say so
  const key = r.string()
  const fields = readFields(r)
  const errors = readErrors(r)
  const error = new Error(message, readCause(r))
  const known = registry.find(key)
  if (known !== undefined) Object.setPrototypeOf(error, known.errorClass.prototype as object)
  if (read(error, 'name') !== name) define(error, 'name', { value: name, enumerable: false })
  if (errors !== undefined) define(error, 'errors', errors)
  for (const [field, property] of fields) define(error, field, property)
  return known?.revive === undefined ? error : revived(known.revive, error)
}

function revived(revive: (arrived: Error) => Error, arrived: Error): Error {
  try {
    const error = revive(arrived)
    if (arrived.cause !== undefined && error.cause === undefined) define(error, 'cause', { value: arrived.cause, enumerable: false })
    return error
  } catch {
    return arrived
  }
}

interface Property {
  readonly value: unknown
  readonly enumerable: boolean
}

/** Own data properties, enumerable or not (libraries hide theirs from logs), and the values of getters that everybody sees. */
function writeFields(w: Writer, error: object, apart: ReadonlySet<string>): void {
  const fields = Object.getOwnPropertyNames(error).flatMap((key) => {
    if (apart.has(key)) return []
    const enumerable = Object.prototype.propertyIsEnumerable.call(error, key)
    if (!enumerable && Object.getOwnPropertyDescriptor(error, key)?.get !== undefined) return []
    const value = sendable(read(error, key))
    return value === NOT_SENDABLE ? [] : [{ key, value, enumerable }]
  })
  w.uint(fields.length)
  for (const { key, value, enumerable } of fields) {
    w.string(key)
    w.bool(enumerable)
    w.bytes(bytesOf(value))
  }
}

function readFields(r: Reader): readonly (readonly [string, Property])[] {
  const fields: (readonly [string, Property])[] = []
  for (let left = r.uint(); left > 0; left--) {
    const key = r.string()
    const enumerable = r.bool()
    fields.push([key, { value: readAny(new Reader(r.bytes())), enumerable }])
  }
  return fields
}

function readErrors(r: Reader): Property | undefined {
  if (!r.bool()) return undefined
  const enumerable = r.bool()
  const value: unknown[] = []
  for (let left = r.uint(); left > 0; left--) value.push(readError(r))
  return { value, enumerable }
}

function readCause(r: Reader): { readonly cause: unknown } | undefined {
  return r.bool() ? { cause: readError(r) } : undefined
}

function define(error: Error, key: string, { value, enumerable }: Property): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable })
}

function isErrorLike(value: unknown): value is object {
  // instanceof is not asked: an error may come from another realm or another copy of a package.
  if (isNativeError(value)) return true
  try {
    return typeof value === 'object' && value !== null && 'message' in value && 'name' in value
  } catch {
    return false // a proxy that throws
  }
}

function isDomException(value: object): boolean {
  return read(value, Symbol.toStringTag) === 'DOMException'
}

/** @param otherwise what stands for a value that has no text, such as one whose getter throws */
function textOf(value: unknown, otherwise: string): string {
  try {
    return value === NOT_SENDABLE ? otherwise : String(value)
  } catch {
    return otherwise
  }
}

/** @param value what `sendable` gave */
function bytesOf(value: unknown): Uint8Array {
  const w = new Writer(FIELD_BYTES)
  writeAny(w, value)
  return w.finish()
}
/** Room for a usual field. */
const FIELD_BYTES = 256
