/**
 * What a weavelet has counted of each component method, as an analysis of two versions reads it.
 * Counters only: reading them costs the calls nothing.
 */
import { COMPARED_METRICS, type MetricFamily, type MetricSeries, type WeaveletMetrics } from '@weaver/sdk/contract'

/** Structurally what `@weaver/rollout` takes. */
export interface MethodCounters {
  readonly replica: string
  readonly methods: readonly {
    /** `undefined`: requests of users to a listener. */
    readonly caller: string | undefined
    readonly component: string
    readonly method: string
    readonly calls: number
    readonly errors: number
    readonly latency?: { readonly bounds: readonly number[]; readonly buckets: readonly number[] }
  }[]
}
type Counted = { -readonly [K in keyof MethodCounters['methods'][number]]: MethodCounters['methods'][number][K] }

/** Local and remote calls of a method are one. */
export function methodCounters({ replica, families }: WeaveletMetrics): MethodCounters {
  const all = new Map<string, Counted>()
  const find = (caller: string | undefined, component: string, method: string): Counted => {
    const key = JSON.stringify([caller, component, method])
    const found = all.get(key) ?? { caller, component, method, calls: 0, errors: 0 }
    all.set(key, found)
    return found
  }
  const each = (name: string, use: (one: Counted, series: MetricSeries, family: MetricFamily) => void): void => {
    const family = families.find((one) => one.name === name)
    const [caller = -1, component = -1, method = -1] = ['caller', 'component', 'method'].map((label) => family?.labels.indexOf(label))
    for (const series of family?.series ?? []) {
      const { labels } = series
      if (family !== undefined) use(find(labels[caller], labels[component] ?? '', labels[method] ?? ''), series, family)
    }
  }
  each(COMPARED_METRICS.calls, (one, { value }) => (one.calls += value ?? 0))
  each(COMPARED_METRICS.errors, (one, { value }) => (one.errors += value ?? 0))
  each(COMPARED_METRICS.seconds, (one, { buckets = [] }, { bounds = [] }) => {
    const before = one.latency?.buckets
    one.latency = { bounds, buckets: buckets.map((count, i) => count + (before?.[i] ?? 0)) }
  })
  const requests = families.find((one) => one.name === COMPARED_METRICS.requests)
  for (const { labels, value } of requests?.series ?? []) {
    const [listener = '', method = '', code = ''] = ['listener', 'method', 'code'].map(
      (label) => labels[requests?.labels.indexOf(label) ?? -1],
    )
    const one = find(undefined, `listener ${listener}`, method)
    one.calls += value ?? 0
    // A client that gave up counts: it does so on both versions alike, unless one of them hangs.
    if (/^5\d\d$/.test(code) || code === 'aborted') one.errors += value ?? 0
  }
  return { replica, methods: [...all.values()] }
}
