import { setTimeout as sleep } from 'node:timers/promises'

/** How long what is being closed may take to be seen closed, also on a machine that is busy. */
const CLOSE_MS = 3_000
const LOOK_EVERY_MS = 20

/**
 * Waits until nothing is left. The last look begins when the time is over: a look that takes long
 * itself tells of its own beginning.
 * @returns what the last look saw; empty is good
 */
export async function untilGone(
  look: () => Promise<readonly string[]> | readonly string[],
  closeMs: number = CLOSE_MS,
): Promise<readonly string[]> {
  const until = performance.now() + closeMs
  for (;;) {
    const isLast = performance.now() >= until
    const left = await look()
    if (left.length === 0 || isLast) return left
    await sleep(LOOK_EVERY_MS)
  }
}
