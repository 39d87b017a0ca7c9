/**
 * The body of a message, as it goes through. What is passed on of a chunked one is what has been
 * checked: sizes, data and trailers as they came, chunk extensions left out. With `decode`, the
 * data alone: for a client to whom chunks mean nothing (HTTP/1.0, HTTP/2).
 */
import { CR, EQUALS, HEX, LF, SEMICOLON, TOKEN } from './bytes.js'
import { parseFields } from './fields.js'
import { Refusal } from './refusal.js'
import type { BodyKind } from './response-head.js'

/** Takes what goes on. */
export interface BodySink {
  /** @param bytes read by others, too: what is kept must be copied, or never written to. */
  pass(bytes: Buffer, from: number, to: number): void
}

const MOST_SIZE_DIGITS = 8
const LONGEST_EXTENSIONS = 4 * 1_024 // of a whole body
const LONGEST_TRAILER = 4 * 1_024

type State = 'size' | 'extension name' | 'extension value' | 'size LF' | 'data' | 'data CR' | 'data LF' | 'trailer'

export class BodyReader {
  isDone: boolean
  readonly #kind: BodyKind
  readonly #decode: boolean
  /** Bytes of the body, or of the chunk, that are yet to come. */
  #left: number
  #state: State = 'size'
  #digits = 0
  #size = 0
  #extensions = 0
  #part = 0 // characters of the extension's name or value so far
  #trailer: Buffer | undefined

  constructor(kind: BodyKind, length: number, { decode = false }: { readonly decode?: boolean } = {}) {
    this.#kind = kind
    this.#left = kind === 'length' ? length : 0
    this.#decode = decode
    this.isDone = kind === 'none'
  }

  /**
   * Reads on, as far as the body goes.
   *
   * @returns index after what belongs to the body @throws Refusal
   */
  read(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    if (this.isDone || from >= to) return from
    if (this.#kind === 'chunked') return this.#readChunks(bytes, from, to, sink)
    const end = this.#kind === 'close' ? to : Math.min(to, from + this.#left)
    this.#left -= end - from
    if (this.#kind === 'length' && this.#left === 0) this.isDone = true
    sink.pass(bytes, from, end)
    return end
  }

  /** The connection has ended. @returns whether the body was complete */
  end(): boolean {
    if (this.#kind === 'close') this.isDone = true
    return this.isDone
  }

  #readChunks(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    let at = from
    let passFrom = from // of a stretch that goes on as it came
    const passTo = (end: number): void => {
      if (!this.#decode && end > passFrom) sink.pass(bytes, passFrom, end)
    }
    while (at < to) {
      const byte = bytes[at] ?? 0
      switch (this.#state) {
        case 'size': {
          const digit = HEX[byte] ?? 255
          if (digit !== 255) {
            if (++this.#digits > MOST_SIZE_DIGITS) throw new Refusal('a chunk size of more than eight digits')
            this.#size = this.#size * 16 + digit
          } else if (this.#digits === 0) throw new Refusal('a chunk without a size')
          else if (byte === CR) this.#state = 'size LF'
          else if (byte === SEMICOLON) {
            passTo(at)
            this.#part = 0
            this.#state = 'extension name'
          } else throw new Refusal('a chunk size with a character that none may have')
          at++
          break
        }
        case 'extension name':
        case 'extension value':
          this.#extension(byte)
          if (byte === CR) passFrom = at
          at++
          break
        case 'size LF':
          if (byte !== LF) throw new Refusal('a CR that no LF follows')
          at++
          this.#digits = 0
          this.#left = this.#size
          this.#size = 0
          this.#state = this.#left === 0 ? 'trailer' : 'data'
          break
        case 'data': {
          const end = Math.min(to, at + this.#left)
          if (this.#decode) sink.pass(bytes, at, end)
          this.#left -= end - at
          at = end
          if (this.#left === 0) this.#state = 'data CR'
          break
        }
        case 'data CR':
          if (byte !== CR) throw new Refusal('chunk data that is longer than its size')
          this.#state = 'data LF'
          at++
          break
        case 'data LF':
          if (byte !== LF) throw new Refusal('a CR that no LF follows')
          this.#state = 'size'
          at++
          break
        case 'trailer':
          passTo(at)
          return this.#readTrailer(bytes, at, to, sink)
      }
    }
    if (!this.#isInExtension) passTo(to)
    return to
  }

  get #isInExtension(): boolean {
    return this.#state === 'extension name' || this.#state === 'extension value'
  }

  /**
   * `;name` or `;name=value`, without quotes or space: nobody sends others, and parsers differ in
   * them.
   */
  #extension(byte: number): void {
    if (++this.#extensions > LONGEST_EXTENSIONS) throw new Refusal('chunk extensions that are too long')
    if (TOKEN[byte] === 1) {
      this.#part++
      return
    }
    if (this.#part === 0) throw new Refusal('a chunk extension that is not one')
    this.#part = 0
    if (byte === CR) this.#state = 'size LF'
    else if (byte === SEMICOLON) this.#state = 'extension name'
    else if (byte === EQUALS && this.#state === 'extension name') this.#state = 'extension value'
    else throw new Refusal('a chunk extension that is not one')
  }

  #readTrailer(bytes: Buffer, from: number, to: number, sink: BodySink): number {
    const before = this.#trailer?.length ?? 0
    const whole = this.#trailer === undefined ? bytes.subarray(from, to) : Buffer.concat([this.#trailer, bytes.subarray(from, to)])
    const fields = parseFields(whole, 0, whole.length, 'trailer')
    if ((fields?.end ?? whole.length) > LONGEST_TRAILER) throw new Refusal(`trailers of more than ${LONGEST_TRAILER} bytes`, 431)
    if (fields === undefined) {
      this.#trailer = before === 0 ? Buffer.from(whole) : whole
      return to
    }
    if (fields.cuts.length > 0 || fields.host !== undefined) throw new Refusal('a trailer that belongs into the head')
    this.#trailer = undefined
    this.isDone = true
    if (!this.#decode) sink.pass(whole, 0, fields.end)
    return from + fields.end - before
  }
}
