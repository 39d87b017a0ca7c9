import { codecError } from './codec-error.js'
import { AS_DOUBLE, AS_INT64, EIGHT_BYTES } from './eight-bytes.js'
import type { SentBuffer } from './sent-buffer.js'
import { DOUBLE_FOLLOWS, HEAD_BYTES, SMALL_COPY_BYTES, TEXT } from './layout.js'

/**
 * The text of bytes. Methods of Buffer that work on every Uint8Array; to make a Buffer of it first
 * would take longer than to read most texts.
 */
const { latin1Slice, utf8Slice, ucs2Slice } = Buffer.prototype as unknown as Readonly<
  Record<'latin1Slice' | 'utf8Slice' | 'ucs2Slice', (this: Uint8Array, start: number, end: number) => string>
> // Node has them since its beginnings; its types do not say so

/**
 * The longest key that is kept. Longer ones would keep the text of their message alive (V8 copies
 * strings of up to 12 units and refers to longer ones).
 */
const KEY_UNITS = 12
/** Keys that were read last, by their ends and length. */
const KEYS: string[] = Array.from({ length: 64 }, () => '')

/**
 * Reads what a `Writer` of the same build wrote (layout.ts). Every read is checked against the end
 * of the bytes.
 */
export class Reader {
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #bodyEnd: number
  readonly #end: number
  #at: number
  /** Units of the text that were read. */
  #textAt = 0
  /** The whole text, once a string of a short one was read. */
  #text: string | undefined

  /**
   * Never fails: bytes that are no message read as one that was cut short.
   * @param start where the message lies in the bytes
   */
  constructor(bytes: Uint8Array, start: number = 0, end: number = bytes.length) {
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.#at = start + HEAD_BYTES
    const length = end - start < HEAD_BYTES ? 0 : u32At(bytes, start)
    this.#bodyEnd = length > end - start ? start : start + length
  }

  /** Bytes of the whole message. */
  get size(): number {
    return this.#end - this.#start
  }

  /** Bytes of the body that are not read yet. */
  get left(): number {
    return this.#bodyEnd - this.#at
  }

  /**
   * The message inside of this one that comes next: a part (`Writer.openPart`). It shares the
   * bytes.
   */
  part(): Reader {
    const size = this.u32()
    const at = this.#take(size)
    return new Reader(this.#bytes, at, at + size)
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number // the index is in bounds: #take checked it
  }

  u16(): number {
    const at = this.#take(2)
    return (this.#bytes[at] as number) | ((this.#bytes[at + 1] as number) << 8) // in bounds
  }

  u32(): number {
    return u32At(this.#bytes, this.#take(4))
  }

  uint(): number {
    const at = this.#at
    const first = this.#bytes[at] as number // past the end it is undefined, and smaller than nothing
    if (first < 0x80 && at < this.#bodyEnd) {
      this.#at = at + 1
      return first
    }
    return this.#longUint()
  }

  number(): number {
    const coded = this.uint()
    if ((coded & 1) === 0) return (coded >>> 2) ^ -((coded >>> 1) & 1)
    if (coded !== DOUBLE_FOLLOWS) throw codecError('a number has no form that this build writes; another build wrote the bytes')
    this.#eightBytes()
    return AS_DOUBLE[0] as number
  }

  bool(): boolean {
    return this.u8() !== 0
  }

  string(): string {
    const units = this.uint()
    if (units === 0) return ''
    const from = this.#textAt
    const to = from + units
    this.#textAt = to
    const text = (this.#text ??= this.#shortText())
    if (text === undefined) return this.#slice(from, units)
    if (to > text.length) throw this.#cutShort(units)
    return text.substring(from, to)
  }

  /**
   * A string that likely came before: the key of an entry. Of a short one the same string is given
   * again, whose hash is known, so that a map or an object takes it faster.
   */
  key(): string {
    const key = this.string()
    const { length } = key
    if (length === 0 || length > KEY_UNITS) return key
    const slot = (key.charCodeAt(0) + 5 * key.charCodeAt(length - 1) + 11 * length) % KEYS.length
    const known = KEYS[slot]
    if (known === key) return known
    KEYS[slot] = key
    return key
  }

  bigint(): bigint {
    if (this.u8() === 0) {
      this.#eightBytes()
      return AS_INT64[0] as bigint
    }
    const text = this.string()
    if (!/^-?[\da-f]+$/.test(text)) throw codecError('a bigint has other characters than hexadecimal digits; the bytes are damaged')
    return text.startsWith('-') ? -BigInt(`0x${text.slice(1)}`) : BigInt(`0x${text}`)
  }

  date(): Date {
    return new Date(this.number())
  }

  bytes(): Uint8Array {
    return this.raw(this.uint())
  }

  /** Bytes whose type is Buffer. */
  buffer(): SentBuffer {
    const bytes = this.raw(this.uint())
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) as unknown as SentBuffer // what generated code calls a Buffer
  }

  /** A copy, so that a small field does not keep a large message alive. */
  raw(count: number): Uint8Array {
    if (count > SMALL_COPY_BYTES) return new Uint8Array(this.view(count))
    const at = this.#take(count)
    const bytes = this.#bytes
    const copy = new Uint8Array(count)
    for (let i = 0; i < count; i++) copy[i] = bytes[at + i] as number // in bounds
    return copy
  }

  /** Bytes without a copy: a view that keeps the whole message alive. */
  view(count: number): Uint8Array {
    const at = this.#take(count)
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + at, count)
  }

  /** Whether exactly these bytes come next; they are then behind. */
  skip(expected: Uint8Array): boolean {
    if (this.left < expected.length) return false
    for (let i = 0; i < expected.length; i++) if (this.#bytes[this.#at + i] !== expected[i]) return false
    this.#at += expected.length
    return true
  }

  /**
   * The number of elements that follow. Each takes at least one byte: a number that the rest of the
   * bytes cannot hold is refused before anything is made.
   */
  length(): number {
    const count = this.uint()
    if (count > this.left) throw this.#cutShort(count)
    return count
  }

  /** The text, if it is short enough to be decoded whole. */
  #shortText(): string | undefined {
    const at = this.#bodyEnd + 1
    const size = this.#end - at
    if (size <= 0) return ''
    switch (this.#bytes[this.#bodyEnd]) {
      case TEXT.ascii:
        return size <= TEXT.wholeUnits ? latin1Slice.call(this.#bytes, at, this.#end) : undefined
      case TEXT.utf8:
        return utf8Slice.call(this.#bytes, at, this.#end)
      default:
        return size <= TEXT.wholeUnits * 2 ? ucs2Slice.call(this.#bytes, at, this.#end) : undefined
    }
  }

  /** One string of a long text. */
  #slice(from: number, units: number): string {
    const isAscii = this.#bytes[this.#bodyEnd] === TEXT.ascii
    const width = isAscii ? 1 : 2
    const at = this.#bodyEnd + 1 + from * width
    const end = at + units * width
    if (end > this.#end) throw this.#cutShort(units)
    return (isAscii ? latin1Slice : ucs2Slice).call(this.#bytes, at, end)
  }

  /** Apart, so that `uint` is small enough to become part of its callers. */
  #longUint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
    }
    throw codecError('a number is longer than five bytes; the bytes are not what this build wrote')
  }

  #eightBytes(): void {
    const at = this.#take(8)
    const bytes = this.#bytes
    EIGHT_BYTES[0] = bytes[at] as number // in bounds, and so are the others
    EIGHT_BYTES[1] = bytes[at + 1] as number
    EIGHT_BYTES[2] = bytes[at + 2] as number
    EIGHT_BYTES[3] = bytes[at + 3] as number
    EIGHT_BYTES[4] = bytes[at + 4] as number
    EIGHT_BYTES[5] = bytes[at + 5] as number
    EIGHT_BYTES[6] = bytes[at + 6] as number
    EIGHT_BYTES[7] = bytes[at + 7] as number
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

/** The index is in bounds. */
function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) | ((bytes[at + 1] as number) << 8) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0
  )
}
