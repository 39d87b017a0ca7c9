/** What generated codecs call beside the reader and the writer. */
import type { WeaverError } from '../contract/errors.js'
import { codecError } from './codec-error.js'

/** Position of a literal in the list of those that its type allows. */
export function literalIndex<T>(list: readonly T[], value: T): number {
  const index = list.indexOf(value)
  if (index < 0) throw codecError(`${show(value)} is none of ${list.map(show).join(', ')}`)
  return index
}

export function literalAt<T>(list: readonly T[], index: number): T {
  if (index >= list.length) throw codecError(`there is no literal number ${index}; another build wrote these bytes`)
  return list[index] as T // in bounds
}

/** For a value, or a member's number, that no member of the union covers. */
export function unionError(name: string, value: unknown): WeaverError {
  return codecError(`${show(value)} is no ${name}`)
}

/** True for what is an object and none of the classes that have a codec of their own. */
export function isPlainObject(value: object): boolean {
  return !Array.isArray(value) && Object.prototype.toString.call(value) === '[object Object]'
}

/** Sets a key of a plain object; also `__proto__`, which an assignment would take for the prototype. */
export function setKey<T>(record: Record<string, T>, key: string, value: T): void {
  if (key === '__proto__') Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
  else record[key] = value
}

/** The bytes below a typed array of this class, not copied. Both ends have the byte order of little-endian machines, the only kind that deployments mix. */
export function typedArrayBytes(value: ArrayBufferView, name: string): Uint8Array {
  if (Object.prototype.toString.call(value) !== `[object ${name}]`) throw codecError(`expected a ${name}, got ${show(value)}`)
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
}

/** The typed array of such bytes, not copied. */
export function typedArrayOf<T>(
  type: { new (buffer: ArrayBufferLike): T; readonly name: string; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  if (bytes.length % type.BYTES_PER_ELEMENT !== 0) throw codecError(`${bytes.length} bytes are no ${type.name}; another build wrote them`)
  return new type(bytes.buffer)
}

function show(value: unknown): string {
  return typeof value === 'string'
    ? JSON.stringify(value)
    : typeof value === 'object' && value !== null
      ? `an object with ${Object.keys(value).join(', ')}`
      : String(value)
}
