/**
 * The position of a routed call's key on the ring: 32-bit MurmurHash3 (x86_32, seed 0) of a
 * canonical encoding of the key. Callers compute it, and the deployer divides the ring into slices;
 * both must agree, so neither changes within a release.
 *
 * The encoding is a byte for the type, followed by: for a number, its IEEE 754 double, little
 * endian (-0 as 0, every NaN as one); for a bigint, its decimal digits as a string; for a string,
 * its length in UTF-16 units as u32 and its units as UTF-16, little endian; for a list, its length
 * as u32 and its elements; for an object, the number of its fields as u32, and each field's name
 * and value, sorted by name. Undefined fields are omitted.
 *
 * The hash distributes keys and does not keep secrets: whoever chooses the keys can choose a slice.
 */
import { WeaverError } from './errors.js'

/**
 * What a router may return. Equal keys go to the same replica if possible; lists and objects are
 * equal if their elements are.
 */
export type RoutingKey = string | number | bigint | readonly RoutingKey[] | { readonly [field: string]: RoutingKey }

const TYPE = { number: 1, bigint: 2, string: 3, list: 4, object: 5 } as const
const MAX_DEPTH = 16

let bytes = Buffer.allocUnsafe(256)
let at = 0

/**
 * @returns an integer from 0 to 2^32 - 1
 * @throws WeaverError `WEAVER_ROUTING_KEY`: a value of another type
 */
export function shardKey(key: RoutingKey): number {
  at = 0
  write(key, 0)
  return murmur3(bytes, at)
}

function write(key: unknown, depth: number): void {
  switch (typeof key) {
    case 'number':
      reserve(9)
      bytes[at++] = TYPE.number
      at = bytes.writeDoubleLE(Number.isNaN(key) ? NaN : key + 0, at)
      return
    case 'bigint':
      reserve(1)
      bytes[at++] = TYPE.bigint
      return writeText(key.toString())
    case 'string':
      reserve(1)
      bytes[at++] = TYPE.string
      return writeText(key)
    case 'object':
      if (key !== null && depth < MAX_DEPTH && (Array.isArray(key) || isPlain(key))) return writeMany(key, depth)
  }
  throw new WeaverError(
    'WEAVER_ROUTING_KEY',
    `a router returned ${nameOf(key)}; a key is a number, a bigint, a string, or a list or plain object of keys`,
  )
}

function nameOf(key: unknown): string {
  if (key === null) return 'null'
  if (typeof key !== 'object') return `a key of type ${typeof key}`
  if (Array.isArray(key) || isPlain(key)) return 'a key that is nested too deeply'
  return `a key that is a ${key.constructor.name}`
}

/**
 * Excludes `Date`, `Map` and objects of classes: their fields do not distinguish them. An object of
 * another realm is plain, too.
 */
function isPlain(key: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(key)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function writeMany(key: object, depth: number): void {
  if (Array.isArray(key)) {
    writeHead(TYPE.list, key.length)
    for (const item of key as readonly unknown[]) write(item, depth + 1)
    return
  }
  const fields = Object.entries(key).filter(([, value]) => value !== undefined)
  fields.sort(([a], [b]) => (a < b ? -1 : 1))
  writeHead(TYPE.object, fields.length)
  for (const [name, value] of fields) {
    writeText(name)
    write(value, depth + 1)
  }
}

function writeHead(type: number, count: number): void {
  reserve(5)
  bytes[at++] = type
  at = bytes.writeUInt32LE(count, at)
}

function writeText(text: string): void {
  reserve(4 + 2 * text.length)
  at = bytes.writeUInt32LE(text.length, at)
  // Keys are usually short, and a call into the runtime costs more than a few characters.
  if (text.length <= 32)
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i)
      bytes[at++] = unit & 0xff
      bytes[at++] = unit >>> 8
    }
  else at += bytes.write(text, at, 'utf16le')
}

function reserve(count: number): void {
  if (at + count <= bytes.length) return
  const grown = Buffer.allocUnsafe(Math.max(at + count, 2 * bytes.length))
  bytes.copy(grown, 0, 0, at)
  bytes = grown
}

/** MurmurHash3_x86_32 by Austin Appleby, with seed 0. */
export function murmur3(data: Uint8Array, length: number = data.length): number {
  const byte = (i: number): number => data[i] as number // within length
  let hash = 0
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    hash ^= scramble(byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24))
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64
  }
  let rest = 0
  for (let i = length - 1; i >= whole; i--) rest = (rest << 8) | byte(i)
  if (length > whole) hash ^= scramble(rest)
  hash ^= length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function scramble(block: number): number {
  const k = Math.imul(block, 0xcc9e2d51)
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593)
}
