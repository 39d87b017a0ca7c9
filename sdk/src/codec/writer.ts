import { isDate, isMap, isSet, isUint8Array } from 'node:util/types'
import { codecError, wrongType } from './codec-error.js'
import { AS_DOUBLE, AS_INT64, EIGHT_BYTES } from './eight-bytes.js'
import { DOUBLE_FOLLOWS, HEAD_BYTES, MAX_MESSAGE_BYTES, PART_SIZE_BYTES, SMALL_COPY_BYTES, SMALL_INTEGERS, TEXT } from './layout.js'
import { isRecord } from './union.js'

const SLAB_BYTES = 16_384

/** `write` without a look at what its arguments may be. */
const { utf8Write } = Buffer.prototype as unknown as { readonly utf8Write: (this: Buffer, text: string, at: number) => number } // not in Node's types

/**
 * Writes values one after the other. Nothing is tagged and nothing is named: only a `Reader` driven by code generated from the same types can read it
 * (layout.ts). Reusable: `finish()` gives the bytes out and starts the next message. Not safe for use by two messages at once. A message may have other ones
 * inside, its parts: they are written where they are to lie, and not copied there.
 *
 * I1  Bytes that were given out are never written again: messages lie one behind the other in a slab, and a full slab is left to its messages.
 * I2  What does not fit its bytes is refused, never cut off: a write checks its value, unless it cannot be wrong. No slab is larger than a size can tell
 *     (`MAX_MESSAGE_BYTES`), so the sizes of messages and parts always fit; the length of a string always does.
 */
export class Writer {
  #slab: Buffer
  /** What lies under the slab alone, and its length: to ask the slab for them takes longer than most writes. */
  #memory: ArrayBuffer
  #slabEnd: number
  /** Where the message begins in the slab. */
  #first = 0
  /** The same of the part that is open, or of the message. */
  #start = 0
  #at = HEAD_BYTES
  #text = ''
  /** Of the slabs after the first. */
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

  /** Any JavaScript number, exact, NaN, the infinities and -0 included; small integers are short. */
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

  /** Any string, one with lone surrogates included. */
  string(value: string): void {
    if (typeof value !== 'string') throw notPrimitive('string', value)
    this.uint(value.length)
    this.#text += value
  }

  /** The same as a call of `string` for each, and faster: so are `string3` and `string4`. */
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
    // instanceof is cheap, and not enough: a process may have several realms.
    if (!(value instanceof Date) && !isDate(value)) throw wrongType('a Date', value)
    this.number((value as Date).getTime())
  }

  /** Copied. */
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

  /** The number of elements that follow, each of at least one byte. */
  length(value: number): void {
    this.uint(value)
  }

  /** An array: its length; the elements follow. A string has a length and elements, too, and would pass for one. */
  list(value: { readonly length: number }): void {
    if (!Array.isArray(value)) throw wrongType('an array', value)
    this.uint(value.length)
  }

  /** Looks at an array whose length is not written. */
  tuple(value: { readonly length: number }, length: number): void {
    if (!Array.isArray(value) || value.length !== length) throw wrongType(`an array of ${length}`, value)
  }

  /** A Set: its size; the elements follow. */
  set(value: { readonly size: number }): void {
    if (!(value instanceof Set) && !isSet(value)) throw wrongType('a Set', value)
    this.uint(value.size)
  }

  /** A Map: its size; keys and values follow. */
  map(value: { readonly size: number }): void {
    if (!(value instanceof Map) && !isMap(value)) throw wrongType('a Map', value)
    this.uint(value.size)
  }

  /** An object with any keys: how many; keys and values follow. @returns the keys */
  keys(value: object): string[] {
    if (!isRecord(value)) throw wrongType('an object', value)
    const keys = Object.keys(value)
    this.uint(keys.length)
    return keys
  }

  /** Bytes of the message, without the strings that are still to come. */
  get size(): number {
    return this.#at - this.#first
  }

  /** Begins a part: what follows is a message of its own, up to `closePart`. What is around it must have no strings, and it no parts. */
  openPart(): void {
    this.#reserve(PART_SIZE_BYTES + HEAD_BYTES)
    this.#start = this.#at + PART_SIZE_BYTES
    this.#at = this.#start + HEAD_BYTES
  }

  /** @returns the bytes of the part. */
  closePart(): number {
    this.#seal()
    const size = this.#at - this.#start
    this.#putU32(this.#start - PART_SIZE_BYTES, size)
    this.#start = this.#first
    return size
  }

  /** Forgets the part that is open. */
  dropPart(): void {
    this.#at = this.#start - PART_SIZE_BYTES
    this.#start = this.#first
    this.#text = ''
  }

  /** Takes the last part, of so many bytes, out of the message. @returns a copy: a message like any other */
  takePart(size: number): Uint8Array {
    const part = this.#memory.slice(this.#at - size, this.#at)
    this.#at -= PART_SIZE_BYTES + size
    return new Uint8Array(part)
  }

  /** A part that is there already. */
  part(message: Uint8Array): void {
    this.u32(message.length)
    this.raw(message)
  }

  /** Writes over four bytes of the message. @param at `size` when they were written */
  overwriteU32(at: number, value: number): void {
    if (value >>> 0 !== value) throw notAnInteger(value, 32)
    this.#putU32(this.#first + at, value)
  }

  /** Forgets the message that was begun. */
  reset(): void {
    this.#start = this.#first
    this.#at = this.#start + HEAD_BYTES
    this.#text = ''
    if (this.#slabEnd > this.#usualBytes * 4) this.#renew()
  }

  /** The message, whose bytes nobody writes any more; the next one begins. */
  finish(): Uint8Array {
    this.#seal()
    // Not `subarray`: a Buffer takes twice as long to make.
    const done = new Uint8Array(this.#memory, this.#start, this.#at - this.#start)
    this.#first = this.#start = this.#at
    this.#at += HEAD_BYTES
    // The slab of a message that was larger than others goes with it.
    if (this.#at > this.#slabEnd || this.#slabEnd > this.#usualBytes * 4) this.#renew()
    return done
  }

  /** Ends the message or the part that is open. */
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
    // UTF-8 takes three bytes at most for each unit; a text as long in bytes as in units is ASCII.
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

  /** Room is there. Apart, so that `uint` is small enough to become part of its callers. */
  #longUint(value: number): void {
    if (value >>> 0 !== value) throw notAnInteger(value, 32)
    let rest = value
    while (rest > 0x7f) {
      this.#slab[this.#at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    this.#slab[this.#at++] = rest
  }

  /** Room is there. */
  #eightBytes(): void {
    const at = this.#at
    const slab = this.#slab
    // eight stores and no loop: the compiler removes the checks of all but one of them
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

  /** I1. What was begun moves to a new slab that has room for it. @throws WeaverError `WEAVER_CODEC_INVALID`: I2 */
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

function notAnInteger(value: number, bits: number): Error {
  return codecError(`${value} is not an integer from 0 to 2^${bits} - 1`)
}

/** Of a type of the language. @param values the first that is not of it is named */
function notPrimitive(type: 'string' | 'number' | 'boolean' | 'bigint', ...values: readonly unknown[]): Error {
  return wrongType(
    `a ${type}`,
    values.find((value) => typeof value !== type),
  )
}
