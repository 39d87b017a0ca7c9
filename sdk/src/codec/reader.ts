import { codecError } from './codec-error.js'
import { HEAD_BYTES, TEXT } from './layout.js'

/** Reads what a `Writer` of the same build wrote (layout.ts). Every read is checked against the end of the bytes. */
export class Reader {
  readonly #bytes: Buffer
  readonly #start: number
  readonly #bodyEnd: number
  readonly #end: number
  #at: number
  /** Units of the text that were read. */
  #textAt = 0
  /** The whole text, once a string of a short one was read. */
  #text: string | undefined

  /** Never fails: bytes that are no message read as one that was cut short. @param start where the message lies in the bytes */
  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#start = start
    this.#end = end
    this.#at = start + HEAD_BYTES
    const length = end - start < HEAD_BYTES ? 0 : this.#bytes.readUInt32LE(start)
    this.#bodyEnd = length > end - start ? start : start + length
  }

  /** Bytes of the whole message. */
  get size(): number {
    return this.#end - this.#start
  }

  /** The message inside of this one that comes next: a part (`Writer.openPart`). It shares the bytes. */
  part(): Reader {
    const size = this.u32()
    const at = this.#take(size)
    return new Reader(this.#bytes, at, at + size)
  }

  /** Bytes of the body that are not read yet. */
  get left(): number {
    return this.#bodyEnd - this.#at
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number // the index is in bounds: #take checked it
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  uint(): number {
    const first = this.#bytes[this.#at] as number // past the end it is undefined, and smaller than nothing
    if (first < 0x80 && this.#at < this.#bodyEnd) {
      this.#at++
      return first
    }
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw codecError('a number is longer than five bytes; the bytes are not what this build wrote')
  }

  int(): number {
    const value = this.uint()
    return (value >>> 1) ^ -(value & 1)
  }

  number(): number {
    const value = this.uint()
    if (value === 1) return this.#bytes.readDoubleLE(this.#take(8))
    return (value & 3) === 2 ? -((value + 2) / 4) : value / 4
  }

  bool(): boolean {
    return this.u8() !== 0
  }

  string(): string {
    const units = this.uint()
    if (units === 0) return ''
    const from = this.#textAt
    this.#textAt = from + units
    const text = (this.#text ??= this.#shortText())
    if (text === undefined) return this.#slice(from, units)
    if (this.#textAt > text.length) throw this.#cutShort(units)
    return text.substring(from, this.#textAt)
  }

  bigint(): bigint {
    if (this.u8() === 0) return this.#bytes.readBigInt64LE(this.#take(8))
    const text = this.string()
    return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`)
  }

  date(): Date {
    return new Date(this.number())
  }

  bytes(): Uint8Array {
    return this.raw(this.uint())
  }

  /** A copy, so that a small field does not keep a large message alive. */
  raw(count: number): Uint8Array {
    const at = this.#take(count)
    return new Uint8Array(this.#bytes.subarray(at, at + count))
  }

  /** Bytes without a copy: a view that keeps the whole message alive. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return this.#bytes.subarray(at, at + count)
  }

  /** Whether exactly these bytes come next; they are then behind. */
  skip(expected: Uint8Array): boolean {
    if (this.left < expected.length) return false
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#at + i] !== expected[i]) return false
    this.#at += expected.length
    return true
  }

  /** The number of elements that follow; each takes at least one byte or the bytes are damaged beyond use. */
  length(): number {
    return this.uint()
  }

  /** The text, if it is short enough to be decoded whole. */
  #shortText(): string | undefined {
    const at = this.#bodyEnd + 1
    const size = this.#end - at
    if (size <= 0) return ''
    switch (this.#bytes[this.#bodyEnd]) {
      case TEXT.ascii:
        return size <= TEXT.wholeUnits ? this.#bytes.toString('latin1', at, this.#end) : undefined
      case TEXT.utf8:
        return this.#bytes.toString('utf8', at, this.#end)
      default:
        return size <= TEXT.wholeUnits * 2 ? this.#bytes.toString('utf16le', at, this.#end) : undefined
    }
  }

  /** One string of a long text. */
  #slice(from: number, units: number): string {
    const width = this.#bytes[this.#bodyEnd] === TEXT.ascii ? 1 : 2
    const at = this.#bodyEnd + 1 + from * width
    const end = at + units * width
    if (end > this.#end) throw this.#cutShort(units)
    return this.#bytes.toString(width === 1 ? 'latin1' : 'utf16le', at, end)
  }

  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bodyEnd) throw this.#cutShort(count)
    this.#at = at + count
    return at
  }

  #cutShort(count: number): Error {
    return codecError(
      `${count} more are wanted at ${this.#at - this.#start}, but the message has ${this.size} bytes; it was cut short, or another build wrote it`,
    )
  }
}
