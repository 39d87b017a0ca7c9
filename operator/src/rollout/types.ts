/**
 * The vocabulary of the rollout engine. The engine is a pure function: what is wanted, what is seen, what was decided before, and the time go in; the
 * next state comes out. It does no I/O and holds no clock, so `weaver kube deploy --simulate` and the operator run the very same code.
 */
export interface RolloutPolicy {
  /** Ascending weights of the preview version, each held for `holdMs`, or until released when `pause`. The last is 100. Cutover is one step of 100. */
  readonly steps: readonly { readonly weight: number; readonly holdMs: number; readonly pause: boolean }[]
  readonly progressDeadlineMs: number
  readonly onFailure: 'rollback' | 'pause'
  readonly paused: boolean
  readonly drainTimeoutMs: number
}
export interface ObservedVersion {
  readonly id: string
  /** Every group has its wanted replicas ready, and every listener has a ready endpoint. */
  readonly ready: boolean
  /** At least one listener endpoint can serve: the floor under which it must not get weight. */
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
/** What the engine remembers; stored in `status.engine`, so it is plain JSON and versioned by being optional everywhere. */
export interface RolloutState {
  readonly active?: string
  readonly preview?: string
  /** Index into `steps` of the weight now asked for; -1 while the preview starts with weight 0. */
  readonly step: number
  /** When the observed weight first equalled the asked one in this step; absent: not yet. Epoch milliseconds. */
  readonly heldSince?: number
  /** Last moment of progress, for the progress deadline. Epoch milliseconds. */
  readonly progressAt: number
  /** Versions on their way out, with the moment their weight became 0. */
  readonly draining: readonly { readonly id: string; readonly since: number }[]
  /** Versions that failed, so that the same version is not tried again until the spec changes. */
  readonly failed: readonly string[]
  /** The step at which a `pause` was released by the user. */
  readonly promotedStep?: number
}
export interface RolloutInput {
  readonly now: number
  /** The version that the spec asks for. */
  readonly desired: string
  readonly policy: RolloutPolicy
  readonly versions: readonly ObservedVersion[]
  readonly state: RolloutState | undefined
  /** User verbs, as annotations on the WeaverApp. */
  readonly commands: { readonly abort: boolean; readonly promote: boolean }
}
export type RolloutPhase = 'Pending' | 'Starting' | 'Progressing' | 'Paused' | 'Draining' | 'Ready' | 'Failed' | 'Degraded'
export interface RolloutDecision {
  readonly state: RolloutState
  readonly phase: RolloutPhase
  /** Percent by version; sums to 100, or empty while nothing can serve. */
  readonly weights: Readonly<Record<string, number>>
  /** Versions that must exist. */
  readonly keep: readonly string[]
  /** Versions whose objects may be deleted now. */
  readonly remove: readonly string[]
  /** The exact thing awaited, for people; absent when nothing is. */
  readonly waitingFor?: string
  /** When to look again at the latest; `undefined`: only on change. */
  readonly requeueAfterMs?: number
  /** Transitions in this call, for events and history. */
  readonly events: readonly { readonly reason: string; readonly version?: string; readonly message: string; readonly type: 'Normal' | 'Warning' }[]
  /** Times at which the next weights are due if all goes well. Epoch milliseconds. */
  readonly schedule: readonly { readonly at: number; readonly weight: number }[]
}
