import { emit, isBurned, retire, view, type Draft } from './draft.js'
import type { DrainingVersion } from './types.js'

/** Proxies that can be reached follow within tenths of a second. */
export const BURN_MS = 1_000

/**
 * Takes every version that has no part in the rollout into draining: what was left behind by a lost
 * status or by hand.
 */
export function retireStrays(draft: Draft): void {
  const { state, input } = draft
  const known = new Set([state.active, state.preview, ...state.draining.map((d) => d.id), ...state.removing])
  for (const { id } of input.versions) if (!known.has(id)) retire(draft, id)
}

/**
 * Lets versions go in two stages: quiet (weight 0 in force, nothing in flight) or out of time, then
 * no proxy may name it any more; once none does, and still nothing is in flight or time is out, its
 * objects may be deleted. A version that a proxy names is never removed. A burned one is let go at
 * once, and removed when no proxy names it or the proxies had a moment.
 */
export function drain(draft: Draft): void {
  const { state, now } = draft
  retain(draft)
  const left: DrainingVersion[] = []
  for (const draining of state.draining) {
    const next = letGoWhenQuiet(draft, draining)
    if (next.letGo === undefined || !isRemovable(draft, draining, next)) {
      left.push(next)
      continue
    }
    state.removing = [...state.removing, next.id]
    const { inFlight } = view(draft, next.id)
    if (next.cut !== undefined) emit(draft, { kind: 'VersionRemoved', version: next.id, cut: next.cut })
    else if (inFlight === 0 || isBurned(draft, next.id)) emit(draft, { kind: 'VersionRemoved', version: next.id })
    else emit(draft, { kind: 'DrainCut', at: 'removal', version: next.id, ...known(inFlight), afterMs: now - next.since })
  }
  state.draining = left
}

/** The moment from which a draining version's time runs is the one at which it lost its weight. */
export function stampDraining(draft: Draft, before: Readonly<Record<string, number>>): void {
  const { state, now } = draft
  const lostNow = (id: string) => (before[id] ?? 0) > 0 && state.weights[id] === undefined
  state.draining = state.draining.map((d) => {
    if (!lostNow(d.id) || isBurned(draft, d.id)) return d
    emit(draft, { kind: 'DrainStarted', version: d.id })
    return { id: d.id, since: now, ...(d.served === undefined ? {} : { served: d.served }) }
  })
}

/** R9. Says which versions stay warm: of those that served, the last few, for as long as the policy says. */
function retain(draft: Draft): void {
  const { state, input, now } = draft
  const { retain: settings } = input.policy
  if (settings === 'unknown') return
  const { forMs = 0, versions = 0 } = settings ?? {}
  const served = state.draining.filter((d) => d.served === true && d.letGo === undefined)
  const last = served.slice(Math.max(0, served.length - versions))
  state.draining = state.draining.map((d): DrainingVersion => {
    if (last.includes(d) && now - d.since < forMs) return { ...d, retained: true }
    if (d.retained === undefined) return d
    const { retained: _retained, drained: _drained, ...rest } = d
    // Its drain timeout begins now, for what is still open in it.
    return view(draft, d.id).inFlight === 0 ? rest : { id: d.id, since: now }
  })
}

function letGoWhenQuiet(draft: Draft, draining: DrainingVersion): DrainingVersion {
  if (draft.state.weights[draining.id] !== undefined || draining.letGo === true) return draining
  const { weightObserved, inFlight, released } = view(draft, draining.id)
  if (isBurned(draft, draining.id)) return { ...draining, letGo: true, ...(inFlight === 0 ? {} : { cut: inFlight ?? 'unknown' }) }
  const isQuiet = (released || weightObserved === 0) && inFlight === 0
  if (draining.retained === true) return isQuiet ? rest(draft, draining) : draining
  if (isQuiet || (inFlight === 0 && isOutOfTime(draft, draining))) return { ...draining, letGo: true }
  if (!isOutOfTime(draft, draining)) return draining
  // Here, and not when it is removed: the proxies end what is left as soon as the version is let
  // go, and nothing is in flight any more by then.
  emit(draft, {
    kind: 'DrainCut',
    at: 'release',
    version: draining.id,
    ...known(inFlight),
    timeoutMs: draft.input.policy.drainTimeoutMs,
  })
  return { ...draining, letGo: true, cut: inFlight ?? 'unknown' }
}

/** Once: what still reaches it later, as a client that asks for it by a header, does not matter. */
function rest(draft: Draft, draining: DrainingVersion): DrainingVersion {
  if (draining.drained === true) return draining
  const { retain: settings } = draft.input.policy
  if (settings === 'unknown') return draining
  emit(draft, { kind: 'VersionRetained', version: draining.id, until: draining.since + (settings?.forMs ?? 0) })
  return { ...draining, drained: true }
}

function isRemovable(draft: Draft, before: DrainingVersion, draining: DrainingVersion): boolean {
  const { weightObserved, inFlight, released } = view(draft, draining.id)
  const isUnreached = released && (weightObserved ?? 0) === 0
  // The proxies hear of it before its pods are gone, but need not agree.
  if (isBurned(draft, draining.id)) return isUnreached || (before.letGo === true && isOutOfTime(draft, draining))
  return isUnreached && (inFlight === 0 || isOutOfTime(draft, draining))
}

/** How long a version may finish what it has in flight; of a burned one: the proxies, to let it go. */
export function drainLimitMs(draft: Draft, id: string): number {
  const { drainTimeoutMs } = draft.input.policy
  return isBurned(draft, id) ? Math.min(drainTimeoutMs, BURN_MS) : drainTimeoutMs
}

function isOutOfTime(draft: Draft, { id, since }: DrainingVersion): boolean {
  return draft.now - since >= drainLimitMs(draft, id)
}

function known(inFlight: number | undefined): { readonly inFlight?: number } {
  return inFlight === undefined ? {} : { inFlight }
}
