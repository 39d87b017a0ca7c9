import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { codecError, notAnInteger, notPrimitive, wrongType } from './codec-error.js'
import { AS_DOUBLE, AS_INT64, EIGHT_BYTES } from './eight-bytes.js'
import { DOUBLE_FOLLOWS, HEAD_BYTES, MAX_MESSAGE_BYTES, PART_SIZE_BYTES, SMALL_COPY_BYTES, SMALL_INTEGERS, TEXT } from './layout.js'
import { isRecord } from './union.js'

const SLAB_BYTES = 16_384

/** `write` without its checks of arguments. */
const { utf8Write } = Buffer.prototype as unknown as { readonly utf8Write: (this: Buffer, text: string, at: number) => number } // not in Node's types

/**
 * Writes values one after the other, without tags or names: only a `Reader` driven by code
 * generated from the same types can read them (layout.ts). Reusable: `finish()` returns the bytes
 * and starts the next message. It writes one message at a time. A message may contain others, its
 * parts, which are written in place.
 *
 * I1  Returned bytes are never written again: messages lie one after the other in a slab, and a
 *     full slab is left to its messages.
 * I2  A value that does not fit its bytes is rejected, never truncated: a write checks its value,
 *     unless it cannot be wrong. No slab is larger than a size can express (`MAX_MESSAGE_BYTES`),
 *     so the sizes of messages and parts always fit, as do lengths of strings.
 */
export class Writer {
  #slab: Buffer
  /** The slab's buffer and its length: reading them from the slab takes longer than most writes. */
  #memory: ArrayBuffer
  #slabEnd: number
  /** Start of the message in the slab. */
  #first = 0
  /** Start of the open part, or of the message. */
  #start = 0
  #at = HEAD_BYTES
  #text = ''
  /** Size of the slabs after the first. */
  readonly #usualBytes: number

  constructor(slabBytes: number = SLAB_BYTES) {
    this.#slab = Buffer.allocUnsafeSlow(Math.min(Math.max(slabBytes, HEAD_BYTES), MAX_MESSAGE_BYTES))
    this.#memory = this.#slab.buffer as ArrayBuffer // never a shared one
    this.#slabEnd = this.#slab.length
    this.#usualBytes = Math.max(slabBytes, SLAB_BYTES)
  }

  /** From 0 to 2^8 - 1. */
  u8(value: number): void {
    if ((value & 0xff) !== value) throw notAnInteger(value, 8)
    this.#reserve(1)
    this.#slab[this.#at++] = value
  }

  /** From 0 to 2^16 - 1. */
  u16(value: number): void {
    if ((value & 0xffff) !== value) throw notAnInteger(value, 16)
    this.#reserve(2)
    const at = this.#at
    const slab = this.#slab
    slab[at] = value
    slab[at + 1] = value >>> 8
    this.#at = at + 2
  }

  /** From 0 to 2^32 - 1. */
  u32(value: number): void {
    if (value >>> 0 !== value) throw notAnInteger(value, 32)
    this.#reserve(4)
    this.#putU32(this.#at, value)
    this.#at += 4
  }

  /** An integer from 0 to 2^32 - 1, in one to five bytes. */
  uint(value: number): void {
    this.#reserve(5)
    if ((value & 0x7f) === value) this.#slab[this.#at++] = value
    else this.#longUint(value)
  }

  /** Any JavaScript number, exactly, NaN, the infinities and -0 included. */
  number(value: number): void {
    if (typeof value !== 'number') throw notPrimitive('number', value)
    if ((value | 0) === value && value > -SMALL_INTEGERS && value < SMALL_INTEGERS && !Object.is(value, -0)) {
      this.uint((((value << 1) ^ (value >> 31)) << 1) >>> 0)
      return
    }
    this.#reserve(9)
    this.#slab[this.#at++] = DOUBLE_FOLLOWS
    AS_DOUBLE[0] = value
    this.#eightBytes()
  }

  bool(value: boolean): void {
    if (typeof value !== 'boolean') throw notPrimitive('boolean', value)
    this.u8(value ? 1 : 0)
  }

  /** Any string, including lone surrogates. */
  string(value: string): void {
    if (typeof value !== 'string') throw notPrimitive('string', value)
    this.uint(value.length)
    this.#text += value
  }

  /** Equivalent to calling `string` for each, but faster, as are `string3` and `string4`. */
  string2(a: string, b: string): void {
    if (typeof a !== 'string' || typeof b !== 'string') throw notPrimitive('string', a, b)
    if ((a.length | b.length) < 0x80) {
      this.#reserve(2)
      const at = this.#at
      const slab = this.#slab
      slab[at] = a.length
      slab[at + 1] = b.length
      this.#at = at + 2
    } else {
      this.uint(a.length)
      this.uint(b.length)
    }
    this.#text += a + b
  }

  string3(a: string, b: string, c: string): void {
    if (typeof a !== 'string' || typeof b !== 'string' || typeof c !== 'string') throw notPrimitive('string', a, b, c)
    if ((a.length | b.length | c.length) < 0x80) {
      this.#reserve(3)
      const at = this.#at
      const slab = this.#slab
      slab[at] = a.length
      slab[at + 1] = b.length
      slab[at + 2] = c.length
      this.#at = at + 3
    } else {
      this.uint(a.length)
      this.uint(b.length)
      this.uint(c.length)
    }
    this.#text += a + b + c
  }

  string4(a: string, b: string, c: string, d: string): void {
    if (typeof a !== 'string' || typeof b !== 'string' || typeof c !== 'string' || typeof d !== 'string')
      throw notPrimitive('string', a, b, c, d)
    if ((a.length | b.length | c.length | d.length) < 0x80) {
      this.#reserve(4)
      const at = this.#at
      const slab = this.#slab
      slab[at] = a.length
      slab[at + 1] = b.length
      slab[at + 2] = c.length
      slab[at + 3] = d.length
      this.#at = at + 4
    } else {
      this.uint(a.length)
      this.uint(b.length)
      this.uint(c.length)
      this.uint(d.length)
    }
    this.#text += a + b + c + d
  }

  bigint(value: bigint): void {
    if (typeof value !== 'bigint') throw notPrimitive('bigint', value)
    if (BigInt.asIntN(64, value) === value) {
      this.#reserve(9)
      this.#slab[this.#at++] = 0
      AS_INT64[0] = value
      this.#eightBytes()
      return
    }
    this.u8(1)
    this.string(value.toString(16))
  }

  /** A Date; an invalid one arrives invalid. */
  date(value: Date): void {
    // instanceof is cheap but insufficient: a process may have several realms.
    if (!(value instanceof Date) && !isDate(value)) throw wrongType('a Date', value)
    this.number((value as Date).getTime())
  }

  /** Copies the bytes. */
  bytes(value: Uint8Array): void {
    if (!(value instanceof Uint8Array) && !isUint8Array(value)) throw wrongType('a Uint8Array', value)
    this.uint((value as Uint8Array).length)
    this.raw(value)
  }

  /** Bytes without their length. */
  raw(value: Uint8Array): void {
    const { length } = value
    this.#reserve(length)
    const at = this.#at
    const slab = this.#slab
    if (length > SMALL_COPY_BYTES) slab.set(value, at)
    else for (let i = 0; i < length; i++) slab[at + i] = value[i] as number // in bounds
    this.#at = at + length
  }

  /** The number of elements that follow, each at least one byte. */
  length(value: number): void {
    this.uint(value)
  }

  /** The length of an array; its elements follow. A string, which has both, is rejected. */
  list(value: { readonly length: number }): void {
    if (!Array.isArray(value)) throw wrongType('an array', value)
    this.uint(value.length)
  }

  /** Checks an array whose length is not written. */
  tuple(value: { readonly length: number }, length: number): void {
    if (!Array.isArray(value) || value.length !== length) throw wrongType(`an array of ${length}`, value)
  }

  /** The size of a Set; its elements follow. */
  set(value: { readonly size: number }): void {
    if (!(value instanceof Set) && !isSet(value)) throw wrongType('a Set', value)
    this.uint(value.size)
  }

  /** The size of a Map; its keys and values follow. */
  map(value: { readonly size: number }): void {
    if (!(value instanceof Map) && !isMap(value)) throw wrongType('a Map', value)
    this.uint(value.size)
  }

  /** The number of an object's keys; keys and values follow. @returns the keys */
  keys(value: object): string[] {
    if (!isRecord(value)) throw wrongType('an object', value)
    const keys = Object.keys(value)
    this.uint(keys.length)
    return keys
  }

  /** Bytes of the message, without the text that `finish` adds. */
  get size(): number {
    return this.#at - this.#first
  }

  /**
   * Opens a part: everything up to `closePart` is a message of its own. The outer message must have
   * no strings, and a part no parts.
   */
  openPart(): void {
    this.#reserve(PART_SIZE_BYTES + HEAD_BYTES)
    this.#start = this.#at + PART_SIZE_BYTES
    this.#at = this.#start + HEAD_BYTES
  }

  /** @returns the size of the part in bytes */
  closePart(): number {
    this.#seal()
    const size = this.#at - this.#start
    this.#putU32(this.#start - PART_SIZE_BYTES, size)
    this.#start = this.#first
    return size
  }

  /** Discards the open part. */
  dropPart(): void {
    this.#at = this.#start - PART_SIZE_BYTES
    this.#start = this.#first
    this.#text = ''
  }

  /** Removes the last part, of this size. @returns a copy, which is a normal message */
  takePart(size: number): Uint8Array {
    const part = this.#memory.slice(this.#at - size, this.#at)
    this.#at -= PART_SIZE_BYTES + size
    return new Uint8Array(part)
  }

  /** Adds a finished part. */
  part(message: Uint8Array): void {
    this.u32(message.length)
    this.raw(message)
  }

  /**
   * Overwrites four bytes of the message.
   * @param at `size` when they were written
   */
  overwriteU32(at: number, value: number): void {
    if (value >>> 0 !== value) throw notAnInteger(value, 32)
    this.#putU32(this.#first + at, value)
  }

  /** Discards the message. */
  reset(): void {
    this.#start = this.#first
    this.#at = this.#start + HEAD_BYTES
    this.#text = ''
    if (this.#slabEnd > this.#usualBytes * 4) this.#renew()
  }

  /** Finishes the message, whose bytes are never written again, and starts the next one. */
  finish(): Uint8Array {
    this.#seal()
    // Not `subarray`: creating a Buffer takes twice as long.
    const done = new Uint8Array(this.#memory, this.#start, this.#at - this.#start)
    this.#first = this.#start = this.#at
    this.#at += HEAD_BYTES
    // The slab of an exceptionally large message is not kept.
    if (this.#at > this.#slabEnd || this.#slabEnd > this.#usualBytes * 4) this.#renew()
    return done
  }

  /** Ends the open part, or the message. */
  #seal(): void {
    const length = this.#at - this.#start
    if (this.#text !== '') {
      this.#writeText()
      this.#text = ''
    }
    this.#putU32(this.#start, length)
  }

  #writeText(): void {
    const text = this.#text
    const { length } = text
    // UTF-8 takes at most three bytes per unit; a text with as many bytes as units is ASCII.
    this.#reserve(1 + length * 3)
    const mode = this.#at++
    const written = utf8Write.call(this.#slab, text, this.#at)
    if (written === length) this.#slab[mode] = TEXT.ascii
    else if (length <= TEXT.wholeUnits && text.isWellFormed()) this.#slab[mode] = TEXT.utf8
    else {
      this.#slab[mode] = TEXT.utf16
      this.#at += this.#slab.write(text, this.#at, 'utf16le')
      return
    }
    this.#at += written
  }

  /** Room is reserved. Separate, so that `uint` is small enough to be inlined. */
  #longUint(value: number): void {
    if (value >>> 0 !== value) throw notAnInteger(value, 32)
    let rest = value
    while (rest > 0x7f) {
      this.#slab[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#slab[this.#at++] = rest
  }

  /** Room is reserved. */
  #eightBytes(): void {
    const at = this.#at
    const slab = this.#slab
    // eight stores instead of a loop: the compiler removes the checks of all but one
    slab[at] = EIGHT_BYTES[0] as number
    slab[at + 1] = EIGHT_BYTES[1] as number
    slab[at + 2] = EIGHT_BYTES[2] as number
    slab[at + 3] = EIGHT_BYTES[3] as number
    slab[at + 4] = EIGHT_BYTES[4] as number
    slab[at + 5] = EIGHT_BYTES[5] as number
    slab[at + 6] = EIGHT_BYTES[6] as number
    slab[at + 7] = EIGHT_BYTES[7] as number
    this.#at = at + 8
  }

  /** The value fits: I2. */
  #putU32(at: number, value: number): void {
    const slab = this.#slab
    slab[at] = value
    slab[at + 1] = value >>> 8
    slab[at + 2] = value >>> 16
    slab[at + 3] = value >>> 24
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#slabEnd) this.#grow(this.#at - this.#first + count)
  }

  #renew(): void {
    this.#use(Buffer.allocUnsafeSlow(this.#usualBytes))
    this.#start = 0
    this.#at = HEAD_BYTES
  }

  /**
   * I1. Moves what was begun to a new slab with enough room.
   * @throws WeaverError `WEAVER_CODEC_INVALID`: I2
   */
  #grow(size: number): void {
    if (size > MAX_MESSAGE_BYTES) throw codecError(`a message of ${size} bytes; ${MAX_MESSAGE_BYTES} are the most`)
    const next = Buffer.allocUnsafeSlow(Math.min(Math.max(this.#usualBytes, size * 2), MAX_MESSAGE_BYTES))
    this.#slab.copy(next, 0, this.#first, Math.min(this.#at, this.#slabEnd))
    this.#at -= this.#first
    this.#start -= this.#first
    this.#use(next)
  }

  #use(slab: Buffer): void {
    this.#slab = slab
    this.#memory = slab.buffer as ArrayBuffer // never a shared one
    this.#slabEnd = slab.length
    this.#first = 0
  }
}
