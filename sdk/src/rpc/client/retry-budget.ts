/**
 * How many calls of one component may be sent a second time. A component that fails under load must not get more of it because it fails: what was retried is
 * a share of what was called.
 */
const SHARE = 0.2
const PER_SECOND = 10
const AT_START = 100
const MOST = 1_000

export class RetryBudget {
  #left = AT_START
  #at: number

  /** @param now milliseconds by the clock of the process */
  constructor(now: number) {
    this.#at = now
  }

  /** A call was made. */
  earn(): void {
    if (this.#left < MOST) this.#left += SHARE
  }

  /** @param now milliseconds by the clock of the process. @returns whether one more call may be sent again. */
  spend(now: number): boolean {
    this.#left = Math.min(MOST, this.#left + (Math.max(0, now - this.#at) / 1_000) * PER_SECOND)
    this.#at = now
    if (this.#left < 1) return false
    this.#left--
    return true
  }
}
