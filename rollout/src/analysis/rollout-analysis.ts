/**
 * The analysis of an application's rollouts, over all their windows: says which versions are to be
 * read, takes what was read, and tells what it means. It remembers and does no I/O; whoever loses
 * it begins the present window anew, with the whole rate of false alarms.
 */
import type { RolloutPolicy, RolloutState } from '../types.js'
import { Comparison } from './comparison.js'
import type { ReplicaReading } from './readings.js'
import type { ObservedAnalysis, Verdict } from './verdict.js'
import { windowOf } from './window.js'

/** What is to be read: the counters of all processes of two versions. */
export interface AnalysisTask {
  readonly window: string
  readonly active: string
  readonly preview: string
}
export interface VersionReadings {
  readonly active: readonly ReplicaReading[]
  readonly preview: readonly ReplicaReading[]
}

interface Present {
  readonly window: string
  readonly comparison: Comparison
  verdict: Verdict | undefined
  /** Readings in a row that came to nothing. */
  unread: number
}

/** Readings that come to nothing, in a row, before what was found of a version counts no more. */
const LOST = 3

export class RolloutAnalysis {
  #preview: string | undefined
  /** Windows of this preview. */
  #windows = 0
  /** It has served for the delay since it last had no traffic. */
  #isWarm = false
  #present: Present | undefined

  /**
   * What is to be read now; `undefined`: nothing. Versions that have just begun to serve are left
   * alone for the delay of the policy, once the weights of their first step are in force.
   */
  next(state: RolloutState | undefined, policy: Pick<RolloutPolicy, 'analysis'>, now: number): AnalysisTask | undefined {
    const { analysis } = policy
    const window = windowOf(state)
    if (state?.preview !== this.#preview) {
      this.#preview = state?.preview
      this.#windows = 0
      this.#isWarm = false
    }
    if ((state?.step ?? -1) < 0) this.#isWarm = false // its processes are other ones when it is back
    if (window !== this.#present?.window) this.#present = undefined
    const { active, preview, heldSince } = state ?? {}
    if (analysis === undefined || window === undefined || active === undefined || preview === undefined) return undefined
    if (this.#present === undefined) {
      this.#isWarm ||= heldSince !== undefined && now >= heldSince + analysis.initialDelayMs
      if (!this.#isWarm) return undefined
      this.#present = {
        window,
        comparison: new Comparison({ limits: analysis.limits, window: ++this.#windows }),
        verdict: undefined,
        unread: 0,
      }
    }
    return { window, active, preview }
  }

  /** What was read for a task; nothing follows from one whose window is over. */
  add({ window }: AnalysisTask, readings: VersionReadings): void {
    const present = this.#of(window)
    if (present === undefined) return
    present.unread = 0
    present.comparison.add(readings)
    present.verdict = present.comparison.verdict()
  }

  /**
   * A version could not be read. What is known of it stands for a while; a version of which nobody
   * hears any more does not pass.
   */
  cannotRead({ window }: AnalysisTask, reason: string): void {
    const present = this.#of(window)
    if (present === undefined) return
    present.unread += 1
    if (present.verdict === undefined || present.unread >= LOST) present.verdict = { kind: 'inconclusive', why: 'unreadable', reason }
  }

  /** What the rollout engine is given. */
  get observed(): ObservedAnalysis | undefined {
    const { window, verdict } = this.#present ?? {}
    return window === undefined || verdict === undefined ? undefined : { window, verdict }
  }

  /** A verdict against a version stands: its window gets no further numbers. */
  #of(window: string): Present | undefined {
    return this.#present?.window === window && this.#present.verdict?.kind !== 'fail' ? this.#present : undefined
  }
}
