/**
 * Metrics: named families of series, one per combination of label values. Series are plain objects
 * whose update takes a few additions.
 */

export type LabelValue = string | number | boolean
export type Labels<L extends string> = Readonly<Record<L, LabelValue>>

/** A sum that only grows. */
export interface Counter {
  /**
   * @param amount 0 or more.
   * @default 1
   * @throws WeaverError `WEAVER_METRIC_INVALID` for a negative amount, or one that is not a number.
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
  /** @param traceId of a sampled trace with this value; OpenMetrics exports it as an exemplar. */
  observe(value: number, traceId?: string): void
}

/**
 * A metric with labels: `with` selects the series. Keep its result for a value that is updated
 * often; it is always the same object.
 */
export interface Labelled<L extends string, M> {
  /** @throws WeaverError `WEAVER_METRIC_INVALID` when a label is missing or unknown. */
  with(labels: Labels<L>): M
}
