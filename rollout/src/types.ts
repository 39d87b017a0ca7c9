/**
 * The vocabulary of the rollout engine. The engine is a pure function: what is wanted, what is
 * seen, what was decided before and the time go in, the next state comes out. It does no I/O and
 * has no clock, so a simulation runs the operator's own code. What it reports is data; callers put
 * it into words.
 */
import type { AnalysisPolicy } from './analysis/policy.js'
import type { AnalysisBlame, ObservedAnalysis } from './analysis/verdict.js'
import type { Awaited } from './awaited.js'
import type { RolloutEvent } from './events.js'

/** What a user may ask of a rollout. `commands.ts` says what each verb does. */
export interface RolloutCommand {
  readonly verb: Verb
  /** Of `burn`: the newest version that it is about; absent: the newest but the one asked for. */
  readonly version?: string
  /**
   * Of `burn`: exactly these, oldest first, where they were chosen for several engines at once, each
   * of which would choose others by its own active version. Absent: by `version`.
   */
  readonly versions?: readonly string[]
  /** Who asks, and why, in the user's words; events and what is awaited repeat it. */
  readonly note?: string
}
export type Verb =
  /**
   * Makes a version and all older ones unreachable for good, at once and whatever would keep them.
   */
  | 'burn'
  /** Gives the preview up: all traffic goes back to the active version. */
  | 'abort'
  /**
   * Keeps the weights as they are until `resume` or a promotion. A preview that cannot serve still
   * gives its traffic back.
   */
  | 'pause'
  /** Ends a pause; gives a halted rollout its deadline once more. */
  | 'resume'
  /** Goes on now: ends the hold or pause of the present step, and what `resume` ends. */
  | 'promote'
  /**
   * Goes to the last step as soon as the preview is ready, without those between and without holds;
   * ends what `resume` ends.
   */
  | 'promoteFull'
  /** Tries the version that the spec asks for again, though it failed or was aborted. */
  | 'retry'

export interface RolloutPolicy {
  /**
   * Weights of the preview version, never descending, each held for `holdMs`, or until released
   * when `pause`. The last is 100. Cutover is one step of 100.
   */
  readonly steps: readonly RolloutStep[]
  /**
   * How long a rollout may be without progress. Holds, pauses and `paused` are not lack of
   * progress.
   */
  readonly progressDeadlineMs: number
  readonly onFailure: 'rollback' | 'pause'
  readonly paused: boolean
  readonly drainTimeoutMs: number
  /** Absent: nothing is compared. */
  readonly analysis?: AnalysisPolicy
  /**
   * Versions that were active stay, warm and without traffic, for this long after they lost it: at
   * most `versions` of them, those that served last. Absent: they go as soon as they are drained.
   * `unknown`: the settings cannot be read now, and what is retained stays so.
   */
  readonly retain?: { readonly forMs: number; readonly versions: number } | 'unknown'
  /**
   * A version that lost its traffic as the active one less than this ago gets all of it at once when
   * it is asked for again, without steps and holds. Absent: by the steps, as every version.
   */
  readonly rollbackWindowMs?: number
}
export interface RolloutStep {
  /** Percent, 0 to 100. */
  readonly weight: number
  readonly holdMs: number
  readonly pause: boolean
}
export interface ObservedVersion {
  readonly id: string
  /** Every group has its wanted replicas ready, and every listener has a ready endpoint. */
  readonly ready: boolean
  /**
   * Every listener has a ready endpoint and every group a ready replica: the floor under which it
   * must not get weight.
   */
  readonly servable: boolean
  /** Why it is not ready: component, pod and reason. */
  readonly blame?: string
  /** Share of traffic in force, percent; `undefined`: unknown. */
  readonly weightObserved?: number
  /** Requests and calls in flight; `undefined`: unknown, which is not zero. */
  readonly inFlight?: number
  /** No proxy names it any more. */
  readonly released: boolean
}
export interface DrainingVersion {
  readonly id: string
  /** The moment its weight became 0. Epoch milliseconds. */
  readonly since: number
  /** It was the active version, and not a preview that came to nothing. */
  readonly served?: true
  /** It stays warm for as long as the policy retains it; the drain timeout does not count before. */
  readonly retained?: true
  /** Retained, and quiet: it serves nothing and is ready to serve again. */
  readonly drained?: true
  /** Proxies shall stop naming it: it is quiet, or its time is over. */
  readonly letGo?: true
  /** What was in flight when its time was over. */
  readonly cut?: number | 'unknown'
}
/**
 * What the engine remembers; stored in `status.engine`, so it is plain JSON and versioned by being
 * optional everywhere.
 */
export interface RolloutState {
  readonly active?: string
  readonly preview?: string
  /**
   * Index into `steps` of the weight now asked for; -1 while the preview has no traffic because it
   * starts, or could not serve.
   */
  readonly step: number
  /** Weight of that step, by which a step is found again when the policy changes. */
  readonly stepWeight?: number
  /** When the step began. Epoch milliseconds. */
  readonly stepAt?: number
  /**
   * When the observed weight first equalled the asked one in this step while the preview was ready;
   * absent: not yet. Epoch milliseconds.
   */
  readonly heldSince?: number
  /**
   * Start of the present lack of progress, earlier ones in this step counted in: the deadline is
   * this plus the allowed time. Epoch milliseconds.
   */
  readonly progressAt: number
  /** Present while the deadline's clock stands still: what it showed then, in milliseconds. */
  readonly waitedMs?: number
  /** Highest step that this preview has reached; only what lies beyond is progress again. */
  readonly furthest?: number
  /**
   * The deadline passed, or the analysis failed, and nothing was undone: `onFailure: pause`, or a
   * first version, which has nothing to go back to.
   */
  readonly halted?: true
  /** What the analysis found against this preview, where that did not end the rollout. */
  readonly condemned?: AnalysisBlame
  /**
   * How many windows of analysis have begun, ever: what was found in an earlier one does not count.
   * A count and not a time, as clocks are set.
   */
  readonly windows?: number
  /** The step whose hold or pause was ended by the user. */
  readonly promotedStep?: number
  /** The preview was the active version before, so it is retained as such when it comes to nothing else. */
  readonly previewServed?: true
  /** The user wants no more steps and holds, for as long as the preview can serve. */
  readonly promotedFully?: true
  /** The user paused the rollout; `note`: who and why. */
  readonly pausedByUser?: { readonly note?: string }
  /**
   * The notes, empty without one and each on a line, of verbs already carried out that were still
   * given when last seen. With another note a verb is another command. `true`: of a state that kept no notes.
   */
  readonly commandsSeen?: { readonly [V in Verb]?: string | true }
  /** Versions that never get traffic again, oldest first. Kept for as long as the application is. */
  readonly burned?: readonly string[]
  /** Versions on their way out. */
  readonly draining: readonly DrainingVersion[]
  /** Versions whose objects are being deleted. */
  readonly removing?: readonly string[]
  /** Versions that failed, so that the same version is not tried again until the spec changes. */
  readonly failed: readonly string[]
  /** The weights last asked for. */
  readonly weights?: Readonly<Record<string, number>>
}
export interface RolloutInput {
  /** Epoch milliseconds. */
  readonly now: number
  /**
   * Since when this process has been watching without a gap. Time before it counts neither as held
   * nor as lack of progress, so what nobody watched is not taken as proven. Epoch milliseconds.
   * @default always
   */
  readonly watchingSince?: number
  /**
   * When the clock behind `now` was last set, by its new time. A drain that began before that
   * begins anew: how long it has lasted is not known. Epoch milliseconds.
   * @default never
   */
  readonly clockSetAt?: number
  /** The version that the spec asks for. */
  readonly desired: string
  readonly policy: RolloutPolicy
  /**
   * Every version that could be asked for again, oldest first, by when each was last asked for. Only
   * `burn` goes by it. @default `versions`
   */
  readonly known?: readonly string[]
  /** Every version of which anything exists. */
  readonly versions: readonly ObservedVersion[]
  readonly state: RolloutState | undefined
  /** Why the weights are not in force, for people. */
  readonly trafficBlame?: string
  /** What a comparison of the preview with the active version has found so far. */
  readonly analysis?: ObservedAnalysis
  /**
   * What users ask for now, in any order. Each command is carried out once, then ignored until it
   * was absent.
   */
  readonly commands: readonly RolloutCommand[]
}
export type RolloutPhase = 'Pending' | 'Starting' | 'Progressing' | 'Paused' | 'Draining' | 'Ready' | 'Failed' | 'Degraded'
export interface RolloutDecision {
  readonly state: RolloutState
  readonly phase: RolloutPhase
  /** Percent by version; sums to 100, or empty while nothing can serve. */
  readonly weights: Readonly<Record<string, number>>
  /** Versions that must exist. */
  readonly keep: readonly string[]
  /**
   * Versions that must not be named by any proxy from now on; they may still have pods. Also
   * `letGo` in the state.
   */
  readonly letGo: readonly string[]
  /** Versions whose objects may be deleted now. */
  readonly remove: readonly string[]
  /** The exact thing awaited; absent when nothing is. */
  readonly awaited?: Awaited
  /** When to look again at the latest; `undefined`: only on change. */
  readonly requeueAfterMs?: number
  /** Transitions in this call, for events and history. */
  readonly events: readonly RolloutEvent[]
  /** Times at which the next weights are due if all goes well. Epoch milliseconds. */
  readonly schedule: readonly { readonly at: number; readonly weight: number }[]
}
