/** What a metric is: a named family of series, one for each combination of label values. Series are plain objects whose update is a few additions. */

export type LabelValue = string | number | boolean
export type Labels<L extends string> = Readonly<Record<L, LabelValue>>

/** A sum that only grows. */
export interface Counter {
  /**
   * @param amount 0 or more. @default 1
   * @throws WeaverError `WEAVER_METRIC_INVALID` for a negative amount or one that is no number.
   */
  add(amount?: number): void
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number): void
  /** @param amount may be negative. @default 1 */
  add(amount?: number): void
}

/** Counts values by size. */
export interface Histogram {
  /**
   * @param traceId of a sampled trace that shows this value; OpenMetrics hands it on as an exemplar.
   */
  observe(value: number, traceId?: string): void
}

/** A metric with labels: `with` picks the series. Keep what it returns where a value is updated often; it is always the same object. */
export interface Labelled<L extends string, M> {
  /** @throws WeaverError `WEAVER_METRIC_INVALID` when a label is missing or unknown. */
  with(labels: Labels<L>): M
}

export type MetricKind = 'counter' | 'gauge' | 'histogram'

/** The state of one metric at one moment, as plain data: it crosses process borders as JSON. */
export interface MetricFamily {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  /** Names of the labels, in the order of the values in each series. */
  readonly labels: readonly string[]
  /** Upper bounds of a histogram's buckets, each inclusive; one more bucket holds what is beyond. */
  readonly bounds?: readonly number[]
  readonly series: readonly MetricSeries[]
}

export interface MetricSeries {
  readonly labels: readonly string[]
  /** Of a counter or gauge; of a histogram the sum of its values. */
  readonly value: number
  /** Of a histogram: values in each bucket (not cumulated), the one beyond the last bound at the end. */
  readonly buckets?: readonly number[]
  /** Of a histogram: the newest traced value by bucket. */
  readonly exemplars?: readonly Exemplar[]
}

export interface Exemplar {
  readonly bucket: number
  readonly traceId: string
  readonly value: number
  /** Epoch milliseconds. */
  readonly at: number
}
