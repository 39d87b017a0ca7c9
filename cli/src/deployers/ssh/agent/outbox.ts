/**
 * Numbered messages that are kept until the other side has acknowledged them. Both sides have one.
 *
 * I1  What it gives out is in order, and each message once for each connection ({@link rewind}).
 * I2  It stays small: beyond its limit the oldest messages that may be lost, and that no connection
 *     has taken yet, are dropped. Their numbers are missing then.
 */
export interface Numbered<M> {
  readonly seq: number
  readonly message: M
}

export interface OutboxOptions<M> {
  /** What a message takes of `limit`; 0: it is never dropped. @default 0 */
  readonly sizeOf?: (message: M) => number
  /** @default unlimited */
  readonly limit?: number
}

/** So much more than necessary is dropped at once: to look through all of it takes time. */
const SLACK = 1 / 4

export class Outbox<M> {
  readonly #options: OutboxOptions<M>
  #last = 0
  #kept: Numbered<M>[] = []
  /** How many of those this connection has taken. */
  #taken = 0
  #size = 0
  #dropped = 0

  constructor(options: OutboxOptions<M> = {}) {
    this.#options = options
  }

  add(message: M): void {
    this.#kept.push({ seq: (this.#last += 1), message })
    this.#size += this.#sizeOf(message)
    const { limit = Infinity } = this.#options
    if (this.#size > limit) this.#drop(limit * (1 - SLACK))
  }

  acknowledge(seen: number): void {
    const first = this.#kept.findIndex(({ seq }) => seq > seen)
    const gone = this.#kept.splice(0, first < 0 ? this.#kept.length : first)
    for (const { message } of gone) this.#size -= this.#sizeOf(message)
    this.#taken = Math.max(0, this.#taken - gone.length)
  }

  /** The next message for the connection. */
  take(): Numbered<M> | undefined {
    const next = this.#kept[this.#taken]
    if (next !== undefined) this.#taken += 1
    return next
  }

  /** Another connection: what was not acknowledged is given out again. */
  rewind(): void {
    this.#taken = 0
  }

  /** Size of all that was dropped. */
  get dropped(): number {
    return this.#dropped
  }

  #drop(limit: number): void {
    this.#kept = this.#kept.filter(({ message }, i) => {
      const size = this.#sizeOf(message)
      if (i < this.#taken || size === 0 || this.#size <= limit) return true
      this.#size -= size
      this.#dropped += size
      return false
    })
  }

  #sizeOf(message: M): number {
    return this.#options.sizeOf?.(message) ?? 0
  }
}
