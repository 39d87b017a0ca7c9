/**
 * The consuming end of one direction of a stream: keeps arrived items, encoded, until they are
 * requested.
 *
 * I1  What arrived before the end or before an error is delivered before it. Only a consumer that
 *     gave up itself loses what it had not taken.
 * I2  Items are delivered in the order of their numbers; a gap ends the stream with an error and is
 *     never skipped.
 * I3  The producer is notified once that no more is wanted, unless it has ended by itself.
 */
import { Reader } from '../../codec/reader.js'
import { codecError } from '../../codec/codec-error.js'
import { leavable } from './leavable-stream.js'
import { itemCost, MAX_ITEM_BYTES, ReceiveWindow } from './stream-window.js'

export interface StreamReceiverOptions {
  decode(r: Reader): unknown
  /** Returns credit to the producer. */
  onCredit(credits: number): void
  /** The consumer stopped before the end. */
  onCancel(): void
}

/**
 * Items of one frame. They stay together as they arrived: an object per item would take many times
 * the memory of a small item.
 */
interface Batch {
  readonly bytes: Buffer
  /** Position of the next item, which starts with its length. */
  at: number
}
const LENGTH_BYTES = 4

type End = { readonly error?: unknown; readonly isError: boolean }

export class StreamReceiver {
  readonly #options: StreamReceiverOptions
  readonly #window = new ReceiveWindow()
  readonly #queue: Batch[] = []
  /** Pieces of the next item. */
  #parts: Uint8Array[] = []
  #partBytes = 0
  #arrived = 0
  #end: End | undefined
  #wake: (() => void) | undefined

  constructor(options: StreamReceiverOptions) {
    this.#options = options
  }

  /**
   * Handles the body of an `items` frame.
   * @throws WeaverError if this producer may not send it now
   */
  onItems(r: Reader): void {
    if (this.#end !== undefined) return
    const first = r.uint()
    if (first !== this.#arrived >>> 0) throw codecError(`item ${first} arrived where ${this.#arrived} was due; the broker lost some`) // I2
    const count = r.uint()
    const bytes = this.#whole(r)
    let at = 0
    for (let left = count; left > 0; left--) {
      const size = at + LENGTH_BYTES > bytes.length ? Infinity : bytes.readUInt32LE(at)
      at += LENGTH_BYTES + size
      if (at > bytes.length) throw codecError('an item was cut short')
      if (!this.#window.arrive(itemCost(size))) throw codecError('the producer sent more than it had credit for')
    }
    this.#arrived += count
    if (count > 0) this.#queue.push({ bytes, at: 0 })
    this.#notify()
  }

  /**
   * Handles the body of a `part` frame.
   * @throws WeaverError if this producer may not send it now
   */
  onPart(r: Reader): void {
    if (this.#end !== undefined) return
    const piece = r.bytes()
    this.#partBytes += piece.length
    if (this.#partBytes > MAX_ITEM_BYTES || !this.#window.isOpen) throw codecError('the producer sent more than it had credit for')
    this.#parts.push(piece)
  }

  end(): void {
    this.#finish({ isError: false })
  }

  /** Ends the stream with this error, after what has arrived (I1). */
  fail(error: unknown): void {
    this.#finish({ isError: true, error })
  }

  /** The consumer's own side gave up: it sees this error at once. */
  abandon(error: unknown): void {
    this.#queue.length = 0
    this.#finish({ isError: true, error })
  }

  /**
   * Arrived and arriving items, decoded. Call it once. A consumer that leaves before the end
   * cancels the producer.
   */
  items(): AsyncGenerator<unknown, void, undefined> {
    return leavable(this.#items(), () => this.cancel())
  }

  async *#items(): AsyncGenerator<unknown, void, undefined> {
    try {
      for (;;) {
        const bytes = this.#take()
        if (bytes !== undefined) {
          const back = this.#window.take(itemCost(bytes.length))
          if (back > 0 && this.#end === undefined) this.#options.onCredit(back)
          yield this.#options.decode(new Reader(bytes))
        } else if (this.#end === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
        else if (this.#end.isError) throw this.#end.error
        else return
      }
    } finally {
      this.cancel()
    }
  }

  /**
   * The items of a frame, each after its length; pieces that came before them belong to the first,
   * which is then the only one.
   */
  #whole(r: Reader): Buffer {
    if (this.#parts.length === 0) {
      const raw = r.raw(r.left)
      return Buffer.from(raw.buffer, raw.byteOffset, raw.length)
    }
    const last = r.raw(r.u32())
    const head = Buffer.alloc(LENGTH_BYTES)
    head.writeUInt32LE(this.#partBytes + last.length)
    const bytes = Buffer.concat([head, ...this.#parts, last])
    this.#parts = []
    this.#partBytes = 0
    return bytes
  }

  #take(): Uint8Array | undefined {
    const [batch] = this.#queue
    if (batch === undefined) return undefined
    const begin = batch.at + LENGTH_BYTES
    batch.at = begin + batch.bytes.readUInt32LE(batch.at)
    if (batch.at >= batch.bytes.length) this.#queue.shift()
    return batch.bytes.subarray(begin, batch.at)
  }

  /** I3 */
  cancel(): void {
    if (this.#end !== undefined) return
    this.#queue.length = 0
    this.#finish({ isError: false })
    this.#options.onCancel()
  }

  #finish(end: End): void {
    this.#end ??= end
    this.#notify()
  }

  #notify(): void {
    this.#wake?.()
    this.#wake = undefined
  }
}
