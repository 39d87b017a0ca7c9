import type { AnalysisBlame } from './analysis/verdict.js'

/** Where in its steps a rollout is; `index` counts from 0. */
export interface StepPosition {
  readonly index: number
  readonly count: number
  /** Percent. */
  readonly weight: number
}
export interface AwaitedShare {
  readonly version: string
  /** Percent. */
  readonly asked: number
  /** Percent; absent: unknown. */
  readonly observed?: number
}

/** The one thing that a rollout waits for. `blame` is the cause as the platform words it. */
export type Awaited =
  /** The objects of a version to be gone. `thenStarts`: the same version is asked for again. */
  | { readonly kind: 'removal'; readonly version: string; readonly thenStarts: boolean }
  /** A version to be ready. */
  | { readonly kind: 'ready'; readonly version: string; readonly exists: boolean; readonly blame?: string }
  /** A user's promote or abort, as the progress deadline is over, or the `analysis` failed. */
  | {
      readonly kind: 'verdict'
      readonly version: string
      readonly ready: boolean
      readonly blame?: string
      readonly analysis?: AnalysisBlame
    }
  /**
   * The analysis of a step whose hold is over: to have `samples` calls of a method in both versions;
   * absent: to have anything. `reason`: why a version's numbers cannot be read.
   */
  | { readonly kind: 'analysis'; readonly step: StepPosition; readonly samples?: number; readonly reason?: string }
  /** The weights asked for to be in force; versions in order of their ids. */
  | { readonly kind: 'weights'; readonly shares: readonly AwaitedShare[]; readonly blame?: string }
  /** `policy.paused` to be false. */
  | { readonly kind: 'unpaused' }
  /** A user's resume: a user paused the rollout; `note`: who and why. */
  | { readonly kind: 'resume'; readonly note?: string }
  | { readonly kind: 'nextStep'; readonly version: string }
  /** A user's promote, which ends the pause of a step. */
  | { readonly kind: 'promotion'; readonly step: StepPosition }
  /** The hold of a step to end. `until` is absent while it has not begun. Epoch milliseconds. */
  | { readonly kind: 'hold'; readonly step: StepPosition; readonly until?: number }
  /** Another version to be asked for: this one was given up, or is `burned`. */
  | { readonly kind: 'otherVersion'; readonly version: string; readonly burned?: true }
  /** What a draining version has in flight to end. Absent `inFlight`: to be known. */
  | { readonly kind: 'drained'; readonly version: string; readonly inFlight?: number }
  /** The proxies to stop naming a drained version. */
  | { readonly kind: 'released'; readonly version: string }
