/** The metrics of this process, as an application declares them: usually constants of a module. */
import type { Counter, Gauge, Histogram, Labelled } from './metric.js'
import { MetricRegistry, type HistogramOptions, type MetricOptions, type WithLabels } from './metric-registry.js'

/** Everything that this process counts, its calls included. */
export const processMetrics: MetricRegistry = new MetricRegistry()

/**
 * Declares a counter. Labels are typed from the declaration:
 *
 *     const orders = counter('shop_orders_total', { help: 'Orders placed.', labels: ['kind'] })
 *     orders.with({ kind: 'gift' }).add()
 *
 * @param name letters, digits and `_`; ends in `_total`.
 * @throws WeaverError `WEAVER_METRIC_INVALID`: a wrong name or label, or a name declared twice with another meaning.
 */
export const counter: {
  (name: string, options: MetricOptions): Counter
  <L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Counter>
} = processMetrics.counter.bind(processMetrics) as typeof counter // bind() keeps the last overload only

/** Declares a gauge: a value that goes up and down. Labels and errors as for {@link counter}. */
export const gauge: {
  (name: string, options: MetricOptions): Gauge
  <L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Gauge>
} = processMetrics.gauge.bind(processMetrics) as typeof gauge // as above

/** Declares a histogram: values counted by size. Labels and errors as for {@link counter}; bounds ascend. */
export const histogram: {
  (name: string, options: HistogramOptions): Histogram
  <L extends string>(name: string, options: HistogramOptions & WithLabels<L>): Labelled<L, Histogram>
} = processMetrics.histogram.bind(processMetrics) as typeof histogram // as above
