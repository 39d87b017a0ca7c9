/** One decision in a table: what a test does not say is as in an application at rest. */
import { decide } from '../engine.js'
import { brokenInvariants } from '../invariants.js'
import type { ObservedVersion, RolloutCommand, RolloutDecision, RolloutInput, RolloutPolicy, RolloutState } from '../types.js'

export const NOW = 1_800_000_000_000
const STEPS: RolloutPolicy['steps'] = [10, 50, 100].map((weight) => ({ weight, holdMs: 10_000, pause: false }))

/** v1 has all traffic. */
export const SETTLED: RolloutState = { active: 'v1', weights: { v1: 100 }, step: -1, progressAt: NOW - 60_000, draining: [], failed: [] }
/** v2 has had its first 10 % for a second. */
export const MID: RolloutState = {
  active: 'v1',
  preview: 'v2',
  weights: { v1: 90, v2: 10 },
  step: 0,
  stepWeight: 10,
  stepAt: NOW - 1_000,
  heldSince: NOW - 1_000,
  progressAt: NOW - 1_000,
  waitedMs: 0,
  furthest: 0,
  draining: [],
  failed: [],
}
export const DOWN: Partial<ObservedVersion> = { ready: false, servable: false }

export interface Moment extends Partial<Omit<RolloutInput, 'policy' | 'versions' | 'commands'>> {
  readonly policy?: Partial<RolloutPolicy>
  /** Versions that exist. @default those that the state names, and the one asked for */
  readonly exist?: readonly string[]
  /** Differences to versions that are up, have the weight that was asked for and nothing in flight; `undefined`: not known. */
  readonly seen?: Readonly<Record<string, { readonly [F in keyof ObservedVersion]?: ObservedVersion[F] | undefined }>>
}

export function inputAt(moment: Moment, commands: readonly RolloutCommand[] = []): RolloutInput {
  const { policy, exist, seen = {}, state = SETTLED, desired = state.preview ?? state.active ?? 'v1', ...rest } = moment
  const named = [state.active, state.preview, ...state.draining.map(({ id }) => id), ...(state.removing ?? []), desired]
  const ids = exist ?? [...new Set(named)].filter((id) => id !== undefined)
  return {
    now: NOW,
    desired,
    policy: { steps: STEPS, progressDeadlineMs: 60_000, onFailure: 'rollback', paused: false, drainTimeoutMs: 30_000, ...policy },
    versions: ids.map((id): ObservedVersion => {
      const up = { id, ready: true, servable: true, weightObserved: state.weights?.[id] ?? 0, inFlight: 0, released: false }
      return Object.fromEntries(
        Object.entries({ ...up, ...seen[id] }).filter(([, value]) => value !== undefined),
      ) as unknown as ObservedVersion // only what is optional is set to undefined
    }),
    commands,
    ...rest,
    ...('state' in moment && moment.state === undefined ? { state: undefined } : { state }),
  }
}

/** @throws Error when the decision breaks an invariant */
export function decideAt(
  moment: Moment,
  commands: readonly RolloutCommand[] = [],
): RolloutDecision & { readonly kinds: readonly string[] } {
  const input = inputAt(moment, commands)
  const decision = decide(input)
  const broken = brokenInvariants(input, decision)
  if (broken.length > 0) throw new Error(broken.join('; '))
  return { ...decision, kinds: decision.events.map(({ kind }) => kind) }
}
