import { isDate, isUint8Array } from 'node:util/types'
import { codecError } from './codec-error.js'
import { HEAD_BYTES, TEXT } from './layout.js'

const SLAB_BYTES = 16_384
/** Before a part: how long it is. */
const SIZE_BYTES = 4
const MAX_SMALL_INT = 2 ** 30

/**
 * Writes values one after the other. Nothing is tagged and nothing is named: only a `Reader` driven by code generated from the same types can read it
 * (layout.ts). Reusable: `finish()` gives the bytes out and starts the next message. Not safe for use by two messages at once. A message may have other ones
 * inside, its parts: they are written where they are to lie, and not copied there.
 *
 * I1  Bytes that were given out are never written again: messages lie one behind the other in a slab, and a full slab is left to its messages.
 */
export class Writer {
  #slab: Buffer
  /** Where the message begins in the slab. */
  #first = 0
  /** The same of the part that is open, or of the message. */
  #start = 0
  #at = HEAD_BYTES
  #text = ''
  /** Of the slabs after the first. */
  readonly #usualBytes: number

  constructor(slabBytes: number = SLAB_BYTES) {
    this.#slab = Buffer.allocUnsafe(Math.max(slabBytes, HEAD_BYTES))
    this.#usualBytes = Math.max(slabBytes, SLAB_BYTES)
  }

  u8(value: number): void {
    this.#reserve(1)
    this.#slab[this.#at++] = value
  }

  u16(value: number): void {
    this.#reserve(2)
    this.#at = this.#slab.writeUInt16LE(value, this.#at)
  }

  u32(value: number): void {
    this.#reserve(4)
    this.#at = this.#slab.writeUInt32LE(value, this.#at)
  }

  /** An integer from 0 to 2^32 - 1, in one to five bytes. */
  uint(value: number): void {
    this.#reserve(5)
    if (value < 0x80) {
      this.#slab[this.#at++] = value
      return
    }
    let rest = value
    while (rest > 0x7f) {
      this.#slab[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#slab[this.#at++] = rest
  }

  /** An integer from -2^31 to 2^31 - 1; near zero is short. */
  int(value: number): void {
    this.uint(((value << 1) ^ (value >> 31)) >>> 0)
  }

  /** Any JavaScript number, exact, NaN, the infinities and -0 included; small integers are short. */
  number(value: number): void {
    if ((value | 0) === value && value > -MAX_SMALL_INT && value < MAX_SMALL_INT && !Object.is(value, -0)) {
      this.uint((value < 0 ? -value * 4 - 2 : value * 4) >>> 0)
      return
    }
    this.#reserve(9)
    this.#slab[this.#at++] = 1
    this.#at = this.#slab.writeDoubleLE(value, this.#at)
  }

  bool(value: boolean): void {
    this.u8(value ? 1 : 0)
  }

  /** Any string, one with lone surrogates included. */
  string(value: string): void {
    if (typeof value !== 'string') throw codecError(`expected a string, got ${typeof value}`)
    this.uint(value.length)
    this.#text += value
  }

  bigint(value: bigint): void {
    if (typeof value !== 'bigint') throw codecError(`expected a bigint, got ${typeof value}`)
    if (BigInt.asIntN(64, value) === value) {
      this.#reserve(9)
      this.#slab[this.#at++] = 0
      this.#at = this.#slab.writeBigInt64LE(value, this.#at)
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
    this.#slab.set(value, this.#at)
    this.#at += value.length
  }

  /** The number of elements that follow. */
  length(value: number): void {
    this.uint(value)
  }

  /** Bytes of the message, without the strings that are still to come. */
  get size(): number {
    return this.#at - this.#first
  }

  /** Begins a part: what follows is a message of its own, up to `closePart`. What is around it must have no strings, and it no parts. */
  openPart(): void {
    this.#reserve(SIZE_BYTES + HEAD_BYTES)
    this.#start = this.#at + SIZE_BYTES
    this.#at = this.#start + HEAD_BYTES
  }

  /** @returns the bytes of the part. */
  closePart(): number {
    this.#seal()
    const size = this.#at - this.#start
    this.#slab.writeUInt32LE(size, this.#start - SIZE_BYTES)
    this.#start = this.#first
    return size
  }

  /** Forgets the part that is open. */
  dropPart(): void {
    this.#at = this.#start - SIZE_BYTES
    this.#start = this.#first
    this.#text = ''
  }

  /** Takes the last part, of so many bytes, out of the message. @returns a copy: a message like any other */
  takePart(size: number): Uint8Array {
    const part = new Uint8Array(this.#slab.subarray(this.#at - size, this.#at))
    this.#at -= SIZE_BYTES + size
    return part
  }

  /** A part that is there already. */
  part(message: Uint8Array): void {
    this.u32(message.length)
    this.raw(message)
  }

  /** Writes over four bytes of the message. @param at `size` when they were written */
  overwriteU32(at: number, value: number): void {
    this.#slab.writeUInt32LE(value, this.#first + at)
  }

  /** Forgets the message that was begun. */
  reset(): void {
    this.#start = this.#first
    this.#at = this.#start + HEAD_BYTES
    this.#text = ''
    if (this.#slab.length > this.#usualBytes * 4) this.#renew()
  }

  /** The message, whose bytes nobody writes any more; the next one begins. */
  finish(): Uint8Array {
    this.#seal()
    const done = this.#slab.subarray(this.#start, this.#at)
    this.#first = this.#start = this.#at
    this.#at += HEAD_BYTES
    // The slab of a message that was larger than others goes with it.
    if (this.#at > this.#slab.length || this.#slab.length > this.#usualBytes * 4) this.#renew()
    return done
  }

  /** Ends the message or the part that is open. */
  #seal(): void {
    const length = this.#at - this.#start
    if (this.#text !== '') {
      this.#writeText()
      this.#text = ''
    }
    this.#slab.writeUInt32LE(length, this.#start)
  }

  #writeText(): void {
    const text = this.#text
    const { length } = text
    // UTF-8 takes three bytes at most for each unit; a text as long in bytes as in units is ASCII.
    this.#reserve(1 + length * 3)
    const mode = this.#at++
    const written = this.#slab.write(text, this.#at, 'utf8')
    if (written === length) this.#slab[mode] = TEXT.ascii
    else if (length <= TEXT.wholeUnits && text.isWellFormed()) this.#slab[mode] = TEXT.utf8
    else {
      this.#slab[mode] = TEXT.utf16
      this.#at += this.#slab.write(text, this.#at, 'utf16le')
      return
    }
    this.#at += written
  }

  #reserve(count: number): void {
    if (this.#at + count > this.#slab.length) this.#grow(this.#at - this.#first + count)
  }

  #renew(): void {
    this.#slab = Buffer.allocUnsafe(this.#usualBytes)
    this.#first = this.#start = 0
    this.#at = HEAD_BYTES
  }

  /** I1. What was begun moves to a new slab that has room for it. */
  #grow(size: number): void {
    const next = Buffer.allocUnsafe(Math.max(this.#usualBytes, size * 2))
    this.#slab.copy(next, 0, this.#first, Math.min(this.#at, this.#slab.length))
    this.#at -= this.#first
    this.#start -= this.#first
    this.#first = 0
    this.#slab = next
  }
}
