/**
 * Compares a preview with the active version, method by method, during one window: the time that a
 * rollout spends at one step. `evidence` says when something is worse by more than chance.
 *
 * The rate of false alarms holds for a whole rollout, over all its windows, methods and looks:
 * window k has the part 1/(k(k+1)) of it. In each window the methods that first have calls in both
 * versions share one half of that equally; of the others, the k-th has the part 1/(k(k+1)) of the
 * other half. What a method has is halved between errors and latency. The parts sum to 1 at most,
 * however many windows and methods come.
 */
import { Evidence } from './evidence.js'
import { LatencyEvidence, quantileOf, sum, type LatencyHistogram } from './latency.js'
import { Increments, type MethodReading, type ReplicaReading } from './readings.js'
import type { AnalysisBlame, AnalysisLimits, Samples, Verdict } from './verdict.js'

/** The probability that a rollout of a version that keeps the limits is given up. */
export const FALSE_ALARM_RATE = 0.01
/** Evidence on which, of what is called by a method that is worse, the cause is looked for. */
const SUSPICION = Math.log(20)
const QUANTILES = [0.5, 0.95] as const

export interface ComparisonOptions {
  readonly limits: AnalysisLimits
  /** The how-manieth window of this rollout it is, from 1. */
  readonly window: number
}

/** One version's calls of a method. */
interface Side {
  calls: number
  errors: number
  latency: LatencyHistogram | undefined
}
interface Method {
  readonly component: string
  readonly method: string
  /** The components that call it; `undefined`: it is called from outside. */
  readonly callers: Set<string | undefined>
  /** Its part of this window's rate; `undefined`: one of the versions has had no calls. */
  part: number | undefined
  readonly total: Sides
  /** What is no part of a block yet, because only one version has calls. */
  readonly pending: Sides
  readonly errors: Evidence
  latency: LatencyEvidence | undefined
}
interface Sides {
  readonly active: Side
  readonly preview: Side
}
type Finding = { readonly method: Method; readonly what: AnalysisBlame['what']; readonly surplus: number; readonly log: number }

export class Comparison {
  readonly #limits: AnalysisLimits
  /** The logarithm of the evidence that is needed in this window, were there but one method. */
  readonly #bar: number
  readonly #increments = { active: new Increments(), preview: new Increments() }
  readonly #methods = new Map<string, Method>()
  /** Methods that came after the first ones; `undefined`: none has come. */
  #others: number | undefined

  constructor({ limits, window }: ComparisonOptions) {
    this.#limits = limits
    this.#bar = Math.log((2 * window * (window + 1)) / FALSE_ALARM_RATE)
  }

  /** Adds what was counted since the last call; the first call is the start of the window. */
  add(readings: { readonly active: readonly ReplicaReading[]; readonly preview: readonly ReplicaReading[] }): void {
    for (const side of ['active', 'preview'] as const)
      for (const reading of this.#increments[side].take(readings[side])) this.#count(side, reading)
    const changed = [...this.#methods.values()].filter(({ pending }) => pending.active.calls > 0 && pending.preview.calls > 0)
    this.#giveParts(changed.filter(({ part }) => part === undefined))
    for (const method of changed) addBlock(method)
    for (const method of this.#methods.values()) addLatencyBlock(method, this.#limits.maxLatencyFactor)
  }

  verdict(): Verdict {
    const { minSamples } = this.#limits
    const findings = [...this.#methods.values()].flatMap((method) => this.#findingsOf(method))
    const alarms = findings.filter(({ surplus }) => surplus >= 0).sort((a, b) => b.surplus - a.surplus)
    if (alarms[0] !== undefined) return { kind: 'fail', blame: blameOf(causeOf(alarms, findings)) }
    const all = [...this.#methods.values()]
    const compared = all.filter(({ part, total }) => part !== undefined && fewest(samplesOf(total)) >= minSamples)
    const nearest = nearestOf(compared, findings)
    if (nearest !== undefined) return { kind: 'pass', methods: compared.length, nearest }
    const samples = all.map(({ total }) => samplesOf(total)).sort((a, b) => fewest(b) - fewest(a))[0] ?? { active: 0, preview: 0 }
    return { kind: 'inconclusive', why: 'samples', samples, needed: minSamples }
  }

  #count(side: keyof Sides, { caller, component, method: name, calls, errors, latency }: MethodReading): void {
    const key = JSON.stringify([component, name])
    let method = this.#methods.get(key)
    if (method === undefined) this.#methods.set(key, (method = newMethod(component, name, this.#limits.maxErrorRateIncrease)))
    if (calls > 0) method.callers.add(caller)
    for (const part of [method.total[side], method.pending[side]]) {
      part.calls += calls
      part.errors += errors
      part.latency = plus(part.latency, latency)
    }
  }

  /** The busiest first. How many calls there are says nothing of how they went. */
  #giveParts(methods: readonly Method[]): void {
    if (methods.length === 0) return
    const isFirst = this.#others === undefined
    this.#others ??= 0
    for (const method of [...methods].sort((a, b) => b.pending.active.calls - a.pending.active.calls))
      method.part = isFirst ? 1 / (2 * methods.length) : 1 / (2 * ++this.#others * (this.#others + 1))
  }

  /** What speaks against a method, by the evidence that exceeds what an alarm needs. */
  #findingsOf(method: Method): readonly Finding[] {
    const { part, total, errors, latency } = method
    const { minSamples, maxErrorRateIncrease } = this.#limits
    if (part === undefined || fewest(samplesOf(total)) < minSamples) return []
    const bar = this.#bar - Math.log(part)
    const found: Finding[] = []
    if (rateOf(total.preview) - rateOf(total.active) > maxErrorRateIncrease)
      found.push({ method, what: 'errors', log: errors.log, surplus: errors.log - bar })
    const timed = [total.active, total.preview].map((side) => sum(side.latency?.buckets ?? []))
    if (latency !== undefined && Math.min(...timed) >= minSamples)
      found.push({ method, what: 'latency', log: latency.log, surplus: latency.log - bar })
    return found
  }
}

/**
 * An error or a delay goes up through all callers. The cause is the method that calls nothing that
 * is worse itself; from the strongest alarm the way leads down to it.
 */
function causeOf(alarms: readonly Finding[], findings: readonly Finding[]): Finding {
  const suspects = findings.filter(({ log }) => log >= SUSPICION).sort((a, b) => b.log - a.log)
  let cause = alarms[0] as Finding // its caller has seen that there is one
  const passed = new Set<Method>()
  for (;;) {
    const { component, callers } = cause.method
    const isOutside = callers.size === 1 && callers.has(undefined)
    passed.add(cause.method)
    const next = suspects.find(
      ({ method, what }) =>
        what === cause.what && !passed.has(method) && method.component !== component && (isOutside || method.callers.has(component)),
    )
    if (next === undefined) return cause
    cause = next
  }
}

/** What speaks most against a version that passes; if nothing does, the method with the largest excess of errors. */
function nearestOf(compared: readonly Method[], findings: readonly Finding[]): AnalysisBlame | undefined {
  const suspect = findings.filter(({ log }) => log > 0).sort((a, b) => b.surplus - a.surplus)[0]
  if (suspect !== undefined) return blameOf(suspect)
  const excess = ({ total }: Method): number => rateOf(total.preview) - rateOf(total.active)
  const [first, ...others] = compared
  if (first === undefined) return undefined
  return errorBlame(others.reduce((most, one) => (excess(one) > excess(most) ? one : most), first))
}

function errorBlame({ component, method, total }: Method): AnalysisBlame {
  const [active, preview] = [rateOf(total.active), rateOf(total.preview)]
  return { component, method, samples: samplesOf(total), what: 'errors', active, preview }
}

function blameOf({ method: found, what }: Finding): AnalysisBlame {
  const { component, method, total } = found
  const samples = samplesOf(total)
  if (what === 'errors') return errorBlame(found)
  const of = (side: Side, quantile: number): number => (side.latency === undefined ? 0 : quantileOf(side.latency, quantile))
  const [worst = { quantile: 0.5, active: 0, preview: 0 }] = QUANTILES.map((quantile) => ({
    quantile,
    active: of(total.active, quantile),
    preview: of(total.preview, quantile),
  })).sort((a, b) => b.preview / b.active - a.preview / a.active)
  return { component, method, samples, what, ...worst }
}

/** Errors of calls that began before the window may exceed the calls in it. */
function failedOf({ calls, errors }: Side): { readonly calls: number; readonly hits: number } {
  return { calls, hits: Math.min(calls, errors) }
}

function addBlock({ pending: { active, preview }, errors }: Method): void {
  errors.add(failedOf(active), failedOf(preview))
  for (const side of [active, preview]) side.calls = side.errors = 0
}

function addLatencyBlock(method: Method, factor: number): void {
  const { active, preview } = method.pending
  const bounds = active.latency?.bounds
  if (bounds === undefined || preview.latency === undefined || bounds.join() !== preview.latency.bounds.join()) return
  if (method.part === undefined || sum(active.latency?.buckets ?? []) === 0 || sum(preview.latency.buckets) === 0) return
  method.latency ??= new LatencyEvidence(bounds, factor)
  method.latency.add(active.latency?.buckets ?? [], preview.latency.buckets)
  for (const side of [active, preview]) side.latency = undefined
}

function newMethod(component: string, method: string, tolerance: number): Method {
  const side = (): Side => ({ calls: 0, errors: 0, latency: undefined })
  const sides = (): Sides => ({ active: side(), preview: side() })
  return {
    component,
    method,
    callers: new Set(),
    part: undefined,
    total: sides(),
    pending: sides(),
    errors: new Evidence(tolerance),
    latency: undefined,
  }
}

function plus(a: LatencyHistogram | undefined, b: LatencyHistogram | undefined): LatencyHistogram | undefined {
  if (a === undefined || b === undefined) return a ?? b
  if (a.bounds.length !== b.bounds.length) return a
  return { bounds: a.bounds, buckets: a.buckets.map((count, i) => count + (b.buckets[i] ?? 0)) }
}

function samplesOf({ active, preview }: Sides): Samples {
  return { active: active.calls, preview: preview.calls }
}

function fewest({ active, preview }: Samples): number {
  return Math.min(active, preview)
}

function rateOf({ calls, errors }: Side): number {
  return calls === 0 ? 0 : Math.min(1, errors / calls)
}
