import type { AnalysisBlame } from './analysis/verdict.js'

/** Why a version did not get on. `blame` is the cause as the platform words it. */
export type Stall =
  /**
   * It made no progress within its deadline for lack of readiness; of the weights asked for; or of
   * steadiness, as it came and went and got no further.
   */
  | { readonly missing: 'ready' | 'weights' | 'steady'; readonly deadlineMs: number; readonly blame?: string }
  /** It is worse than the active version. */
  | { readonly missing: 'quality'; readonly analysis: AnalysisBlame }
  /** No method had enough calls in both versions. */
  | { readonly missing: 'samples'; readonly needed: number }

/** Why a command to burn is refused. */
export type BurnRefusal =
  /** It names a version that does not exist. */
  | 'unknown'
  /** It names none, and the version asked for, which would stay, has failed. */
  | 'failed'
  /** It names none, and there is none beside the version asked for. */
  | 'alone'

/**
 * One transition of a rollout. Every event is of one version; `blame` is the cause as the platform
 * words it, `note` who asked for it and why, in the user's words.
 */
export type RolloutEvent =
  /** Nothing was remembered; the version is taken as the active one. */
  | { readonly kind: 'Adopted'; readonly version: string }
  /**
   * `beside`: the active version; absent for a first version. `returns`: it served within the rollback
   * window, and gets all traffic without steps. `note`: a user asked for it again.
   */
  | {
      readonly kind: 'RolloutStarted'
      readonly version: string
      readonly beside?: string
      readonly returns?: true
      readonly note?: string
    }
  /** Another version is asked for; this preview gives its traffic back. */
  | { readonly kind: 'Superseded'; readonly version: string; readonly by: string }
  /** The active version is asked for again; this preview gives its traffic back. */
  | { readonly kind: 'RolledBack'; readonly version: string; readonly to: string }
  /** `index` counts from 0; `pause`: the step waits for promote. */
  | {
      readonly kind: 'StepStarted'
      readonly version: string
      readonly index: number
      readonly count: number
      readonly weight: number
      readonly pause: boolean
    }
  /** `from`: the version that was active and drains now. */
  | { readonly kind: 'Promoted'; readonly version: string; readonly from?: string }
  /** A preview cannot serve. Its traffic goes back to `active`, unless that cannot serve either. */
  | {
      readonly kind: 'PreviewDegraded'
      readonly version: string
      readonly blame?: string
      readonly active: string
      readonly activeServes: boolean
    }
  /** The active version cannot serve; `instead` has its traffic. */
  | { readonly kind: 'ActiveUnservable'; readonly version: string; readonly blame?: string; readonly instead: string }
  /**
   * `active`: the version that has all traffic; absent: there is none, so the failed version is
   * still waited for.
   */
  | { readonly kind: 'RolloutFailed'; readonly version: string; readonly stall: Stall; readonly active?: string }
  /** The deadline is over, or the analysis failed, and nothing is undone: `onFailure: pause`. */
  | { readonly kind: 'RolloutHalted'; readonly version: string; readonly stall: Stall }
  /** A user paused the rollout. */
  | { readonly kind: 'RolloutPaused'; readonly version: string; readonly note?: string }
  /** A paused rollout goes on; a halted one gets its deadline once more. */
  | { readonly kind: 'RolloutResumed'; readonly version: string; readonly note?: string }
  /**
   * A user ended the hold or pause of a step; `full`: all that are left, and the steps with them.
   */
  | { readonly kind: 'StepPromoted'; readonly version: string; readonly full: boolean; readonly note?: string }
  /**
   * A user gave the version up. `active`: the version that has all traffic; absent: there is none.
   */
  | { readonly kind: 'RolloutAborted'; readonly version: string; readonly active?: string; readonly note?: string }
  /** The analysis failed, and nothing follows from it: `dryRun`. */
  | { readonly kind: 'AnalysisFailed'; readonly version: string; readonly blame: AnalysisBlame }
  /**
   * A user burned the version and `older` ones: none of them gets traffic again. `left`: the version
   * that takes over, at once if it `leftServes`; absent: there is none.
   */
  | {
      readonly kind: 'VersionBurned'
      readonly version: string
      readonly older: number
      readonly left?: string
      readonly leftServes?: boolean
      readonly note?: string
    }
  /** A command to burn was not carried out. */
  | { readonly kind: 'BurnRefused'; readonly version: string; readonly why: BurnRefusal; readonly note?: string }
  /** A burned version is asked for, and not started. `note`: by a user's retry. */
  | { readonly kind: 'BurnedNotStarted'; readonly version: string; readonly note?: string }
  | { readonly kind: 'DrainStarted'; readonly version: string }
  /**
   * The drain timeout is over and the proxies cut what is in flight. Absent `inFlight`: unknown.
   */
  | { readonly kind: 'DrainCut'; readonly at: 'release'; readonly version: string; readonly inFlight?: number; readonly timeoutMs: number }
  /**
   * Something came up after the proxies let go, and is cut `afterMs` after the version's last
   * traffic.
   */
  | { readonly kind: 'DrainCut'; readonly at: 'removal'; readonly version: string; readonly inFlight?: number; readonly afterMs: number }
  /** It is drained and stays warm. `until`: epoch milliseconds. */
  | { readonly kind: 'VersionRetained'; readonly version: string; readonly until: number }
  /** `cut`: what was in flight when the drain timeout was over; absent: nothing was cut. */
  | { readonly kind: 'VersionRemoved'; readonly version: string; readonly cut?: number | 'unknown' }
