/**
 * The port for rollouts: how traffic moves from one version of an application to the next, by
 * region, and the verbs that a user has. Plain data that any rollout engine's status can be put
 * into: `weaver gke-local` has many regions; an operator's application has one.
 */
export interface RolloutSource {
  /** Of each application that runs. */
  rollouts(): Promise<readonly RolloutDetail[]>
  /** Does what the deployer's command of that name does. `refused`: why it cannot be done now. */
  act(
    app: string,
    action: { readonly verb: string; readonly note?: string },
  ): Promise<{ readonly said: string } | { readonly refused: string }>
}

export interface RolloutDetail {
  readonly app: string
  /** The version that is asked for. */
  readonly target: string
  /** Oldest first. */
  readonly versions: readonly RolloutVersion[]
  readonly isUnderWay: boolean
  readonly isPaused: boolean
  /** In the order in which a rollout reaches them. */
  readonly regions: readonly RolloutRegion[]
  /** From now on, if all goes well: present fractions first; empty: no rollout is under way. */
  readonly projected: readonly Fractions[]
  /** Why a version was given up. */
  readonly failure?: { readonly version: string; readonly at: string; readonly region: string; readonly message: string }
  /** The newest last. */
  readonly history: readonly {
    readonly at: string
    readonly region: string
    readonly version: string
    readonly kind: string
    readonly isWarning: boolean
    readonly message: string
  }[]
  readonly verbs: readonly RolloutVerb[]
}

export interface RolloutVersion {
  readonly id: string
  readonly status: string
  /** ISO 8601. */
  readonly submittedAt: string
  /** Why it is not ready. */
  readonly blame?: string
  /** Its deployments, by region: keys of the source. */
  readonly copies: Readonly<Record<string, string>>
}

export interface RolloutRegion {
  readonly name: string
  readonly phase: string
  readonly active?: string
  /** The version that is rolled out; absent: none is. */
  readonly preview?: string
  readonly steps: readonly { readonly weight: number; readonly holdMs?: number }[]
  /** Index of the present one; -1: the preview has no traffic yet. */
  readonly step: number
  /** Share of traffic by version, from 0 to 1, as the proxies have it. */
  readonly observed: Readonly<Record<string, number>>
  readonly waitingFor?: string
  readonly verdict?: { readonly kind: 'pass' | 'fail' | 'inconclusive'; readonly text: string }
}

export interface RolloutVerb {
  /** `promote` */
  readonly verb: string
  /** `Promote` */
  readonly title: string
  readonly does: string
  /** Whether it makes sense now; the deployer has the last word. */
  readonly isApt: boolean
}

/** At a time, epoch milliseconds: share of traffic by region and version, from 0 to 1. */
export interface Fractions {
  readonly at: number
  readonly fractions: Readonly<Record<string, Readonly<Record<string, number>>>>
}
