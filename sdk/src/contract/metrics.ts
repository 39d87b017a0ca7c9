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
  /** Of a counter or gauge; of a histogram the sum of its values. `null`: no finite number, where it came as JSON. */
  readonly value: number | null
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
