/**
 * The clock by which this process measures time: limits, waits and what is kept for a while. It never jumps: the wall clock of a machine is set forward and back,
 * and a limit must neither pass at once nor last for an hour because of it. What is shown to code of the application or leaves the process is wall time, or time left.
 */

/** By the wall clock, read once. */
const ORIGIN_MS = performance.timeOrigin
/** Two readings of two clocks differ by that much without a meaning. */
const TOLERANCE_MS = 50

/** Whole milliseconds, like epoch milliseconds until the wall clock of the machine is set. */
export function processNow(): number {
  return Math.floor(ORIGIN_MS + performance.now())
}

/** How far this clock is ahead of the wall clock, in milliseconds; 0 as long as nobody has set that. */
export function aheadOfWallMs(): number {
  const ahead = processNow() - Date.now()
  return Math.abs(ahead) <= TOLERANCE_MS ? 0 : ahead
}
