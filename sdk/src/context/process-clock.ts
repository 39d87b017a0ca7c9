/**
 * The clock by which this process measures time: limits, waits and cached values. It never jumps: a
 * machine's wall clock may be set forward or back, which must neither end a limit at once nor
 * extend it by an hour. Times shown to application code, or sent to other processes, are wall time
 * or time left.
 */

/** By the wall clock, read once. */
const ORIGIN_MS = performance.timeOrigin
/** Readings of two clocks differ by up to this much without meaning. */
const TOLERANCE_MS = 50

/** Whole milliseconds; equal to epoch milliseconds until the machine's wall clock is set. */
export function processNow(): number {
  return Math.floor(ORIGIN_MS + performance.now())
}

/**
 * How far this clock is ahead of the wall clock, in milliseconds; 0 until the wall clock is set.
 */
export function aheadOfWallMs(): number {
  const ahead = processNow() - Date.now()
  return Math.abs(ahead) <= TOLERANCE_MS ? 0 : ahead
}
