/**
 * The producing end of one direction of a stream: takes items from an async iterator while there is
 * credit, and sends those of one turn of the event loop as one message.
 *
 * I1  `next()` is called only while the window is open and the previous call has settled: a
 *     producer is never further ahead than the window.
 * I2  When the consumer has gone, `return()` is called once, at once; it runs the `finally` of a
 *     generator as soon as that is at a `yield`.
 * I3  `run()` resolves when the producer has finished, its `finally` included, and never rejects.
 */
import { codecError } from '../../codec/codec-error.js'
import { whyRefused } from '../../codec/find-refused.js'
import type { Writer } from '../../codec/writer.js'
import { openItems } from './open-items.js'
import { itemCost, MAX_ITEM_BYTES, SendWindow } from './stream-window.js'

/**
 * Large enough that the head of a message costs nothing, small enough that the consumer has work
 * while the next items are produced.
 */
const BATCH_BYTES = 16 * 1024
/** Maximum size of the head of an `items` frame. */
const HEAD_BYTES = 32

export interface StreamSenderOptions {
  /** The owner of the items, for messages. */
  readonly what: string
  /** A message with only this item. */
  encode(write: (w: Writer) => void): Uint8Array
  encodeItem(w: Writer, item: unknown): void
  readonly maxPayloadBytes: number
  /** Sends items; `first` is the number of the first one. */
  onItems(first: number, items: readonly Uint8Array[]): void
  /** Sends a piece of the next item. */
  onPart(bytes: Uint8Array): void
  onEnd(): void
  /** The producer threw, or produced an item that cannot be sent. */
  onError(error: unknown): void
  /** An item exceeds `MAX_ITEM_BYTES`. */
  onTooLarge(bytes: number): void
  /** The producer threw after its consumer had gone: there is no receiver for the error. */
  onUnheard(error: unknown): void
}

export class StreamSender {
  readonly #options: StreamSenderOptions
  readonly #window = new SendWindow()
  #batch: Uint8Array[] = []
  #batchBytes = 0
  #sent = 0
  #iterator: AsyncIterator<unknown> | undefined
  #isCancelled = false
  #returned: Promise<unknown> | undefined
  #flushing: NodeJS.Immediate | undefined
  #wake: (() => void) | undefined

  constructor(options: StreamSenderOptions) {
    this.#options = options
  }

  /** Sends all items of what `open` returns. All its code runs in the context of this call. */
  async run(open: () => AsyncIterable<unknown>): Promise<void> {
    if (this.#isCancelled) return
    try {
      this.#iterator = openItems(this.#options.what, open())
      for (;;) {
        if (!this.#isCancelled && !this.#window.isOpen) await this.#credit()
        if (this.#isCancelled) break
        const { done, value } = await this.#iterator.next() // I1
        if (this.#isCancelled) break
        if (done === true) {
          this.#flush()
          return this.#options.onEnd()
        }
        const refuse = this.#push(value)
        if (refuse === undefined) continue
        this.#flush()
        await this.#return()
        return refuse()
      }
      await this.#return()
    } catch (error) {
      if (this.#isCancelled) return this.#options.onUnheard(error)
      this.#flush()
      this.#options.onError(error)
    } finally {
      clearImmediate(this.#flushing)
    }
  }

  grant(credits: number): void {
    this.#window.grant(credits)
    if (this.#window.isOpen) this.#resume()
  }

  /** I2 */
  cancel(): void {
    if (this.#isCancelled) return
    this.#isCancelled = true
    this.#batch = []
    this.#return().catch(() => undefined) // run() awaits the same promise and reports it
    this.#resume()
  }

  #return(): Promise<unknown> {
    const iterator = this.#iterator
    return (this.#returned ??= (async () => iterator?.return?.())())
  }

  #credit(): Promise<void> {
    this.#flush()
    return new Promise((resolve) => (this.#wake = resolve))
  }

  #resume(): void {
    this.#wake?.()
    this.#wake = undefined
  }

  /** @returns for an item that ends the stream, a function that reports it */
  #push(item: unknown): (() => void) | undefined {
    const bytes = this.#encode(item)
    if (bytes instanceof Error) return () => this.#options.onError(bytes)
    if (bytes.length > MAX_ITEM_BYTES) return () => this.#options.onTooLarge(bytes.length)
    if (bytes.length + HEAD_BYTES > this.#options.maxPayloadBytes) return this.#sendInParts(bytes)
    if (this.#batchBytes + bytes.length + HEAD_BYTES > this.#options.maxPayloadBytes) this.#flush()
    this.#window.spend(itemCost(bytes.length))
    this.#batch.push(bytes)
    this.#batchBytes += bytes.length + 5
    if (this.#batchBytes >= BATCH_BYTES) this.#flush()
    else this.#flushing ??= setImmediate(() => this.#flush())
    return undefined
  }

  #sendInParts(bytes: Uint8Array): undefined {
    this.#flush()
    const size = this.#options.maxPayloadBytes - HEAD_BYTES
    let at = 0
    for (; at + size < bytes.length; at += size) this.#options.onPart(bytes.subarray(at, at + size))
    this.#window.spend(itemCost(bytes.length))
    this.#batch.push(bytes.subarray(at))
    this.#flush()
  }

  #encode(item: unknown): Uint8Array | Error {
    const { encode, encodeItem, what } = this.#options
    try {
      return encode((w) => encodeItem(w, item))
    } catch (cause) {
      return codecError(`${what}: an item cannot be sent: ${whyRefused(encodeItem, item, cause)}`, cause)
    }
  }

  #flush(): void {
    clearImmediate(this.#flushing)
    this.#flushing = undefined
    if (this.#batch.length === 0) return
    const items = this.#batch
    this.#batch = []
    this.#batchBytes = 0
    this.#options.onItems(this.#sent >>> 0, items)
    this.#sent += items.length
  }
}
