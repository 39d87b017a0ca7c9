/** From the states of all proxies of an app to the observation for the rollout. Pure. */
import { knowsListener, upServers, type ProxyView } from './proxy-commands.js'
import type { BackendRow } from './haproxy-replies.js'
import type { ListenerTarget } from './proxy-target.js'
import { backendName, planValue, readPlan, slotOf, type ProxyState } from './slots.js'
import type { TrafficObservation, TrafficPlan } from '../driver.js'

/** One proxy after it was programmed. */
export interface ProgrammedProxy {
  readonly name: string
  readonly isReady: boolean
  /** `undefined`: it did not answer; `failure` says why. */
  readonly view?: ProxyView
  readonly failure?: string
  readonly waiting: readonly string[]
}

/**
 * Why weights may not be raised yet: every proxy that gets traffic must have an UP server of each
 * version whose weight rises.
 */
export function raiseBlockers(
  plan: TrafficPlan,
  seen: { readonly state: ProxyState; readonly targets: readonly ListenerTarget[]; readonly proxies: readonly ProgrammedProxy[] },
): string[] {
  return plan.listeners.flatMap(({ listener, weights }) => {
    const own = seen.state.listeners[listener.name] ?? { slots: {}, weights: {} }
    const raised = Object.keys(weights).filter((id) => (weights[id] ?? 0) > (own.weights[id] ?? 0))
    return raised.flatMap((id) => {
      const slot = slotOf(own, id)
      if (slot === undefined) return [`listener "${listener.name}": version "${id}" has no slot yet`]
      const target = seen.targets.find((t) => t.name === listener.name)?.slots.find((s) => s.backend === backendName(listener.name, slot))
      return seen.proxies.flatMap(({ name, isReady, view, failure }) => {
        if (!isReady) return []
        if (view === undefined) return [failure ?? `proxy "${name}" does not answer`]
        // A proxy of an older configuration is not an endpoint of this listener's Service; it is
        // being replaced.
        if (!knowsListener(view, listener.name)) return []
        return target !== undefined && upServers(view, target).length > 0
          ? []
          : [`proxy "${name}" to see a pod of version "${id}" up on listener "${listener.name}"`]
      })
    })
  })
}

/** True when the stored weights are the asked ones. */
export function isCommitted(plan: TrafficPlan, state: ProxyState): boolean {
  return plan.listeners.every(({ listener, weights }) => {
    const own = state.listeners[listener.name]?.weights ?? {}
    return [...new Set([...Object.keys(own), ...Object.keys(weights)])].every((id) => (own[id] ?? 0) === (weights[id] ?? 0))
  })
}

/**
 * A proxy may take traffic when it holds the stored plan, and every slot with weight has a pod that
 * is up.
 */
export function isServable(view: ProxyView, state: ProxyState, targets: readonly ListenerTarget[]): boolean {
  const weighted = targets.filter((t) => t.plan !== undefined && Object.keys(readPlan(t.plan)).length > 0)
  return (
    weighted.length > 0 &&
    weighted.every(
      (t) =>
        view.plans.get(t.name) === planValue(t.name, state.listeners[t.name] ?? { slots: {}, weights: {} }) &&
        Object.keys(readPlan(t.plan ?? '')).every((backend) => t.slots.some((s) => s.backend === backend && upServers(view, s).length > 0)),
    )
  )
}

export interface ReportInput {
  readonly state: ProxyState
  readonly proxies: readonly ProgrammedProxy[]
  /** Terminating proxies that may still have requests, or an older plan. */
  readonly ending: readonly string[]
  /** Objects between users and proxies that were missing. */
  readonly missing: readonly string[]
  /** What is awaited before a Service is taken over. */
  readonly pending: readonly string[]
  readonly problems: readonly string[]
  readonly blockers: readonly string[]
  /**
   * Requests that a slot had when a version was first seen in it; the key names proxy, process,
   * slot and version.
   */
  readonly baseline: (key: string, requests: number) => number
  readonly lostPins: number
  readonly forgetAfterMs: number
  /** Epoch milliseconds. */
  readonly now: number
  /** When the clock behind `now` was last set, epoch milliseconds; 0: never. */
  readonly clockSetAt: number
}

export function reportTraffic(plan: TrafficPlan, input: ReportInput): TrafficObservation {
  const ready = input.proxies.filter((p) => p.isReady)
  const views = ready.flatMap((p) => p.view ?? [])
  const isWholeView = ready.length > 0 && views.length === ready.length
  const isAsked =
    isWholeView &&
    isCommitted(plan, input.state) &&
    views.every((v) =>
      plan.listeners.every(
        (l) =>
          v.plans.get(l.listener.name) === planValue(l.listener.name, input.state.listeners[l.listener.name] ?? { slots: {}, weights: {} }),
      ),
    )
  const waits = [
    ...input.problems,
    ...input.blockers,
    ...ready.flatMap((p) => [...(p.failure === undefined ? [] : [p.failure]), ...p.waiting.map((w) => `proxy "${p.name}": ${w}`)]),
    ...(ready.length === 0 ? [waitForReady(plan, input.proxies)] : []),
    ...input.pending,
    ...(isWholeView && !isAsked && input.blockers.length === 0 ? ['every proxy to report the asked weights'] : []),
  ]
  const { released, holding } = releases(input, isWholeView)
  const unreachable =
    input.missing[0] === undefined
      ? ready.length === 0
        ? waitForReady(plan, input.proxies)
        : undefined
      : `${input.missing.join(', ')} ${input.missing.length === 1 ? 'was' : 'were'} gone, and ${input.missing.length === 1 ? 'is' : 'are'} made again`
  return {
    inSync: isAsked && waits.length === 0,
    ...(waits[0] === undefined ? {} : { waitingFor: waits.length > 1 ? `${waits[0]} (and ${waits.length - 1} more)` : waits[0] }),
    ...(unreachable === undefined ? {} : { unreachable }),
    weightObserved: isWholeView ? observedWeights(plan, views, isAsked) : {},
    inFlight: isWholeView && input.ending.length === 0 ? sumOver(input, (row) => row.inFlight) : {},
    requests: sumOver(input, (row, key) => row.requests - input.baseline(key, row.requests)),
    lostPins: input.lostPins,
    released,
    holding,
  }
}

function waitForReady(plan: TrafficPlan, proxies: readonly ProgrammedProxy[]): string {
  if (proxies.length === 0) return `a pod of the proxy of "${plan.app.name}" to run`
  const why = proxies[0]?.failure ?? proxies[0]?.waiting[0]
  return `a proxy of "${plan.app.name}" to be ready${why === undefined ? '' : `: ${why}`}`
}

/**
 * What all ready proxies agree on. A version's weight is that of the whole app where the plan says
 * so, else the smallest on any of its listeners.
 */
function observedWeights(plan: TrafficPlan, views: readonly ProxyView[], isAsked: boolean): Record<string, number> {
  const weights: Record<string, number> = {}
  const unknown = new Set<string>()
  for (const { listener, backends } of plan.listeners)
    for (const { versionId, deploymentId } of backends) {
      const shown = new Set(views.map((v) => (knowsListener(v, listener.name) ? shareOf(v, listener.name, deploymentId) : undefined)))
      const [only] = shown
      if (shown.size !== 1 || only === undefined) unknown.add(versionId)
      else weights[versionId] = Math.min(weights[versionId] ?? 100, only)
    }
  return Object.fromEntries(
    Object.entries(weights).flatMap(([id, w]) =>
      unknown.has(id) ? [] : [[id, isAsked ? (plan.weights === undefined ? w : (plan.weights[id] ?? 0)) : w]],
    ),
  )
}

function shareOf(view: ProxyView, listener: string, deploymentId: string): number {
  return Object.entries(readPlan(view.plans.get(listener) ?? '-')).reduce(
    (sum, [backend, w]) => (view.slots.get(backend) === deploymentId ? sum + w : sum),
    0,
  )
}

/** Sums a figure over all proxies that answer, by version; versions that are leaving too. */
function sumOver({ state, proxies }: ReportInput, figure: (row: BackendRow, key: string) => number): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const [name, own] of Object.entries(state.listeners))
    for (const [slot, { versionId }] of Object.entries(own.slots))
      for (const { name: proxy, view } of proxies) {
        const backend = backendName(name, slot)
        const row = view?.backends.get(backend)
        sums[versionId] =
          (sums[versionId] ?? 0) +
          (row === undefined || view === undefined ? 0 : figure(row, `${proxy} ${view.process} ${backend} ${versionId}`))
      }
  return sums
}

/**
 * A dropped version is free when no proxy has servers of it, none that may know it is still ending,
 * and no proxy can come up with files that name it: the kubelet shows a changed ConfigMap to a
 * restarted container late.
 */
function releases(input: ReportInput, isWholeView: boolean): { released: string[]; holding: string[] } {
  const bound = new Set(Object.values(input.state.listeners).flatMap((l) => Object.values(l.slots).map((b) => b.versionId)))
  const released: string[] = []
  const holding = new Set<string>()
  for (const l of Object.values(input.state.listeners))
    for (const b of Object.values(l.slots)) if (b.leaving === true) holding.add(b.versionId)
  for (const [id, at] of Object.entries(input.state.dropped)) {
    const isFree =
      !bound.has(id) && isWholeView && input.ending.length === 0 && input.now - Math.max(at, input.clockSetAt) >= input.forgetAfterMs
    if (isFree) released.push(id)
    else holding.add(id)
  }
  return { released, holding: [...holding].sort() }
}
