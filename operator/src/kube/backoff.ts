/** Exponential delays with jitter: from half of the step up to all of it, so that many clients do not come back at once. */
export class Backoff {
  readonly #first: number
  readonly #most: number
  #failures = 0

  constructor(options: { readonly firstMs: number; readonly mostMs: number }) {
    this.#first = options.firstMs
    this.#most = options.mostMs
  }

  /** The delay before the next try, in milliseconds; half of the step at least, so that it is never a busy loop. */
  next(): number {
    const step = Math.min(this.#most, this.#first * 2 ** Math.min(this.#failures++, 20))
    return step / 2 + (Math.random() * step) / 2
  }

  reset(): void {
    this.#failures = 0
  }
}
