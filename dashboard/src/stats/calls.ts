/** Calls as processes count them, added up: from metric families to sums, from sums to what a table shows. Pure. */
import type { MetricFamily, MetricSeries, WeaveletMetrics } from '@weaver/sdk/contract'

/** Calls of one method by one caller, local or remote. */
export interface CallKey {
  readonly caller: string
  readonly component: string
  readonly method: string
  readonly isRemote: boolean
}

/** Everything in it may be added and subtracted. */
export interface CallSum {
  calls: number
  errors: number
  /** Of the calls that were timed: all remote ones, and a sample of the local ones. */
  timed: number
  seconds: number
  /** Timed calls by latency; the last bucket is beyond the last bound. */
  buckets: number[]
  requestBytes: number
  replyBytes: number
}

export interface CallStatsRow {
  readonly calls: number
  readonly errors: number
  /** Milliseconds; absent: no call was timed. */
  readonly meanMs?: number
  readonly p50Ms?: number
  readonly p99Ms?: number
  readonly requestBytes: number
  readonly replyBytes: number
}

const NAMES = {
  calls: 'weaver_method_calls_total',
  errors: 'weaver_method_errors_total',
  seconds: 'weaver_method_latency_seconds',
  requestBytes: 'weaver_method_request_bytes',
  replyBytes: 'weaver_method_reply_bytes',
} as const

/** Sums of one process by key ({@link parseKey}), and the bounds of their buckets. */
export interface ProcessCalls {
  readonly sums: ReadonlyMap<string, CallSum>
  /** Upper bounds in seconds; empty: nothing was timed yet. */
  readonly bounds: readonly number[]
}

function keyText({ caller, component, method, isRemote }: CallKey): string {
  return JSON.stringify([caller, component, method, isRemote])
}

export function parseKey(text: string): CallKey {
  const [caller, component, method, isRemote] = JSON.parse(text) as [string, string, string, boolean] // by keyText
  return { caller, component, method, isRemote }
}

export function emptySum(): CallSum {
  return { calls: 0, errors: 0, timed: 0, seconds: 0, buckets: [], requestBytes: 0, replyBytes: 0 }
}

/** What one process has counted since it began. */
export function callsOf({ families }: Pick<WeaveletMetrics, 'families'>): ProcessCalls {
  const sums = new Map<string, CallSum>()
  const each = (name: string, add: (sum: CallSum, series: MetricSeries) => void): MetricFamily | undefined => {
    const family = families.find((one) => one.name === name)
    for (const series of family?.series ?? []) {
      const key = keyOfSeries(family?.labels ?? [], series)
      let sum = sums.get(key)
      if (sum === undefined) sums.set(key, (sum = emptySum()))
      add(sum, series)
    }
    return family
  }
  each(NAMES.calls, (sum, { value }) => (sum.calls += value ?? 0))
  each(NAMES.errors, (sum, { value }) => (sum.errors += value ?? 0))
  const latency = each(NAMES.seconds, (sum, { value, buckets = [] }) => {
    sum.seconds += value ?? 0
    sum.timed += total(buckets)
    sum.buckets = addBuckets(sum.buckets, buckets, 1)
  })
  each(NAMES.requestBytes, (sum, { value }) => (sum.requestBytes += value ?? 0))
  each(NAMES.replyBytes, (sum, { value }) => (sum.replyBytes += value ?? 0))
  return { sums, bounds: latency?.bounds ?? [] }
}

function keyOfSeries(names: readonly string[], { labels }: MetricSeries): string {
  const value = (name: string): string => labels[names.indexOf(name)] ?? ''
  return keyText({ caller: value('caller'), component: value('component'), method: value('method'), isRemote: value('remote') === 'true' })
}

/** `into` becomes `into + sign × sum`. */
export function addSum(into: CallSum, sum: CallSum, sign: 1 | -1 = 1): CallSum {
  into.calls += sign * sum.calls
  into.errors += sign * sum.errors
  into.timed += sign * sum.timed
  into.seconds += sign * sum.seconds
  into.requestBytes += sign * sum.requestBytes
  into.replyBytes += sign * sum.replyBytes
  into.buckets = addBuckets(into.buckets, sum.buckets, sign)
  return into
}

export function copySum(sum: CallSum): CallSum {
  return { ...sum, buckets: [...sum.buckets] }
}

function addBuckets(a: readonly number[], b: readonly number[], sign: 1 | -1): number[] {
  const longer = a.length >= b.length ? a : b
  return longer.map((_, i) => (a[i] ?? 0) + sign * (b[i] ?? 0))
}

function total(buckets: readonly number[]): number {
  return buckets.reduce((a, b) => a + b, 0)
}

/** @param bounds upper bounds of its buckets, in seconds */
export function rowOf(sum: CallSum, bounds: readonly number[]): CallStatsRow {
  const { calls, errors, timed, seconds, requestBytes, replyBytes } = sum
  const counts = { calls, errors, requestBytes, replyBytes }
  if (timed === 0) return counts
  return { ...counts, meanMs: (seconds / timed) * 1_000, p50Ms: quantileMs(sum, bounds, 0.5), p99Ms: quantileMs(sum, bounds, 0.99) }
}

/**
 * Within its bucket a value is taken to be anywhere with the same probability, as Prometheus does;
 * beyond the last bound it is that bound.
 */
function quantileMs({ buckets, timed }: CallSum, bounds: readonly number[], quantile: number): number {
  const rank = quantile * timed
  let before = 0
  for (const [i, count] of buckets.entries()) {
    const upper = bounds[i]
    if (upper === undefined) break
    if (count > 0 && before + count >= rank) {
      const lower = i === 0 ? 0 : (bounds[i - 1] ?? 0)
      return (lower + (upper - lower) * ((rank - before) / count)) * 1_000
    }
    before += count
  }
  return (bounds.at(-1) ?? 0) * 1_000
}
