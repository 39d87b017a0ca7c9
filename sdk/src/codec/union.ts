/** Functions that generated codecs call, besides the reader and the writer. */
import type { WeaverError } from '../contract/errors.js'
import { codecError, wrongValue } from './codec-error.js'
import { showLiterals, showValue, withArticle } from './show-value.js'

/** The index of a literal among those that its type allows. */
export function literalIndex<T>(list: readonly T[], value: T): number {
  const index = list.indexOf(value)
  if (index < 0) throw wrongValue(value, `is not ${showLiterals(list)}`)
  return index
}

export function literalAt<T>(list: readonly T[], index: number): T {
  if (index >= list.length)
    throw codecError(`there are ${list.length} literals, and not a number ${index}; another build wrote these bytes`)
  return list[index] as T // in bounds
}

/** The error for a value outside of the union. */
export function unionError(name: string, value: unknown): WeaverError {
  return wrongValue(value, `is not of type ${name}`)
}

/** The error for an object whose tag is not in the union. */
export function tagError(name: string, tag: string, value: unknown): WeaverError {
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) return unionError(name, value)
  const found = (value as Readonly<Record<string, unknown>>)[tag] // of any type
  return wrongValue(value, `is not of type ${name}`, `an object whose ${tag} is ${showValue(found)}`)
}

/** The error for a member number outside of the union. */
export function memberError(name: string, member: number): WeaverError {
  return codecError(`type ${name} has no member number ${member}; another build wrote these bytes`)
}

/** Distinguishes a Buffer from other Uint8Arrays. */
export function isBuffer(value: unknown): boolean {
  return Buffer.isBuffer(value)
}

/** Whether an object is of none of the classes that have their own codec. */
export function isPlainObject(value: object): boolean {
  return !Array.isArray(value) && Object.prototype.toString.call(value) === '[object Object]'
}

/** Like {@link isPlainObject}, for any value; the first test nearly always decides. */
export function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || isPlainObject(value)
}

/**
 * Sets a key of a plain object, including `__proto__`, whose assignment would set the prototype.
 */
export function setKey<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
  else record[key] = value
}

/**
 * The bytes of a typed array of this class, without a copy. Both ends are little-endian, the only
 * kind of machine that deployments mix.
 */
export function typedArrayBytes(value: ArrayBufferView, name: string): Uint8Array {
  if (Object.prototype.toString.call(value) !== `[object ${name}]`) throw wrongValue(value, `is not ${withArticle(name)}`)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** The typed array over such bytes, without a copy. */
export function typedArrayOf<T>(
  type: { new (buffer: ArrayBufferLike): T; readonly name: string; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  if (bytes.length % type.BYTES_PER_ELEMENT !== 0)
    throw codecError(`${bytes.length} bytes do not make ${withArticle(type.name)}; another build wrote them`)
  return new type(bytes.buffer)
}
