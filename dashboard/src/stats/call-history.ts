/**
 * What a deployment has called within the last minute and the last hour, from counters that its
 * processes start anew when they start anew.
 *
 * I1  Memory is bounded: by the number of different calls and of kept moments, whatever time goes by.
 * I2  A counter that is lower than before is that of a new process, and counts from zero.
 * I3  What a process had counted before this history began belongs to no window. The history begins
 *     with the first look that a process answers; one that was silent then counts from its first
 *     answer on.
 */
import type { WeaveletMetrics } from '@weaver/sdk/contract'
import { addSum, callsOf, copySum, emptySum, type CallSum, type ProcessCalls } from './calls.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** Distance of the moments that are kept for the last minute, and for the last hour. */
const FINE_MS = 5_000
const COARSE_MS = MINUTE_MS

export type WindowName = 'minute' | 'hour' | 'total'

export interface CallWindow {
  readonly sums: ReadonlyMap<string, CallSum>
  /** How much time it really covers; `total`: since each process began, which is not one time. */
  readonly coveredMs?: number
}

interface Moment {
  readonly at: number
  readonly sums: ReadonlyMap<string, CallSum>
}

export class CallHistory {
  #bounds: readonly number[] = []
  /** By replica. */
  #last = new Map<string, ProcessCalls>()
  #total = new Map<string, CallSum>()
  /** Everything since the first look, over all processes. */
  readonly #grown = new Map<string, CallSum>()
  #now: number | undefined
  readonly #fine: Moment[] = []
  readonly #coarse: Moment[] = []

  /** Upper bounds of the latency buckets, in seconds. */
  get bounds(): readonly number[] {
    return this.#bounds
  }

  /** Moments that are kept. */
  get length(): number {
    return this.#fine.length + this.#coarse.length
  }

  get hasBegun(): boolean {
    return this.#now !== undefined
  }

  /**
   * @param at when the processes were asked, epoch milliseconds
   * @param isYoung whether the process of a replica is known to have started after the history began
   */
  add(at: number, replies: readonly WeaveletMetrics[], isYoung: (replica: string) => boolean): void {
    const isFirst = !this.hasBegun
    if (isFirst && replies.length === 0) return // I3
    const seen = new Map<string, ProcessCalls>()
    this.#total = new Map()
    for (const reply of replies) {
      const calls = callsOf(reply)
      if (calls.bounds.length > 0) this.#bounds = calls.bounds
      seen.set(reply.replica, calls)
      const before = this.#last.get(reply.replica)
      const isUnknown = isFirst || (before === undefined && !isYoung(reply.replica))
      const isNew = before === undefined || hasRestarted(before, calls) // I2
      for (const [key, sum] of calls.sums) {
        addSum(entryOf(this.#total, key), sum)
        if (isUnknown) continue // I3
        const grown = addSum(entryOf(this.#grown, key), sum)
        const old = isNew ? undefined : before.sums.get(key)
        if (old !== undefined) addSum(grown, old, -1)
      }
    }
    // One that did not answer this time goes on from where it was, when it answers again.
    for (const [replica, calls] of this.#last) if (!seen.has(replica) && seen.size < MAX_REPLICAS) seen.set(replica, calls)
    this.#last = seen
    this.#now = at
    keep(this.#fine, { at, every: FINE_MS, window: MINUTE_MS }, this.#grown)
    keep(this.#coarse, { at, every: COARSE_MS, window: HOUR_MS }, this.#grown)
  }

  window(name: WindowName): CallWindow {
    const now = this.#now
    if (name === 'total' || now === undefined) return { sums: this.#total }
    const [moments, ms] = name === 'minute' ? [this.#fine, MINUTE_MS] : [this.#coarse, HOUR_MS]
    const from = moments.findLast(({ at }) => at <= now - ms) ?? moments[0]
    const sums = new Map<string, CallSum>()
    for (const [key, sum] of this.#grown) {
      const before = from?.sums.get(key)
      const grown = before === undefined ? copySum(sum) : addSum(copySum(sum), before, -1)
      if (grown.calls > 0 || grown.errors > 0) sums.set(key, grown)
    }
    return { sums, coveredMs: now - (from?.at ?? now) }
  }
}

/** I1: of processes that have gone, what they counted last is forgotten beyond so many. */
const MAX_REPLICAS = 4_096

function hasRestarted(before: ProcessCalls, now: ProcessCalls): boolean {
  for (const [key, { calls }] of before.sums) if ((now.sums.get(key)?.calls ?? 0) < calls) return true
  return false
}

function entryOf(sums: Map<string, CallSum>, key: string): CallSum {
  let sum = sums.get(key)
  if (sum === undefined) sums.set(key, (sum = emptySum()))
  return sum
}

/** I1: one moment more than the window needs, so that it is covered as a whole. */
function keep(
  moments: Moment[],
  { at, every, window }: { readonly at: number; readonly every: number; readonly window: number },
  sums: ReadonlyMap<string, CallSum>,
): void {
  const last = moments.at(-1)
  if (last !== undefined && at - last.at < every) return
  moments.push({ at, sums: new Map([...sums].map(([key, sum]) => [key, copySum(sum)])) })
  while ((moments[1]?.at ?? Infinity) <= at - window) moments.shift()
}
