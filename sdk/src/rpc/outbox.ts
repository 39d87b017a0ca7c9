/**
 * Frames of one tick for one subject, to be sent as one message: a broker and a socket cost by the message. A frame waits no longer than until the code that
 * runs now has come to its end.
 */
export class Outbox<T> {
  readonly #limits: { readonly frames: number; readonly bytes: number }
  readonly #flushOut: (items: readonly T[]) => void
  #items: T[] = []
  #bytes = 0
  readonly #onTickEnd = (): void => this.#flush()

  /** @param flush sends what has come together, one item or several. */
  constructor(limits: { readonly frames: number; readonly bytes: number }, flush: (items: readonly T[]) => void) {
    this.#limits = limits
    this.#flushOut = flush
  }

  add(item: T, bytes: number): void {
    if (this.#items.length > 0 && this.#bytes + bytes > this.#limits.bytes) this.#flush()
    if (this.#items.length === 0) queueMicrotask(this.#onTickEnd)
    this.#items.push(item)
    this.#bytes += bytes
    if (this.#items.length >= this.#limits.frames || this.#bytes >= this.#limits.bytes) this.#flush()
  }

  #flush(): void {
    if (this.#items.length === 0) return
    const items = this.#items
    this.#items = []
    this.#bytes = 0
    this.#flushOut(items)
  }
}
