/**
 * Exponential delays with jitter: between half of the step and the whole step, so that clients do
 * not return all at once.
 */
export class Backoff {
  readonly #first: number
  readonly #most: number
  #failures = 0

  constructor(options: { readonly firstMs: number; readonly mostMs: number }) {
    this.#first = options.firstMs
    this.#most = options.mostMs
  }

  /**
   * The delay before the next attempt, in milliseconds; at least half of the step, so it is never a
   * busy loop.
   */
  next(): number {
    const step = Math.min(this.#most, this.#first * 2 ** Math.min(this.#failures++, 20))
    return step / 2 + (Math.random() * step) / 2
  }

  reset(): void {
    this.#failures = 0
  }
}
