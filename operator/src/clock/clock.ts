/**
 * The time by which the operator decides. What outlives this process is wall time, because the next
 * one must understand it; durations within this process go by a clock that nobody can set. Where
 * the two meet, `setAt` says from when on wall time may be compared.
 */

/** A smaller step of the wall clock is not noticed: no duration here is so short that it matters. */
const TOLERANCE_MS = 2_000

export interface Clock {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds since an arbitrary moment. Only differences mean something. */
  readonly steady: () => number
  /**
   * When the wall clock was last seen to have been set, by the new time: epoch milliseconds, 0 for
   * never. A duration that began earlier has no known length. A machine that slept counts as well.
   */
  readonly setAt: () => number
}

/** @param wall, steady for tests */
export function systemClock(wall = () => Date.now(), steady = () => performance.now()): Clock {
  let offset = wall() - steady()
  let setAt = 0
  return {
    now: wall,
    steady,
    setAt() {
      const now = wall()
      const before = offset
      offset = now - steady() // a slow drift does not add up
      if (Math.abs(offset - before) > TOLERANCE_MS) setAt = now
      return setAt
    },
  }
}
