/** The metrics of this process, as the application declares them, usually as module constants. */
import { WeaverError } from '../contract/errors.js'
import type { Counter, Gauge, Histogram, Labelled } from './metric.js'
import { MetricRegistry, type HistogramOptions, type MetricOptions, type WithLabels } from './metric-registry.js'

const RUNTIME_PREFIX = 'weaver_'

/** All metrics of this process, including those of its calls. */
export const processMetrics: MetricRegistry = new MetricRegistry()

/**
 * Declares a counter. Labels are typed from the declaration:
 *
 *     const orders = counter('shop_orders_total', { help: 'Orders placed.', labels: ['kind'] })
 *     orders.with({ kind: 'gift' }).add()
 *
 * @param name letters, digits and `_`; ends in `_total`.
 * @throws WeaverError `WEAVER_METRIC_INVALID`: a wrong name or label, or a name declared twice with
 * another meaning.
 */
export const counter: {
  (name: string, options: MetricOptions): Counter
  <L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Counter>
} = owned('counter') as typeof counter // of the overloads it has the last one

/** Declares a gauge: a value that goes up and down. Labels and errors as for {@link counter}. */
export const gauge: {
  (name: string, options: MetricOptions): Gauge
  <L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Gauge>
} = owned('gauge') as typeof gauge // as above

/**
 * Declares a histogram: values counted by size. Labels and errors as for {@link counter}; bounds
 * are ascending.
 */
export const histogram: {
  (name: string, options: HistogramOptions): Histogram
  <L extends string>(name: string, options: HistogramOptions & WithLabels<L>): Labelled<L, Histogram>
} = owned('histogram') as typeof histogram // as above

/**
 * Declares a metric of the application, which may not use the runtime's names. A function
 * declaration, because the constants above use it before this line.
 */
function owned(kind: 'counter' | 'gauge' | 'histogram'): (name: string, options: HistogramOptions) => unknown {
  return (name, options) => {
    if (name.startsWith(RUNTIME_PREFIX))
      throw new WeaverError(
        'WEAVER_METRIC_INVALID',
        `metric "${name}": names that begin with "${RUNTIME_PREFIX}" are those of the runtime; begin it with the name of your application`,
      )
    return processMetrics[kind](name, options)
  }
}
