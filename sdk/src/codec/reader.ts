import { codecError } from './codec-error.js'

/** Reads what a `Writer` of the same build wrote. Every read is checked against the end of the bytes. */
export class Reader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Uint8Array, at: number = 0) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#at = at
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at
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
    const head = this.uint()
    const size = head >>> 1
    const at = this.#take(size)
    return this.#bytes.toString((head & 1) === 0 ? 'utf8' : 'utf16le', at, at + size)
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

  /** The number of elements that follow; each takes at least one byte or the bytes are damaged beyond use. */
  length(): number {
    return this.uint()
  }

  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#bytes.length)
      throw codecError(
        `${count} bytes are wanted at ${at}, but the message has ${this.#bytes.length}; it was cut short, or another build wrote it`,
      )
    this.#at = at + count
    return at
  }
}
