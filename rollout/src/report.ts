import { drainLimitMs } from './draining.js'
import { exists, isBurned, isPaused, isReady, presentStep, view, type Draft } from './draft.js'
import type { RolloutDecision, RolloutPhase, RolloutState } from './types.js'
import { awaited, holdEnd } from './waiting.js'
import { isInForce } from './weights.js'

/**
 * Weights in force and drains have no watch; they are asked for this often while they are awaited.
 */
const POLL_MS = 1_000

/** Everything that follows from the state reached: what others do, see and wait for. */
export function report(draft: Draft): RolloutDecision {
  const { state, events } = draft
  const awaits = awaited(draft)
  const requeueAfterMs = nextLook(draft)
  return {
    state: withoutEmpty(state),
    phase: phaseOf(draft),
    weights: state.weights,
    keep: [state.active, state.preview, ...state.draining.map((d) => d.id)].filter(
      (id): id is string => id !== undefined && !isBurned(draft, id),
    ),
    letGo: versionsLetGo(state),
    remove: state.removing,
    ...(awaits === undefined ? {} : { awaited: awaits }),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
    events,
    schedule: schedule(draft),
  }
}

/** Versions that must not be part of a traffic plan any more. */
export function versionsLetGo(state: Pick<RolloutState, 'draining' | 'removing'> | undefined): readonly string[] {
  return [...(state?.draining ?? []).filter((d) => d.letGo === true).map((d) => d.id), ...(state?.removing ?? [])]
}

function phaseOf(draft: Draft): RolloutPhase {
  const { state, input } = draft
  const { active, preview } = state
  if (state.failed.includes(input.desired)) return 'Failed'
  if (preview !== undefined) {
    const isWell = isReady(draft, preview)
    if (state.halted !== undefined) return active === undefined ? 'Failed' : 'Paused'
    if (active !== undefined && !isWell && state.furthest !== undefined) return 'Degraded'
    if (active !== undefined && isPaused(draft)) return 'Paused'
    if (!exists(draft, preview)) return 'Pending'
    if (!isWell || state.step < 0) return 'Starting'
    return presentStep(draft)?.pause === true && state.heldSince !== undefined ? 'Paused' : 'Progressing'
  }
  if (active !== input.desired || active === undefined) return 'Pending'
  if (!view(draft, active).ready) return 'Degraded'
  if (state.draining.some((d) => d.drained === undefined) || state.removing.length > 0) return 'Draining'
  return isInForce(draft, state.weights) ? 'Ready' : 'Progressing'
}

/**
 * When to look again: at the end of the hold, of the deadline, of a drain, and soon while something
 * is awaited that has no watch.
 */
function nextLook(draft: Draft): number | undefined {
  const { state, input, now, watchingSince } = draft
  const { policy } = input
  const times: number[] = []
  const { preview } = state
  if (preview !== undefined) {
    const step = presentStep(draft)
    const isHeld = state.heldSince !== undefined && state.waitedMs !== undefined
    if (isHeld && step !== undefined && !step.pause && !isPaused(draft) && state.halted === undefined)
      times.push(later(holdEnd(draft, step.holdMs), now))
    if (state.waitedMs === undefined && state.halted === undefined)
      times.push(Math.max(state.progressAt, watchingSince) + policy.progressDeadlineMs)
    if (state.waitedMs === undefined && isReady(draft, preview)) times.push(now + POLL_MS)
  }
  for (const d of state.draining) {
    if (d.drained !== undefined) {
      if (policy.retain !== 'unknown') times.push(d.since + (policy.retain?.forMs ?? 0))
      continue
    }
    const end = d.since + drainLimitMs(draft, d.id)
    times.push(end > now ? Math.min(now + POLL_MS, end) : now + POLL_MS) // a proxy that still names it has all the time it wants
  }
  if (state.removing.length > 0 || !isInForce(draft, state.weights)) times.push(now + POLL_MS)
  return times.length === 0 ? undefined : Math.max(1, Math.min(...times) - now)
}

/** A hold that is over waits for the analysis, which has no watch. */
function later(end: number, now: number): number {
  return end > now ? end : now + POLL_MS
}

function schedule(draft: Draft): { readonly at: number; readonly weight: number }[] {
  const { state, steps } = draft
  const out: { at: number; weight: number }[] = []
  const last = steps.length - 1
  let at = state.heldSince ?? state.stepAt
  if (state.preview === undefined || at === undefined || isPaused(draft) || state.halted !== undefined) return out
  if (state.promotedFully === true) return state.step < last ? [{ at, weight: steps[last]?.weight ?? 100 }] : out
  for (let i = state.step; i < last; i++) {
    const [step, next] = [steps[i], steps[i + 1]]
    if (step === undefined || next === undefined || (step.pause && !(i === state.step && state.promotedStep === i))) break
    at += Math.max(step.holdMs, 1)
    out.push({ at, weight: next.weight })
  }
  return out
}

/** Keeps the stored state short: what is empty is left out where the type allows. */
function withoutEmpty(state: Draft['state']): RolloutState {
  const { removing, weights, ...rest } = state
  return { ...rest, ...(removing.length === 0 ? {} : { removing }), ...(Object.keys(weights).length === 0 ? {} : { weights }) }
}
