/**
 * Limits how many calls of one component are retried. A component that fails under load must not
 * get more load because it fails: retries are a share of calls.
 */
const SHARE = 0.2
const PER_SECOND = 10
const AT_START = 100
const MOST = 1_000

export class RetryBudget {
  #left = AT_START
  #at: number

  /** @param now milliseconds by the process clock */
  constructor(now: number) {
    this.#at = now
  }

  /** Counts a call. */
  earn(): void {
    if (this.#left < MOST) this.#left += SHARE
  }

  /**
   * @param now milliseconds by the process clock
   * @returns whether one more call may be retried
   */
  spend(now: number): boolean {
    this.#left = Math.min(MOST, this.#left + (Math.max(0, now - this.#at) / 1_000) * PER_SECOND)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
