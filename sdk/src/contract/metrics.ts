export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** The state of one metric at one moment, as plain data that crosses process borders as JSON. */
export interface MetricFamily {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  /** Names of the labels, in the order of each series' values. */
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, inclusive; one more bucket holds everything beyond. */
  readonly bounds?: readonly number[]
  readonly series: readonly MetricSeries[]
}

export interface MetricSeries {
  readonly labels: readonly string[]
  /**
   * Value of a counter or gauge; for a histogram the sum of its values. `null`: a number that JSON
   * cannot hold.
   */
  readonly value: number | null
  /**
   * Histogram only: number of values in each bucket, not cumulative; the last is beyond the last
   * bound.
   */
  readonly buckets?: readonly number[]
  /** Histogram only: the newest traced value, by bucket. */
  readonly exemplars?: readonly Exemplar[]
}

export interface Exemplar {
  readonly bucket: number
  readonly traceId: string
  readonly value: number
  /** Epoch milliseconds. */
  readonly at: number
}

/** Names of the metrics by which deployers compare two versions. */
export const COMPARED_METRICS = {
  calls: 'weaver_method_calls_total',
  errors: 'weaver_method_errors_total',
  seconds: 'weaver_method_latency_seconds',
  requests: 'weaver_http_requests_total',
} as const
