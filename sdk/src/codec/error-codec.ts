/**
 * How an application's error crosses a process border: class (if known here), name, message, code,
 * details and other own fields, the errors of an `AggregateError`, and the chain of causes. The
 * stack stays in the callee's log. Whatever the error, its name, message and class arrive; other
 * parts that cannot be sent are omitted.
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
/** Known by name: each realm has its own. */
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
/** They are sent separately. */
const KEPT_APART: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'cause'])

export interface ErrorClassOptions<E extends Error> {
  /**
   * Makes an instance of the received error: an error with name, message, cause and the sent
   * fields, whose prototype is that of the class. For a class whose constructor sets its methods,
   * or that has private fields. If it throws, the received error is used as it is.
   * @default the constructor does not run, and the received error is the instance
   */
  readonly revive?: (arrived: E) => E
}

interface KnownClass {
  /** Identifies the class in messages; the same in each process of a build. */
  key: string
  readonly errorClass: ErrorClass
  readonly revive: ((arrived: Error) => Error) | undefined
}

/**
 * Classes whose errors arrive as instances. A class is recognised by its prototype, never by name
 * alone: a minifier may give two classes one name.
 */
export class ErrorRegistry {
  readonly #byKey = new Map<string, KnownClass>()
  readonly #byPrototype = new Map<object, KnownClass>()

  constructor() {
    for (const [key, errorClass] of Object.entries(BUILT_IN)) this.#add({ key, errorClass, revive: undefined })
  }

  /** Registers a class under its name, with a number if another class has that name. */
  register(errorClass: ErrorClass, revive?: (arrived: Error) => Error): void {
    const known = this.#byPrototype.get(errorClass.prototype as object)
    if (known !== undefined && revive === undefined) return
    this.#add({ key: known?.key ?? this.#freeKey(errorClass.name), errorClass, revive })
  }

  /**
   * Registers the classes that the generator found, by their position in its list: another bundle
   * of the same build may name them differently.
   */
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

  /** The key of the error's class, or of the nearest known class that it extends. */
  keyOf(error: object): string {
    for (let at = Object.getPrototypeOf(error) as object | null; at !== null; at = Object.getPrototypeOf(at) as object | null) {
      const known = this.#byPrototype.get(at)
      if (known !== undefined) return known.key
      const constructor = Object.hasOwn(at, 'constructor') ? read(at, 'constructor') : undefined
      const name = typeof constructor === 'function' ? constructor.name : ''
      // Of another realm, or another copy of a package. An application's class that only shares
      // such a name extends Error itself.
      if (Object.hasOwn(BUILT_IN, name) && isForeignBuiltIn(at, name)) return name
    }
    return 'Error'
  }
}

/** @param prototype of a class that has the name of a built-in one, but is not it */
function isForeignBuiltIn(prototype: object, name: string): boolean {
  return Object.hasOwn(prototype, 'name') && read(prototype, 'name') === name
}

const registry = new ErrorRegistry()

/**
 * Makes errors of this class arrive as its instances. Call it at the top of the module that
 * declares the class, on both sides alike. The generator finds the classes that a component's
 * module exports, and they need it only for `revive`.
 * @example registerError(z.ZodError, { revive: ({ issues }) => new z.ZodError(issues) })
 */
export function registerError<E extends Error>(errorClass: new (...args: never[]) => E, options: ErrorClassOptions<E> = {}): void {
  registry.register(errorClass, options.revive as ((arrived: Error) => Error) | undefined) // the received error has the prototype of this class
}

/** Registers the error classes that the generator found. */
export function registerGeneratedErrors(gen: { readonly fingerprint: string; readonly errors?: readonly ErrorClass[] }): void {
  registry.registerGenerated(gen)
}

/**
 * @param above the errors that this one is a cause, or one of the errors, of; cycles are cut, and
 * so is nesting deeper than any written by hand
 */
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

/**
 * A thrown value that is not an error arrives unchanged. A function or a symbol cannot, and must
 * not look like `null` to the caller.
 */
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
  if (form === FORM.domException) return new DOMException(message, { name, ...readCause(r) } as unknown as string) // Node also accepts a cause, which its types do not say
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

/**
 * Own data properties, enumerable or not (libraries hide theirs from logs), and the values of
 * enumerable getters.
 */
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
  // Not instanceof: an error may come from another realm or another copy of a package.
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

/** @param otherwise replaces a value that has no text, such as one whose getter throws */
function textOf(value: unknown, otherwise: string): string {
  try {
    return value === NOT_SENDABLE ? otherwise : String(value)
  } catch {
    return otherwise
  }
}

/** @param value the result of `sendable` */
function bytesOf(value: unknown): Uint8Array {
  const w = new Writer(FIELD_BYTES)
  writeAny(w, value)
  return w.finish()
}
/** Room for a typical field. */
const FIELD_BYTES = 256
