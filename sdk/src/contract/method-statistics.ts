/** Calls of each method in the last minute, the last hour, and since the beginning, out of snapshots of metrics. Pure but for its memory: times are given. */
import type { MetricFamily, MetricSeries } from './metrics.js'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS

export interface MethodUse {
  /** Milliseconds that this is about: less than the minute or hour in the beginning, more where snapshots were rare; of the total since the first snapshot. */
  readonly spanMs: number
  readonly calls: number
  readonly errors: number
  /** Mean duration of the calls that were timed; `undefined` where none was. */
  readonly meanMs: number | undefined
  readonly requestBytes: number
  readonly replyBytes: number
}

export interface MethodRow {
  readonly component: string
  readonly method: string
  readonly minute: MethodUse
  readonly hour: MethodUse
  readonly total: MethodUse
}

export interface MethodStatistics {
  /**
   * Takes what one replica counts at a time. What it had counted when it is seen first belongs to the total alone. A replica that counts less than before has started anew; one that is gone keeps what it had.
   * @param at epoch milliseconds, never less than before
   */
  add(at: number, replica: string, families: readonly MetricFamily[]): void
  /** In order of component and method, as of the last `add`. Methods that were never called have no row. */
  rows(): readonly MethodRow[]
}

/** Of one method; numbers only grow. */
interface Totals {
  readonly calls: number
  readonly errors: number
  readonly seconds: number
  readonly timed: number
  readonly requestBytes: number
  readonly replyBytes: number
}
const FIELDS = ['calls', 'errors', 'seconds', 'timed', 'requestBytes', 'replyBytes'] as const
const NONE: Totals = { calls: 0, errors: 0, seconds: 0, timed: 0, requestBytes: 0, replyBytes: 0 }

interface Sample {
  readonly at: number
  readonly totals: ReadonlyMap<string, Totals>
}

export function createMethodStatistics(): MethodStatistics {
  /** What each replica said last. */
  const last = new Map<string, ReadonlyMap<string, Totals>>()
  let total: ReadonlyMap<string, Totals> = new Map()
  /** Without what a replica had counted when it was seen first: that may be of days ago. Never changed in place, because samples hold it. */
  let seen: ReadonlyMap<string, Totals> = new Map()
  /** Each begins with the newest sample that is a minute, an hour old, once there is one. */
  const recent: Sample[] = []
  const minutes: Sample[] = []
  let startedAt = 0
  let now = 0

  const since = (key: string, from: Sample | undefined): MethodUse =>
    useOf(
      combine(seen.get(key) ?? NONE, from?.totals.get(key) ?? NONE, (a, b) => a - b),
      now - (from?.at ?? now),
    )
  return {
    add(at, replica, families) {
      if (last.size === 0) startedAt = at
      now = at
      const said = totalsOf(families)
      const before = last.get(replica)
      last.set(replica, said)
      const grown = new Map(
        [...said].map(([key, one]) => {
          const old = before?.get(key) ?? NONE
          return [key, one.calls < old.calls ? one : combine(one, old, (a, b) => a - b)]
        }),
      )
      total = sum(total, grown)
      if (before !== undefined) seen = sum(seen, grown)
      const sample = { at, totals: seen }
      recent.push(sample)
      dropBefore(recent, now - MINUTE_MS)
      const newest = minutes.at(-1)?.at ?? -Infinity
      if (newest === at) minutes.pop() // of another replica at the same time
      if (newest === at || at - newest >= MINUTE_MS) minutes.push(sample)
      dropBefore(minutes, now - HOUR_MS)
    },
    rows: () =>
      [...total.keys()].sort().map((key) => {
        const [component = '', method = ''] = JSON.parse(key) as string[] // totalsOf wrote two
        return {
          component,
          method,
          minute: since(key, recent[0]),
          hour: since(key, minutes[0]),
          total: useOf(total.get(key) ?? NONE, now - startedAt),
        }
      }),
  }
}

/** Leaves one sample that is as old as that. */
function dropBefore(samples: Sample[], time: number): void {
  while ((samples[1]?.at ?? Infinity) <= time) samples.shift()
}

function useOf({ calls, errors, seconds, timed, requestBytes, replyBytes }: Totals, spanMs: number): MethodUse {
  return { spanMs, calls, errors, meanMs: timed === 0 ? undefined : (seconds / timed) * 1_000, requestBytes, replyBytes }
}

function sum(a: ReadonlyMap<string, Totals>, b: ReadonlyMap<string, Totals>): ReadonlyMap<string, Totals> {
  const both = new Map(a)
  for (const [key, one] of b)
    both.set(
      key,
      combine(both.get(key) ?? NONE, one, (x, y) => x + y),
    )
  return both
}

function totalsOf(families: readonly MetricFamily[]): ReadonlyMap<string, Totals> {
  const found = new Map<string, Totals>()
  const add = (metric: string, read: (series: MetricSeries) => Partial<Totals>): void => {
    const family = families.find(({ name }) => name === metric)
    if (family === undefined) return
    const [component, method] = ['component', 'method'].map((label) => family.labels.indexOf(label)) as [number, number] // one for each
    for (const series of family.series) {
      const key = JSON.stringify([series.labels[component], series.labels[method]])
      found.set(
        key,
        combine(found.get(key) ?? NONE, { ...NONE, ...read(series) }, (a, b) => a + b),
      )
    }
  }
  add('weaver_method_calls_total', ({ value }) => ({ calls: value ?? 0 }))
  add('weaver_method_errors_total', ({ value }) => ({ errors: value ?? 0 }))
  add('weaver_method_latency_seconds', ({ value, buckets }) => ({ seconds: value ?? 0, timed: (buckets ?? []).reduce((a, b) => a + b, 0) }))
  add('weaver_method_request_bytes', ({ value }) => ({ requestBytes: value ?? 0 }))
  add('weaver_method_reply_bytes', ({ value }) => ({ replyBytes: value ?? 0 }))
  return found
}

function combine(a: Totals, b: Totals, how: (a: number, b: number) => number): Totals {
  return Object.fromEntries(FIELDS.map((field) => [field, how(a[field], b[field])])) as unknown as Totals // each field once
}
