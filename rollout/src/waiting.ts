import type { Awaited, AwaitedShare } from './awaited.js'
import { leave, verdictOf } from './judging.js'
import { blameOf, exists, isBurned, isReady, presentStep, view, type Draft } from './draft.js'
import { isInForce } from './weights.js'

/** The one thing that the rollout waits for; `undefined`: nothing. */
export function awaited(draft: Draft): Awaited | undefined {
  const { state, input } = draft
  const { active, preview } = state
  const isGivenUp = state.failed.includes(input.desired)
  if (state.removing.includes(input.desired) && !isGivenUp) return { kind: 'removal', version: input.desired, thenStarts: true }
  if (preview !== undefined) return awaitedOfPreview(draft, preview)
  const weights = awaitedWeights(draft)
  if (weights !== undefined) return weights
  if (isGivenUp) return { kind: 'otherVersion', version: input.desired, ...(isBurned(draft, input.desired) ? { burned: true } : {}) }
  if (active !== undefined && !view(draft, active).ready) return { kind: 'ready', version: active, exists: true, ...blameOf(draft, active) }
  return awaitedDrain(draft)
}

/** The moment at which the hold of the present step is over. Epoch milliseconds. */
export function holdEnd({ state, now, watchingSince }: Draft, holdMs: number): number {
  return Math.max(state.heldSince ?? now, watchingSince) + Math.max(holdMs, 1)
}

function awaitedOfPreview(draft: Draft, version: string): Awaited {
  const { state, input, steps } = draft
  const ready = isReady(draft, version)
  const blame = blameOf(draft, version)
  if (state.halted !== undefined && state.active !== undefined)
    return { kind: 'verdict', version, ready, ...blame, ...(state.condemned === undefined ? {} : { analysis: state.condemned }) }
  if (!ready) return { kind: 'ready', version, exists: exists(draft, version), ...blame }
  const weights = awaitedWeights(draft)
  if (weights !== undefined) return weights
  if (input.policy.paused) return { kind: 'unpaused' }
  if (state.pausedByUser !== undefined) return { kind: 'resume', ...state.pausedByUser }
  const { step: index } = state
  const step = presentStep(draft)
  if (step === undefined) return { kind: 'nextStep', version }
  const position = { index, count: steps.length, weight: step.weight }
  if (step.pause && state.promotedStep !== index) return { kind: 'promotion', step: position }
  if (state.heldSince !== undefined && holdEnd(draft, step.holdMs) <= draft.now && leave(draft) === 'wait')
    return { kind: 'analysis', step: position, ...lacking(draft) }
  return { kind: 'hold', step: position, ...(state.heldSince === undefined ? {} : { until: holdEnd(draft, step.holdMs) }) }
}

function lacking(draft: Draft): { readonly samples?: number; readonly reason?: string } {
  const verdict = verdictOf(draft)
  if (verdict?.kind !== 'inconclusive') return {}
  return verdict.why === 'samples' ? { samples: verdict.needed } : { reason: verdict.reason }
}

function awaitedWeights(draft: Draft): Awaited | undefined {
  const { state, input } = draft
  const { weights } = state
  if (isInForce(draft, weights)) return undefined
  const ids = new Set([...Object.keys(weights), ...input.versions.filter((v) => (v.weightObserved ?? 0) > 0).map((v) => v.id)])
  const shares = [...ids].sort().map((version): AwaitedShare => {
    const observed = view(draft, version).weightObserved
    return { version, asked: weights[version] ?? 0, ...(observed === undefined ? {} : { observed }) }
  })
  return { kind: 'weights', shares, ...(input.trafficBlame === undefined ? {} : { blame: input.trafficBlame }) }
}

function awaitedDrain(draft: Draft): Awaited | undefined {
  const { draining, removing } = draft.state
  const version = draining.find((d) => d.drained === undefined)?.id
  if (version === undefined) return removing[0] === undefined ? undefined : { kind: 'removal', version: removing[0], thenStarts: false }
  const { inFlight } = view(draft, version)
  if (inFlight === 0 || isBurned(draft, version)) return { kind: 'released', version }
  return { kind: 'drained', version, ...(inFlight === undefined ? {} : { inFlight }) }
}
