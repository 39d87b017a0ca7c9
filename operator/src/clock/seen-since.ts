/**
 * For how long this process has seen something, by its steady clock. In place of a timestamp of the
 * API server, whose clock is another's; a new process begins anew, which only waits longer.
 */
export class SeenSince {
  readonly #steady: () => number
  readonly #first = new Map<string, number>()

  constructor(steady: () => number) {
    this.#steady = steady
  }

  /** Milliseconds since the first call with this key; 0 at that. */
  elapsedMs(key: string): number {
    const now = this.#steady()
    const first = this.#first.get(key) ?? now
    this.#first.set(key, first)
    return now - first
  }

  forget(key: string): void {
    this.#first.delete(key)
  }

  /** Forgets all but these. */
  keepOnly(keys: ReadonlySet<string>): void {
    for (const key of this.#first.keys()) if (!keys.has(key)) this.#first.delete(key)
  }
}
