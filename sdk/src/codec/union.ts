/** What generated codecs call beside the reader and the writer. */
import type { WeaverError } from '../contract/errors.js'
import { codecError, wrongValue } from './codec-error.js'
import { showLiterals, showValue, withArticle } from './show-value.js'

/** Position of a literal in the list of those that its type allows. */
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

/** For a value that no member of the union covers. */
export function unionError(name: string, value: unknown): WeaverError {
  return wrongValue(value, `is not of type ${name}`)
}

/** For an object whose tag is none of those of the union. */
export function tagError(name: string, tag: string, value: unknown): WeaverError {
  if (typeof value !== 'object' || value === null || !isPlainObject(value)) return unionError(name, value)
  const found = (value as Readonly<Record<string, unknown>>)[tag] // whatever it is
  return wrongValue(value, `is not of type ${name}`, `an object whose ${tag} is ${showValue(found)}`)
}

/** For the number of a member that the union does not have. */
export function memberError(name: string, member: number): WeaverError {
  return codecError(`type ${name} has no member number ${member}; another build wrote these bytes`)
}

/** Tells a Buffer from a Uint8Array. */
export function isBuffer(value: unknown): boolean {
  return Buffer.isBuffer(value)
}

/** True for what is an object and none of the classes that have a codec of their own. */
export function isPlainObject(value: object): boolean {
  return !Array.isArray(value) && Object.prototype.toString.call(value) === '[object Object]'
}

/** The same of any value; nearly always the first question answers it. */
export function isRecord(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || isPlainObject(value)
}

/** Sets a key of a plain object; also `__proto__`, which an assignment would take for the prototype. */
export function setKey<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
  else record[key] = value
}

/** The bytes below a typed array of this class, not copied. Both ends have the byte order of little-endian machines, the only kind that deployments mix. */
export function typedArrayBytes(value: ArrayBufferView, name: string): Uint8Array {
  if (Object.prototype.toString.call(value) !== `[object ${name}]`) throw wrongValue(value, `is not ${withArticle(name)}`)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** The typed array of such bytes, not copied. */
export function typedArrayOf<T>(
  type: { new (buffer: ArrayBufferLike): T; readonly name: string; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  if (bytes.length % type.BYTES_PER_ELEMENT !== 0)
    throw codecError(`${bytes.length} bytes do not make ${withArticle(type.name)}; another build wrote them`)
  return new type(bytes.buffer)
}
