/**
 * Slots: the anonymous backends of a proxy's static configuration, bound to versions at run time.
 * Pure.
 *
 * The bindings, the weights in force and the times of removal are one JSON value in the proxy's
 * ConfigMap, so a restarted operator continues with the same bindings. Proxies know slots only.
 *
 * I1  A version keeps its slot for as long as it is in the plan, whatever its weight.
 * I2  A slot is bound again only after every proxy has dropped the servers of the previous version
 *     (`leaving` until then).
 * I3  Committed weights name bound versions only.
 */
import { reasonOf } from '@weaver/sdk/contract'
import { operatorError } from '../../errors/catalogue.js'
import type { TrafficPlan } from '../driver.js'

/**
 * Live versions per listener: active, preview, and two that are leaving. Each costs an idle
 * backend.
 */
export const SLOTS = ['s1', 's2', 's3', 's4'] as const
/** Requests per cycle of the counter; thresholds are parts of it. */
export const CYCLE = 10_000
/** What a listener's plan says while no version has weight: every request is answered 503. */
export const NO_PLAN = '-'
/** Dropped versions are remembered this long after they were released. Milliseconds. */
const REMEMBER_MS = 3_600_000

export interface SlotBinding {
  readonly versionId: string
  readonly deploymentId: string
  /** ClusterIP Service of the version, used while no pod is known to be up. */
  readonly service?: { readonly host: string; readonly port: number }
  /** The version left the plan and no file names it; proxies still have servers of it. */
  readonly leaving?: true
}
export interface ListenerSlots {
  readonly slots: Readonly<Record<string, SlotBinding>>
  /** Percent by version id; empty: nothing may get traffic. */
  readonly weights: Readonly<Record<string, number>>
}
/** Plain JSON, stored. */
export interface ProxyState {
  readonly format: 1
  /** Grows with every change, for people who compare states. */
  readonly generation: number
  readonly listeners: Readonly<Record<string, ListenerSlots>>
  /** When the files stopped naming a version, by version id. Epoch milliseconds. */
  readonly dropped: Readonly<Record<string, number>>
}

export function emptyState(): ProxyState {
  return { format: 1, generation: 0, listeners: {}, dropped: {} }
}

/**
 * @throws WeaverError `WEAVER_PROXY_STATE` when it was not written by this operator; guessing would
 * move traffic.
 */
export function parseState(text: string, source: string): ProxyState {
  try {
    const value = JSON.parse(text) as Partial<ProxyState> // checked below; the rest is ours by the format number
    if (
      value.format === 1 &&
      typeof value.listeners === 'object' &&
      typeof value.dropped === 'object' &&
      typeof value.generation === 'number'
    )
      return value as ProxyState
    throw new Error(`format ${JSON.stringify(value.format)} is not 1`)
  } catch (cause) {
    throw operatorError(
      'WEAVER_PROXY_STATE',
      `${source}: the stored slots cannot be read (${reasonOf(cause)}); remove its key "state.json" and the bindings are taken from the running proxies`,
      { cause },
    )
  }
}

export function backendName(listener: string, slot: string): string {
  return `${listener}_${slot}`
}

export interface Bound {
  readonly state: ProxyState
  /** Why a version could not be bound. */
  readonly problems: readonly string[]
}

/**
 * Binds what is new in the plan and marks what has left it. A version that left while it still has
 * committed weight is unchanged: its weight is moved first. A burned one has none any more; what is
 * left of the weights stays in force until others may be raised.
 * @param services address of each backend's Service, by version id within a listener; absent: keep
 * the known one.
 */
export function bindSlots(
  state: ProxyState,
  plan: TrafficPlan,
  services: (listener: string, versionId: string) => SlotBinding['service'],
): Bound {
  const problems: string[] = []
  const listeners: Record<string, ListenerSlots> = {}
  for (const { listener, backends } of plan.listeners) {
    const before = withoutBurned(state.listeners[listener.name] ?? { slots: {}, weights: {} }, plan)
    const slots: Record<string, SlotBinding> = {}
    for (const [slot, binding] of Object.entries(before.slots)) {
      const isPlanned = backends.some((b) => b.versionId === binding.versionId)
      const { leaving: _, ...kept } = binding
      slots[slot] = isPlanned || (before.weights[binding.versionId] ?? 0) > 0 ? kept : { ...kept, leaving: true }
    }
    for (const { versionId, deploymentId } of backends) {
      const slot = slotOf({ slots, weights: {} }, versionId) ?? SLOTS.find((s) => slots[s] === undefined)
      if (slot === undefined) {
        problems.push(
          `listener "${listener.name}": version "${versionId}" waits for one of ${SLOTS.length} slots; older versions must be let go first`,
        )
        continue
      }
      const service = services(listener.name, versionId) ?? slots[slot]?.service
      slots[slot] = { versionId, deploymentId, ...(service === undefined ? {} : { service }) }
    }
    listeners[listener.name] = { slots, weights: before.weights }
  }
  // A listener that no version exports any longer: its versions leave with it.
  for (const [name, before] of Object.entries(state.listeners))
    if (listeners[name] === undefined && Object.keys(before.slots).length > 0)
      listeners[name] = { slots: mapValues(before.slots, (b) => ({ ...b, leaving: true as const })), weights: {} }
  return { state: { ...state, listeners }, problems }
}

function withoutBurned(listener: ListenerSlots, { burned = [] }: TrafficPlan): ListenerSlots {
  return { ...listener, weights: Object.fromEntries(Object.entries(listener.weights).filter(([id]) => !burned.includes(id))) }
}

/** Records the plan's weights as in force, and which versions the files stop naming. */
export function commitWeights(state: ProxyState, plan: TrafficPlan): ProxyState {
  const listeners = { ...state.listeners }
  for (const { listener, weights } of plan.listeners) {
    const own = listeners[listener.name]
    if (own !== undefined) listeners[listener.name] = { ...own, weights: positive(weights) }
  }
  return { ...state, listeners }
}

/** Versions that the files name. */
function namedVersions(state: ProxyState): ReadonlySet<string> {
  return new Set(
    Object.values(state.listeners).flatMap((l) => Object.values(l.slots).flatMap((b) => (b.leaving === true ? [] : [b.versionId]))),
  )
}

/**
 * Records when the files stopped naming a version, and counts the change.
 * @param now epoch milliseconds; a time that lies after it is of a clock that was set back
 */
export function stampDropped(before: ProxyState, after: ProxyState, now: number): ProxyState {
  const named = namedVersions(after)
  const dropped = Object.fromEntries(
    Object.entries({ ...Object.fromEntries([...namedVersions(before)].map((id) => [id, now])), ...before.dropped })
      .filter(([id, at]) => !named.has(id) && now - at < REMEMBER_MS)
      .map(([id, at]) => [id, Math.min(at, now)]),
  )
  const next = { ...after, dropped }
  return isSame(before, next) ? before : { ...next, generation: before.generation + 1 }
}

/** Frees the slots of versions of which no proxy has servers. */
export function freeSlots(state: ProxyState, isClean: (backend: string) => boolean): ProxyState {
  const listeners: Record<string, ListenerSlots> = {}
  for (const [name, own] of Object.entries(state.listeners)) {
    const slots = Object.fromEntries(
      Object.entries(own.slots).filter(([slot, b]) => b.leaving !== true || !isClean(backendName(name, slot))),
    )
    if (Object.keys(slots).length > 0 || Object.keys(own.weights).length > 0) listeners[name] = { slots, weights: own.weights }
  }
  return { ...state, listeners }
}

export function slotOf(listener: ListenerSlots, versionId: string): string | undefined {
  return Object.entries(listener.slots).find(([, b]) => b.versionId === versionId)?.[0]
}

/**
 * The entry of `plan.map`: backend, cumulative threshold, backend, …, last backend; always `2 ×
 * slots − 1` fields, so that every field that the configuration reads is there.
 * `L_s1:9000:L_s2:10000:L_s2:10000:L_s2` is 90/10.
 */
export function planValue(listener: string, { slots, weights }: ListenerSlots): string {
  const shares = Object.entries(slots)
    .filter(([, b]) => (weights[b.versionId] ?? 0) > 0)
    // By version, not by slot: a user's number must mean the same version on every listener.
    .sort(([, a], [, b]) => (a.versionId < b.versionId ? -1 : 1))
    .map(([slot, b]) => ({ backend: backendName(listener, slot), weight: weights[b.versionId] ?? 0 }))
  const last = shares.at(-1)
  if (last === undefined) return NO_PLAN
  let sum = 0
  const fields = shares.map(({ backend, weight }) => `${backend}:${(sum += (weight * CYCLE) / 100)}`)
  while (fields.length < SLOTS.length) fields.push(`${last.backend}:${CYCLE}`)
  return fields.join(':').replace(/:[0-9]+$/, '')
}

/** Reads an entry of `plan.map` back: percent by backend. */
export function readPlan(value: string): Readonly<Record<string, number>> {
  if (value === NO_PLAN) return {}
  const fields = value.split(':')
  const weights: Record<string, number> = {}
  let from = 0
  for (let i = 0; i < fields.length; i += 2) {
    const backend = fields[i] ?? ''
    const to = Number(fields[i + 1] ?? CYCLE)
    if (to > from) weights[backend] = (weights[backend] ?? 0) + ((to - from) * 100) / CYCLE
    from = Math.max(from, to)
  }
  return weights
}

function positive(weights: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(weights).filter(([, w]) => w > 0))
}

function isSame(a: ProxyState, b: ProxyState): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => [k, sorted(v)]),
  )
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, f: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([k, v]) => [k, f(v)]))
}

/**
 * Bindings and weights as running proxies have them, for when the stored ones are lost: starting
 * from nothing would remove the weights under traffic.
 * @param shown `slots.map` and `plan.map` of one proxy. A listener with a weighted slot that cannot
 * be identified keeps no weights.
 */
export function recoverState(
  plan: TrafficPlan,
  shown: { readonly slots: ReadonlyMap<string, string>; readonly plans: ReadonlyMap<string, string> },
): ProxyState {
  const listeners: Record<string, ListenerSlots> = {}
  for (const { listener, backends } of plan.listeners) {
    const slots: Record<string, SlotBinding> = {}
    for (const slot of SLOTS) {
      const found = backends.find((b) => b.deploymentId === shown.slots.get(backendName(listener.name, slot)))
      if (found !== undefined && slotOf({ slots, weights: {} }, found.versionId) === undefined)
        slots[slot] = { versionId: found.versionId, deploymentId: found.deploymentId }
    }
    const shares = Object.entries(readPlan(shown.plans.get(listener.name) ?? NO_PLAN)).map(
      ([backend, weight]) =>
        [Object.entries(slots).find(([slot]) => backendName(listener.name, slot) === backend)?.[1].versionId, weight] as const,
    )
    const isWhole = shares.every(([id]) => id !== undefined)
    listeners[listener.name] = { slots, weights: isWhole ? Object.fromEntries(shares) : {} }
  }
  return { ...emptyState(), listeners }
}
