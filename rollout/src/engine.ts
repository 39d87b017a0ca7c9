/**
 * The rollout engine: `decide` moves user traffic from the active version to the preview version,
 * one step at a time, and lets old versions go.
 *
 * Siblings: `types`, `commands`, `events` and `awaited` (vocabulary), `policy` (what the settings
 * of a rollout mean), `draft` (a decision in the making), `weights` (who may have traffic),
 * `beginning` and `outcome` (of a rollout), `judging` (what follows from an analysis), `draining`
 * (how a version goes), `burning` (how it goes at once), `report` and `waiting`
 * (phase, schedule, what is awaited), `invariants` (what must hold of every decision; tests explore
 * it, the operator checks each write).
 *
 * Rules
 * R1  A first version gets all traffic when it is ready, at once. Past its deadline it stays, as
 *     there is nothing to go back to.
 * R2  The next step is taken when the preview is ready, the weights asked for are exactly the ones
 *     in force, and the hold since both first held is over; a pause waits for `promote`, after
 *     `promoteFull` there is only the last step. At most one step per call and per millisecond,
 *     however long nobody called.
 * R3  A preview that cannot serve gives its traffic back at once, and starts again at the first
 *     step when it is ready.
 * R4  The deadline's clock runs while a preview is not ready or weights are not in force, and
 *     stands still in a hold, a pause or while it is paused. It starts anew only at a step not
 *     reached before, so a preview that comes and goes fails in the end.
 * R5  An active version that is unwell never keeps the preview from going on.
 * R6  Another spec replaces the preview, whose traffic goes back to the active version; the active
 *     version's own spec does the same without a new preview. A version that is draining is taken
 *     back; one whose objects are being deleted has to be gone first.
 * R7  A failed or aborted version is not tried again until the spec has asked for something else,
 *     or a user says `retry`.
 * R8  A preview that the analysis of the present step finds worse than the active version fails, as
 *     at its deadline. A step whose hold is over waits for the analysis where the policy says so.
 * R9  A version that was active stays warm for as long as the policy retains it; asked for again
 *     within the rollback window, it gets all traffic as soon as it is ready.
 * R10 A burned version has no traffic from that decision on, and never again: it is let go without a
 *     drain and not started again. A preview that is left by that takes all traffic when it can
 *     serve; where no version is left, none has traffic.
 */
import { startRollout } from './beginning.js'
import { dropBurned } from './burning.js'
import { obey } from './commands.js'
import { drain, retireStrays, stampDraining } from './draining.js'
import {
  beginWindow,
  blameOf,
  emit,
  isPaused,
  isReady,
  openDraft,
  isBurned,
  presentStep,
  resetProgress,
  retire,
  view,
  type Draft,
} from './draft.js'
import type { Stall } from './events.js'
import { judge, leave } from './judging.js'
import { becomeActive, giveUp } from './outcome.js'
import { report } from './report.js'
import type { RolloutDecision, RolloutInput, RolloutStep } from './types.js'
import { holdEnd } from './waiting.js'
import { isInForce, safeWeights } from './weights.js'

/**
 * Decides what is to be done now. Pure: the same input gives the same decision; calling again with
 * the new state and the same observation changes nothing.
 */
export function decide(input: RolloutInput): RolloutDecision {
  const draft = openDraft(input)
  dropBurned(draft)
  choosePreview(draft)
  obey(draft)
  judge(draft)
  advance(draft)
  const before = draft.state.weights
  draft.state.weights = safeWeights(draft)
  noteLostActive(draft, before)
  retireStrays(draft)
  stampDraining(draft, before)
  drain(draft)
  return report(draft)
}

/** R6, R7, R10. */
function choosePreview(draft: Draft): void {
  const { state } = draft
  const { desired } = draft.input
  if (!state.failed.includes(desired)) {
    state.failed = isBurned(draft, desired) ? [desired] : []
    if (isBurned(draft, desired)) emit(draft, { kind: 'BurnedNotStarted', version: desired })
  }
  const old = state.preview
  if (old !== undefined && old !== desired) {
    retire(draft, old, state.previewServed === undefined ? {} : { served: true })
    resetProgress(draft)
    if (desired === state.active) emit(draft, { kind: 'RolledBack', version: old, to: desired })
    else emit(draft, { kind: 'Superseded', version: old, by: desired })
  }
  startRollout(draft)
}

function advance(draft: Draft): void {
  const { state, steps, now } = draft
  const { preview } = state
  if (preview === undefined) return
  if (state.active === undefined) {
    // R1
    if (isReady(draft, preview)) becomeActive(draft, preview)
    else awaitProgress(draft)
    return
  }
  findStepAgain(draft)
  const isWell = isReady(draft, preview)
  if (state.step >= 0 && !view(draft, preview).servable) retreat(draft, preview)
  if (!isWell) delete state.heldSince
  const inForce = isInForce(draft, safeWeights(draft))
  if (state.step >= 0 && isWell && inForce) state.heldSince ??= now
  const mayMove = isWell && inForce && !isPaused(draft) && state.halted === undefined
  const step = presentStep(draft)
  const isDue = mayMove && (step === undefined || isOver(draft, step))
  const verdict = isDue ? leave(draft) : 'wait'
  if (verdict === 'abort') return giveUpUnknown(draft, preview)
  if (verdict === 'yes') {
    const next = state.promotedFully === true ? steps.length - 1 : state.step + 1
    if (state.step === steps.length - 1) becomeActive(draft, preview)
    else if (isNewStep(draft, next) || !isOutOfTime(draft)) enter(draft, next)
    else awaitProgress(draft)
    return
  }
  const isHolding = isWell && inForce
  if (isHolding || isPaused(draft) || state.halted !== undefined) state.waitedMs ??= now - state.progressAt
  else awaitProgress(draft)
}

/** R2: whether the hold or pause of the present step is over. */
function isOver(draft: Draft, step: RolloutStep): boolean {
  const { state, now } = draft
  return state.promotedStep === state.step || (!step.pause && holdEnd(draft, step.holdMs) <= now)
}

function enter(draft: Draft, index: number): void {
  const { state, steps, now } = draft
  const { preview = '' } = state
  const { weight = 0, pause = false } = steps[index] ?? {}
  startClock(draft)
  beginWindow(draft)
  state.step = index
  state.stepWeight = weight
  state.stepAt = now
  delete state.heldSince
  delete state.promotedStep
  if (isNewStep(draft, index)) {
    // R4
    state.furthest = index
    state.progressAt = now
  }
  emit(draft, { kind: 'StepStarted', version: preview, index, count: steps.length, weight, pause })
}

/** R4: progress is what lies beyond every step so far. */
function isNewStep({ state }: Draft, index: number): boolean {
  return index > (state.furthest ?? -1)
}

/** R4: whether the deadline is over, or would be if its clock ran on. */
function isOutOfTime({ state, input, now, watchingSince }: Draft): boolean {
  const since = state.waitedMs === undefined ? state.progressAt : now - state.waitedMs
  return now - Math.max(since, watchingSince) >= input.policy.progressDeadlineMs
}

/** R3. */
function retreat(draft: Draft, id: string): void {
  const { state } = draft
  const hadWeight = (state.weights[id] ?? 0) > 0
  startClock(draft)
  state.step = -1
  for (const field of ['stepWeight', 'stepAt', 'heldSince', 'promotedStep', 'promotedFully'] as const) delete state[field]
  if (!hadWeight) return
  const { active = '' } = state
  emit(draft, { kind: 'PreviewDegraded', version: id, ...blameOf(draft, id), active, activeServes: view(draft, active).servable })
}

/** R4: lets the deadline's clock run, and gives up when it is over. */
function awaitProgress(draft: Draft): void {
  const { state, input, now } = draft
  if (state.halted !== undefined) return
  startClock(draft)
  if (!isOutOfTime(draft)) return
  const { preview = '' } = state
  const stall = stallOf(draft, preview)
  if (state.active !== undefined && input.policy.onFailure === 'rollback')
    return giveUp(draft, (active) => ({ kind: 'RolloutFailed', version: preview, stall, ...active }))
  state.halted = true
  state.waitedMs = now - state.progressAt
  emit(draft, { kind: state.active === undefined ? 'RolloutFailed' : 'RolloutHalted', version: preview, stall })
}

/** R8. */
function giveUpUnknown(draft: Draft, version: string): void {
  const needed = draft.input.policy.analysis?.limits.minSamples ?? 0
  giveUp(draft, (active) => ({ kind: 'RolloutFailed', version, stall: { missing: 'samples', needed }, ...active }))
}

function stallOf(draft: Draft, preview: string): Stall {
  const { policy, trafficBlame } = draft.input
  const deadlineMs = policy.progressDeadlineMs
  if (!isReady(draft, preview)) return { deadlineMs, missing: 'ready', ...blameOf(draft, preview) }
  if (isInForce(draft, safeWeights(draft))) return { deadlineMs, missing: 'steady' }
  return { deadlineMs, missing: 'weights', ...(trafficBlame === undefined ? {} : { blame: trafficBlame }) }
}

/**
 * The policy may change in mid-rollout: goes on at the last step that asks for no more than the
 * present share.
 */
function findStepAgain(draft: Draft): void {
  const { state, steps } = draft
  if (state.step < 0 || steps[state.step]?.weight === state.stepWeight) return
  state.step = steps.findLastIndex((s) => s.weight <= (state.stepWeight ?? 0))
  state.furthest = Math.min(state.furthest ?? -1, state.step)
  delete state.heldSince
  delete state.promotedStep
  const weight = steps[state.step]?.weight
  if (weight === undefined) delete state.stepWeight
  else state.stepWeight = weight
}

function startClock({ state, now }: Draft): void {
  if (state.waitedMs === undefined) return
  state.progressAt = now - state.waitedMs
  delete state.waitedMs
}

/** R5: says when the active version's share is carried by another. */
function noteLostActive(draft: Draft, before: Readonly<Record<string, number>>): void {
  const { active, weights } = draft.state
  if (active === undefined || (before[active] ?? 0) === 0 || view(draft, active).servable || weights[active] !== undefined) return
  const to = Object.keys(weights)[0] ?? ''
  emit(draft, { kind: 'ActiveUnservable', version: active, ...blameOf(draft, active), instead: to })
}
