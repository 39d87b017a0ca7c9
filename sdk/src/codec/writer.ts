import { isDate, isUint8Array } from 'node:util/types'
import { codecError } from './codec-error.js'

const INITIAL_BYTES = 256
/** Strings up to this length are written character by character while they are ASCII; longer ones by one native call. */
const SHORT_STRING = 48
const MAX_SMALL_INT = 2 ** 30

/**
 * Writes values one after the other into a growing buffer. Nothing is tagged and nothing is named: only a `Reader` driven by code generated from the
 * same types can read it. Reusable: `finish()` copies the bytes out and starts again. Not safe for use by two calls at once.
 */
export class Writer {
  #bytes: Buffer
  #at = 0

  constructor(initialBytes: number = INITIAL_BYTES) {
    this.#bytes = Buffer.allocUnsafe(initialBytes)
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#at
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#at = this.#bytes.writeUInt16LE(value, this.#at)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#at = this.#bytes.writeUInt32LE(value, this.#at)
  }

  /** An integer from 0 to 2^32 - 1, in one to five bytes. */
  uint(value: number): void {
    this.#reserve(5)
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#bytes[this.#at++] = rest
  }

  /** An integer from -2^31 to 2^31 - 1; near zero is short. */
  int(value: number): void {
    this.uint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Any JavaScript number, exact, NaN, the infinities and -0 included; small integers are short. */
  number(value: number): void {
    if (value > -MAX_SMALL_INT && value < MAX_SMALL_INT && Number.isInteger(value) && !Object.is(value, -0)) {
      this.uint((value < 0 ? -value * 4 - 2 : value * 4) >>> 0)
      return
    }
    this.#reserve(9)
    this.#bytes[this.#at++] = 1
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  /** Any string. One with lone surrogates, which UTF-8 cannot carry, goes as UTF-16. */
  string(value: string): void {
    if (typeof value !== 'string') throw codecError(`expected a string, got ${typeof value}`)
    const { length } = value
    if (length <= SHORT_STRING && this.#ascii(value)) return
    if (!value.isWellFormed()) {
      this.uint(((length * 2) << 1) | 1)
      this.#reserve(length * 2)
      this.#at += this.#bytes.write(value, this.#at, 'utf16le')
      return
    }
    const size = Buffer.byteLength(value)
    if (size > 0x3fffffff) throw codecError(`a string of ${size} bytes is too long to send`)
    this.uint(size << 1)
    this.#reserve(size)
    this.#at += this.#bytes.write(value, this.#at, 'utf8')
  }

  bigint(value: bigint): void {
    if (typeof value !== 'bigint') throw codecError(`expected a bigint, got ${typeof value}`)
    if (BigInt.asIntN(64, value) === value) {
      this.#reserve(9)
      this.#bytes[this.#at++] = 0
      this.#at = this.#bytes.writeBigInt64LE(value, this.#at)
      return
    }
    this.u8(1)
    this.string(value.toString(16))
  }

  /** A Date; an invalid one arrives invalid. */
  date(value: Date): void {
    if (!isDate(value)) throw codecError(`expected a Date, got ${typeof value}`)
    this.number(value.getTime())
  }

  /** Copied; a Buffer arrives as a plain Uint8Array. */
  bytes(value: Uint8Array): void {
    if (!isUint8Array(value)) throw codecError(`expected a Uint8Array, got ${typeof value}`)
    this.uint(value.length)
    this.raw(value)
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** The number of elements that follow. */
  length(value: number): void {
    this.uint(value)
  }

  /** Forgets what was written from `size` on. */
  truncate(size: number): void {
    this.#at = size
  }

  /** What was written, in memory of its own; the writer is empty afterwards. */
  finish(): Uint8Array {
    const done = new Uint8Array(this.#bytes.subarray(0, this.#at))
    this.#at = 0
    return done
  }

  #ascii(value: string): boolean {
    const { length } = value
    this.#reserve(length + 1)
    const bytes = this.#bytes
    let at = this.#at
    // 2 * length stays below 128, so its varint is one byte.
    bytes[at++] = length << 1
    for (let i = 0; i < length; i++) {
      const code = value.charCodeAt(i)
      if (code > 0x7f) return false
      bytes[at++] = code
    }
    this.#at = at
    return true
  }

  #reserve(count: number): void {
    const need = this.#at + count
    if (need <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(need, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#at)
    this.#bytes = grown
  }
}
