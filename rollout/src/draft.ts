import type { RolloutEvent } from './events.js'
import type { DrainingVersion, ObservedVersion, RolloutInput, RolloutState, RolloutStep } from './types.js'

/**
 * A decision in the making. The parts of the engine change `state` and add `events`; nothing else
 * is written to.
 */
export interface Draft {
  readonly input: RolloutInput
  readonly now: number
  /** Since when this process has been watching; a moment in the future says nothing, and is 0. */
  readonly watchingSince: number
  readonly steps: readonly RolloutStep[]
  readonly state: MutableState
  readonly events: RolloutEvent[]
}
export type MutableState = { -readonly [K in keyof RolloutState]: RolloutState[K] } & {
  removing: readonly string[]
  weights: Readonly<Record<string, number>>
}

const CUTOVER: RolloutStep = { weight: 100, holdMs: 0, pause: false }

/**
 * Reads back what was remembered, without trust: fields may be missing, times may lie in the future
 * because a clock was set back.
 */
export function openDraft(input: RolloutInput): Draft {
  const { now, clockSetAt = 0, watchingSince = 0 } = input
  const past = (time: number | undefined) => Math.min(time ?? now, now)
  const before: Partial<RolloutState> = input.state ?? {}
  const exists = new Set(input.versions.map((v) => v.id))
  const state: MutableState = {
    ...before,
    step: before.step ?? -1,
    progressAt: past(before.progressAt),
    ...(before.stepAt === undefined ? {} : { stepAt: past(before.stepAt) }),
    ...(before.heldSince === undefined ? {} : { heldSince: past(before.heldSince) }),
    weights: before.weights ?? {},
    draining: (before.draining ?? []).filter((d) => exists.has(d.id)).map((d) => ({ ...d, since: Math.max(past(d.since), clockSetAt) })),
    removing: (before.removing ?? []).filter((id) => exists.has(id)),
    failed: before.failed ?? [],
  }
  const draft: Draft = {
    input,
    now,
    watchingSince: watchingSince > now ? 0 : watchingSince,
    steps: input.policy.steps.length === 0 ? [CUTOVER] : input.policy.steps,
    state,
    events: [],
  }
  if (input.state === undefined) adopt(draft)
  return draft
}

/** A version that is not there yet, or any more, is one of which nothing good is known. */
export function view(draft: Draft, id: string): ObservedVersion {
  return draft.input.versions.find((v) => v.id === id) ?? { id, ready: false, servable: false, released: false }
}

export function exists(draft: Draft, id: string): boolean {
  return draft.input.versions.some((v) => v.id === id)
}

export function isReady(draft: Draft, id: string): boolean {
  const { ready, servable } = view(draft, id)
  return ready && servable
}

/**
 * The step whose weight is asked for, as it is to be held; `undefined`: the preview has no traffic.
 */
export function presentStep({ state, steps }: Draft): RolloutStep | undefined {
  const step = steps[state.step]
  return step === undefined || state.promotedFully === undefined ? step : { ...step, holdMs: 0, pause: false }
}

/** By its spec, or by a user's word. */
export function isPaused({ state, input }: Draft): boolean {
  return input.policy.paused || state.pausedByUser !== undefined
}

/** Nothing that the analysis has found so far counts any more. */
export function beginWindow({ state, input }: Draft): void {
  if (input.policy.analysis !== undefined) state.windows = (state.windows ?? 0) + 1
}

export function isBurned({ state }: Pick<Draft, 'state'>, id: string): boolean {
  return state.burned?.includes(id) === true
}

/** Why a version is not ready, in a form to spread into an event. */
export function blameOf(draft: Draft, id: string): { readonly blame?: string } {
  const { blame } = view(draft, id)
  return blame === undefined ? {} : { blame }
}

export function emit(draft: Draft, event: RolloutEvent): void {
  draft.events.push(event)
}

/**
 * Back to the start of a preview's way: nothing asked for, the deadline's clock at zero and
 * running.
 */
export function resetProgress(draft: Draft): void {
  const { state } = draft
  state.step = -1
  state.progressAt = draft.now
  for (const field of [
    'stepWeight',
    'stepAt',
    'heldSince',
    'waitedMs',
    'furthest',
    'halted',
    'condemned',
    'promotedStep',
    'previewServed',
    'promotedFully',
    'pausedByUser',
  ] as const)
    delete state[field]
}

/** Takes a version out of the rollout; it is removed once it is drained. */
export function retire(draft: Draft, id: string, as: Pick<DrainingVersion, 'served'> = {}): void {
  const { state } = draft
  if (!state.draining.some((d) => d.id === id)) state.draining = [...state.draining, { id, since: draft.now, ...as }]
  if (state.preview === id) delete state.preview
}

/**
 * A status that was lost (a restored backup, an edit) must not take a serving version for something
 * to be removed. The version with most traffic is the active one; where that is not known, one that
 * is not just being asked for, best one that can serve.
 */
function adopt(draft: Draft): void {
  const { versions, desired } = draft.input
  const weigh = (v: ObservedVersion) => v.weightObserved ?? 0
  const inOrder = [...versions].sort((a, b) => weigh(b) - weigh(a) || (a.id < b.id ? -1 : 1))
  const others = inOrder.filter((v) => v.id !== desired)
  const found = inOrder.find((v) => weigh(v) > 50) ?? others.find((v) => v.servable) ?? inOrder.find((v) => weigh(v) > 0) ?? others[0]
  if (found === undefined) return
  draft.state.active = found.id
  if (inOrder.reduce((sum, v) => sum + weigh(v), 0) === 100)
    draft.state.weights = Object.fromEntries(inOrder.filter((v) => weigh(v) > 0).map((v) => [v.id, weigh(v)]))
  emit(draft, { kind: 'Adopted', version: found.id })
}
