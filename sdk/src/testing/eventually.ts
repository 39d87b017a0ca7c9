import { setTimeout as sleep } from 'node:timers/promises'

export interface EventuallyOptions {
  /** How long before it gives up. Generous: it is reached only when the test fails. @default 120_000 */
  readonly withinMs?: number
  /** Between two looks. @default 20 */
  readonly everyMs?: number
  /** What there is to know when it gives up. */
  readonly soFar?: () => unknown
  /** Throws when there is nothing to wait for any more. */
  readonly goesOn?: () => void
}

/**
 * Waits until `look` finds something: neither `undefined` nor `false`. The last look comes after
 * the time is up, so a machine that stands still in between fails nothing.
 * @param what for the error
 * @returns what was found
 */
export async function eventually<T>(
  what: string,
  look: () => T | Promise<T>,
  options: EventuallyOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const { withinMs = 120_000, everyMs = 20, soFar, goesOn } = options
  for (const limit = performance.now() + withinMs; ; await sleep(everyMs)) {
    const isLast = performance.now() > limit
    const found = await look()
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false> // what is left of T
    if (isLast)
      throw new Error(`not within ${withinMs / 1_000} s: ${what}${soFar === undefined ? '' : `; so far: ${JSON.stringify(await soFar())}`}`)
    goesOn?.()
  }
}
