import { exists, isReady, view, type Draft } from './draft.js'
import type { RolloutDecision, RolloutPhase, RolloutState } from './types.js'
import { isInForce } from './weights.js'

/** Weights in force and drains have no watch; they are asked for this often while they are awaited. */
const POLL_MS = 1_000

/** Everything that follows from the state reached: what others do, see and wait for. */
export function report(draft: Draft): RolloutDecision {
  const { state, events } = draft
  const waitingFor = awaited(draft)
  const requeueAfterMs = nextLook(draft)
  return {
    state: withoutEmpty(state),
    phase: phaseOf(draft),
    weights: state.weights,
    keep: [state.active, state.preview, ...state.draining.map((d) => d.id)].filter((id) => id !== undefined),
    letGo: versionsLetGo(state),
    remove: state.removing,
    ...(waitingFor === undefined ? {} : { waitingFor }),
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
  const { state, input, steps } = draft
  const { active, preview } = state
  if (state.failed.includes(input.desired)) return 'Failed'
  if (preview !== undefined) {
    const isWell = isReady(draft, preview)
    if (state.halted !== undefined) return active === undefined ? 'Failed' : 'Paused'
    if (active !== undefined && !isWell && state.furthest !== undefined) return 'Degraded'
    if (active !== undefined && input.policy.paused) return 'Paused'
    if (!exists(draft, preview)) return 'Pending'
    if (!isWell || state.step < 0) return 'Starting'
    return steps[state.step]?.pause === true && state.heldSince !== undefined ? 'Paused' : 'Progressing'
  }
  if (active !== input.desired || active === undefined) return 'Pending'
  if (!view(draft, active).ready) return 'Degraded'
  if (state.draining.length + state.removing.length > 0) return 'Draining'
  return isInForce(draft, state.weights) ? 'Ready' : 'Progressing'
}

function awaited(draft: Draft): string | undefined {
  const { state, input, steps } = draft
  const { active, preview } = state
  if (state.removing.includes(input.desired) && !state.failed.includes(input.desired))
    return `the objects of version "${input.desired}" to be gone; then it starts anew`
  if (preview !== undefined) {
    const v = view(draft, preview)
    const blame = v.blame ?? (exists(draft, preview) ? 'it is not ready' : 'nothing of it exists yet')
    if (state.halted !== undefined && active !== undefined)
      return `promote or abort: the progress deadline is over${isReady(draft, preview) ? '' : ` (version "${preview}": ${blame})`}`
    if (!isReady(draft, preview)) return `version "${preview}" to be ready: ${blame}`
    const traffic = awaitedTraffic(draft)
    if (traffic !== undefined) return traffic
    if (input.policy.paused) return 'spec.rollout.paused to be set to false'
    const step = steps[state.step]
    if (step === undefined) return `the next step of version "${preview}"`
    const where = `step ${state.step + 1}/${steps.length} (${step.weight} %)`
    if (step.pause && state.promotedStep !== state.step) return `promote, to go on from ${where}: set the annotation weaver.dev/promote`
    return `the hold of ${where} to end${state.heldSince === undefined ? '' : ` at ${time(holdEnd(draft, step.holdMs))}`}`
  }
  const traffic = awaitedTraffic(draft)
  if (traffic !== undefined) return traffic
  if (state.failed.includes(input.desired)) return `a change of the spec: version "${input.desired}" was given up and is not tried again`
  if (active !== undefined && !view(draft, active).ready)
    return `version "${active}" to be ready: ${view(draft, active).blame ?? 'it is not ready'}`
  return awaitedDrain(draft)
}

function awaitedTraffic(draft: Draft): string | undefined {
  const { weights } = draft.state
  if (isInForce(draft, weights)) return undefined
  const says = (id: string) => {
    const observed = view(draft, id).weightObserved
    return `"${id}": ${observed === undefined ? 'not known' : `${observed} %`} of ${weights[id] ?? 0} %`
  }
  const ids = new Set([...Object.keys(weights), ...draft.input.versions.filter((v) => (v.weightObserved ?? 0) > 0).map((v) => v.id)])
  const why = draft.input.trafficBlame === undefined ? '' : `: ${draft.input.trafficBlame}`
  return `the proxies to have the weights asked for (${[...ids].sort().map(says).join(', ')})${why}`
}

function awaitedDrain(draft: Draft): string | undefined {
  const { draining, removing } = draft.state
  const first = draining[0]
  if (first === undefined) return removing[0] === undefined ? undefined : `the objects of version "${removing[0]}" to be gone`
  const { inFlight } = view(draft, first.id)
  if (inFlight === undefined) return `version "${first.id}" to say how much is in flight`
  if (inFlight > 0) return `version "${first.id}" to finish ${inFlight} request${inFlight === 1 ? '' : 's'} in flight`
  return `the proxies to let go of version "${first.id}"`
}

/** When to look again: at the end of the hold, of the deadline, of a drain, and soon while something is awaited that has no watch. */
function nextLook(draft: Draft): number | undefined {
  const { state, input, steps, now } = draft
  const { policy, watchingSince = 0 } = input
  const times: number[] = []
  const { preview } = state
  if (preview !== undefined) {
    const step = steps[state.step]
    const isHeld = state.heldSince !== undefined && state.waitedMs !== undefined
    if (isHeld && step !== undefined && !step.pause && !policy.paused && state.halted === undefined) times.push(holdEnd(draft, step.holdMs))
    if (state.waitedMs === undefined && state.halted === undefined)
      times.push(Math.max(state.progressAt, watchingSince) + policy.progressDeadlineMs)
    if (state.waitedMs === undefined && isReady(draft, preview)) times.push(now + POLL_MS)
  }
  for (const d of state.draining) times.push(Math.min(now + POLL_MS, Math.max(now, d.since + policy.drainTimeoutMs)))
  if (state.removing.length > 0 || !isInForce(draft, state.weights)) times.push(now + POLL_MS)
  return times.length === 0 ? undefined : Math.max(1, Math.min(...times) - now)
}

function schedule(draft: Draft): { readonly at: number; readonly weight: number }[] {
  const { state, steps, input } = draft
  const out: { at: number; weight: number }[] = []
  let at = state.heldSince ?? state.stepAt
  if (state.preview === undefined || at === undefined || input.policy.paused || state.halted !== undefined) return out
  for (let i = state.step; i < steps.length - 1; i++) {
    const [step, next] = [steps[i], steps[i + 1]]
    if (step === undefined || next === undefined || (step.pause && !(i === state.step && state.promotedStep === i))) break
    at += Math.max(step.holdMs, 1)
    out.push({ at, weight: next.weight })
  }
  return out
}

function holdEnd({ state, now, input }: Draft, holdMs: number): number {
  return Math.max(state.heldSince ?? now, input.watchingSince ?? 0) + Math.max(holdMs, 1)
}

function time(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`
}

/** Keeps the stored state short: what is empty is left out where the type allows. */
function withoutEmpty(state: Draft['state']): RolloutState {
  const { removing, weights, ...rest } = state
  return { ...rest, ...(removing.length === 0 ? {} : { removing }), ...(Object.keys(weights).length === 0 ? {} : { weights }) }
}
