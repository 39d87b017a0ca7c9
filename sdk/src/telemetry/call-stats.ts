/**
 * Statistics of calls, on the caller's side. One object per (caller, component, method, local or
 * remote), created when a ref is resolved; the path of a call touches only its plain number fields.
 */
import { decades, HistogramSeries } from './histogram-series.js'
import { COMPARED_METRICS, type MetricFamily } from '../contract/metrics.js'
import { readHistogram, type MetricRegistry } from './metric-registry.js'
import { processMetrics } from './metrics.js'

/**
 * One local call in this many is timed, starting with the first; remote calls are always timed. A
 * power of two.
 */
export const LOCAL_SAMPLE = 64

export interface CallStats {
  /**
   * Counts a call.
   * @returns true if this call is to be timed, by `end`
   */
  begin(): boolean
  /**
   * Ends a call. Required for calls that are timed and for calls that failed.
   * @param ms its duration; `undefined` if it was not timed
   * @param traceId of the sampled trace that the call is part of: the exemplar of its latency
   */
  end(ms: number | undefined, isError: boolean, traceId?: string): void
  /** Sizes of a remote call's encoded arguments and result. */
  bytes(request: number, reply: number): void
}

export interface CallIdentity {
  /** The calling component; `weaver/Main` for the main class. */
  readonly caller: string
  readonly component: string
  readonly method: string
  readonly isRemote: boolean
}

/** Counts nothing: the result of `callStats` while metrics are off. */
export const NO_CALL_STATS: CallStats = { begin: () => false, end: () => undefined, bytes: () => undefined }

export const METHOD_LABELS = ['caller', 'component', 'method', 'remote'] as const
const SECONDS = decades(-6, 1)
/** Bounds for message sizes. */
export const BYTES: readonly number[] = [64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216]

class MethodStats implements CallStats {
  calls = 0
  errors = 0
  readonly seconds = new HistogramSeries(SECONDS)
  readonly requestBytes = new HistogramSeries(BYTES)
  readonly replyBytes = new HistogramSeries(BYTES)
  readonly labels: readonly string[]
  readonly isRemote: boolean
  readonly #mask: number

  constructor({ caller, component, method, isRemote }: CallIdentity) {
    this.labels = [caller, component, method, String(isRemote)]
    this.isRemote = isRemote
    this.#mask = isRemote ? 0 : LOCAL_SAMPLE - 1
  }

  begin(): boolean {
    return (this.calls++ & this.#mask) === 0
  }

  end(ms: number | undefined, isError: boolean, traceId?: string): void {
    if (isError) this.errors++
    if (ms !== undefined) this.seconds.observe(ms / 1_000, traceId)
  }

  bytes(request: number, reply: number): void {
    this.requestBytes.observe(request)
    this.replyBytes.observe(reply)
  }
}

/** The statistics of all calls shown by one registry. */
class CallTable {
  readonly #stats = new Map<string, MethodStats>()

  get(of: CallIdentity): CallStats {
    const key = JSON.stringify([of.caller, of.component, of.method, of.isRemote])
    let stats = this.#stats.get(key)
    if (stats === undefined) this.#stats.set(key, (stats = new MethodStats(of)))
    return stats
  }

  collect(): readonly MetricFamily[] {
    const all = [...this.#stats.values()].filter((stats) => stats.calls > 0)
    const remote = all.filter((stats) => stats.isRemote)
    const labels = METHOD_LABELS
    const count = (read: (stats: MethodStats) => number): MetricFamily['series'] =>
      all.map((stats) => ({ labels: stats.labels, value: read(stats) }))
    const sizes = (of: readonly MethodStats[], read: (stats: MethodStats) => HistogramSeries): MetricFamily['series'] =>
      of.map((stats) => ({ labels: stats.labels, ...readHistogram(read(stats)) }))
    return [
      { ...METHOD_METRICS.calls, kind: 'counter', labels, series: count((stats) => stats.calls) },
      { ...METHOD_METRICS.errors, kind: 'counter', labels, series: count((stats) => stats.errors) },
      { ...METHOD_METRICS.seconds, kind: 'histogram', labels, bounds: SECONDS, series: sizes(all, (stats) => stats.seconds) },
      { ...METHOD_METRICS.requestBytes, kind: 'histogram', labels, bounds: BYTES, series: sizes(remote, (stats) => stats.requestBytes) },
      { ...METHOD_METRICS.replyBytes, kind: 'histogram', labels, bounds: BYTES, series: sizes(remote, (stats) => stats.replyBytes) },
    ]
  }
}

/** The five automatic metrics of every method. */
export const METHOD_METRICS: Readonly<
  Record<'calls' | 'errors' | 'seconds' | 'requestBytes' | 'replyBytes', { readonly name: string; readonly help: string }>
> = {
  calls: { name: COMPARED_METRICS.calls, help: 'Calls of a component method, counted by the caller.' },
  errors: { name: COMPARED_METRICS.errors, help: 'Calls that failed, in the method or on the way.' },
  seconds: { name: COMPARED_METRICS.seconds, help: `Duration of calls; of local ones one in ${LOCAL_SAMPLE} is timed.` },
  requestBytes: { name: 'weaver_method_request_bytes', help: 'Size of the encoded arguments of remote calls.' },
  replyBytes: { name: 'weaver_method_reply_bytes', help: 'Size of the encoded answers of remote calls.' },
}

const tables = new WeakMap<MetricRegistry, CallTable>()
let isCounting = true

/** Whether this process counts its calls and requests. */
export function isCountingCalls(): boolean {
  return isCounting
}

/**
 * The statistics of one kind of call: the same object for the same identity; {@link NO_CALL_STATS}
 * while metrics are off.
 */
export function callStats(of: CallIdentity, registry: MetricRegistry = processMetrics): CallStats {
  if (!isCounting) return NO_CALL_STATS
  let table = tables.get(registry)
  if (table === undefined) {
    const made = new CallTable()
    tables.set(registry, (table = made))
    registry.register(() => made.collect())
  }
  return table.get(of)
}

/**
 * Switches the counting of calls and requests on or off: the composition root decides it for the
 * process before statistics are requested.
 */
export function setCallCounting(isOn: boolean): void {
  isCounting = isOn
}
