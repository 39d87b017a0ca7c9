import { AnalysisReader } from '@weaver/rollout'
import type { Clock } from '../clock/clock.js'
import { SeenSince } from '../clock/seen-since.js'
import type { Revision } from './cluster-view.js'
import type { VersionFailure } from './version-failures.js'

/** What a process remembers of an app from pass to pass: a cache only, safe to lose. */
export interface AppMemory {
  /** Since when it has been observed without a gap: a hold ends only under observation. */
  watchingSince: number
  /** When the clock was last set, epoch milliseconds; 0: never. */
  clockSetAt: number
  /** When status was last written, by the steady clock. */
  statusWrittenAt?: number
  /** Work that failed in the previous pass after it had written the status, by version. */
  failures?: readonly VersionFailure[]
  /** Versions that lack an object because an object of others has its name, with the reason. */
  readonly taken: Map<string, string>
  /** The records of versions as last seen, by version id: a deleted one is recreated. */
  readonly revisions: Map<string, Revision>
  /** For how long describe pods have been seen failed, by uid. */
  readonly failedDescriptions: SeenSince
  /** The comparison of the present step; whoever loses it compares anew from then on. */
  readonly analysis: AnalysisReader
}

/**
 * The memory as a pass begins. A suspended rollout stands still: neither holds nor deadlines run.
 * When the clock is set, what was measured by it is void.
 */
export function beginPass(known: AppMemory | undefined, { now, setAt, steady }: Clock, isSuspended: boolean): AppMemory {
  const [at, clockSetAt] = [now(), setAt()]
  const memory = known ?? {
    watchingSince: at,
    clockSetAt,
    taken: new Map(),
    revisions: new Map(),
    failedDescriptions: new SeenSince(steady),
    analysis: new AnalysisReader(),
  }
  if (isSuspended || memory.clockSetAt !== clockSetAt) memory.watchingSince = at
  memory.clockSetAt = clockSetAt
  return memory
}
