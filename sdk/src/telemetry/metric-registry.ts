/**
 * The metrics of a process. Declaring a metric twice with the same definition returns the same
 * metric; a different definition is rejected, because readers could not distinguish two meanings of
 * one name.
 */
import { WeaverError } from '../contract/errors.js'
import { decades, HistogramSeries } from './histogram-series.js'
import type { MetricFamily, MetricKind, MetricSeries } from '../contract/metrics.js'
import type { Counter, Gauge, Histogram, Labelled, Labels } from './metric.js'

export interface MetricOptions {
  /** One sentence for readers of a dashboard. */
  readonly help: string
}
export interface HistogramOptions extends MetricOptions {
  /**
   * Upper bounds of the buckets, each inclusive, ascending.
   * @default 1, 2 and 5 times the powers of ten from 0.001 to 50: seconds of a request
   */
  readonly bounds?: readonly number[]
}
export type WithLabels<L extends string> = { readonly labels: readonly L[] }

const NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/
const DEFAULT_BOUNDS = decades(-3, 1)
/**
 * Labels added on export to identify the source of a series; a metric's own labels must not hide
 * them.
 */
const EXPORT_LABELS = ['app', 'version', 'replica'] as const
const RESERVED_LABELS: ReadonlySet<string> = new Set(['le', 'quantile', ...EXPORT_LABELS])

class CounterSeries implements Counter {
  value = 0
  add(amount = 1): void {
    if (!(amount >= 0 && amount < Infinity))
      throw invalid(`a counter cannot grow by ${amount}; use a gauge for what goes down, and check what the amount is computed from`)
    this.value += amount
  }
}

class GaugeSeries implements Gauge {
  value = 0
  set(value: number): void {
    this.value = value
  }
  add(amount = 1): void {
    this.value += amount
  }
}

interface Definition {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  readonly labels: readonly string[]
  readonly bounds?: readonly number[]
}

/** Maximum number of series per metric; label values beyond it are counted together. */
export const MAX_SERIES = 2_000
/**
 * The value that every label then has. A label with ids or paths would fill the memory of the
 * process and of its scraper.
 */
export const OVERFLOW = 'weaver_overflow'

/** All series of one metric. */
class Metric<M extends object> implements Labelled<string, M> {
  readonly definition: Definition
  readonly #create: () => M
  readonly #read: (series: M) => Omit<MetricSeries, 'labels'>
  readonly #series = new Map<string, { readonly labels: readonly string[]; readonly series: M }>()
  #overflow: M | undefined

  constructor(definition: Definition, create: () => M, read: (series: M) => Omit<MetricSeries, 'labels'>) {
    this.definition = definition
    this.#create = create
    this.#read = read
  }

  with(given: Labels<string>): M {
    const { name, labels } = this.definition
    const known = Object.keys(given)
    if (known.length !== labels.length || !labels.every((label) => given[label] !== undefined))
      throw invalid(`metric "${name}" has the labels ${list(labels)}, and was given ${list(known)}`)
    const values = labels.map((label) => String(given[label]))
    const key = JSON.stringify(values)
    const found = this.#series.get(key)
    if (found !== undefined) return found.series
    if (this.#series.size < MAX_SERIES) return this.#add(key, values)
    return (this.#overflow ??= this.#add('', labels.map(() => OVERFLOW))) // prettier-ignore
  }

  #add(key: string, labels: readonly string[]): M {
    const series = this.#create()
    this.#series.set(key, { labels, series })
    return series
  }

  collect(): MetricFamily {
    return {
      ...this.definition,
      series: [...this.#series.values()].map(({ labels, series }) => ({ labels, ...this.#read(series) })),
    }
  }
}

/** A source of families that holds its own numbers, as call statistics do. */
export type Collector = () => readonly MetricFamily[]

export class MetricRegistry {
  readonly #metrics = new Map<string, Metric<object>>()
  readonly #collectors: Collector[] = []

  counter(name: string, options: MetricOptions): Counter
  counter<L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Counter>
  counter(name: string, options: MetricOptions & Partial<WithLabels<string>>): Counter | Labelled<string, Counter> {
    if (!name.endsWith('_total')) throw invalid(`the name of counter "${name}" must end in "_total", as Prometheus expects`)
    return this.#declare(
      { name, kind: 'counter', help: options.help, labels: options.labels ?? [] },
      () => new CounterSeries(),
      ({ value }) => ({ value }),
    )
  }

  gauge(name: string, options: MetricOptions): Gauge
  gauge<L extends string>(name: string, options: MetricOptions & WithLabels<L>): Labelled<L, Gauge>
  gauge(name: string, options: MetricOptions & Partial<WithLabels<string>>): Gauge | Labelled<string, Gauge> {
    return this.#declare(
      { name, kind: 'gauge', help: options.help, labels: options.labels ?? [] },
      () => new GaugeSeries(),
      ({ value }) => ({ value }),
    )
  }

  histogram(name: string, options: HistogramOptions): Histogram
  histogram<L extends string>(name: string, options: HistogramOptions & WithLabels<L>): Labelled<L, Histogram>
  histogram(name: string, options: HistogramOptions & Partial<WithLabels<string>>): Histogram | Labelled<string, Histogram> {
    const bounds = options.bounds ?? DEFAULT_BOUNDS
    if (bounds.length === 0 || !bounds.every((bound, i) => Number.isFinite(bound) && (i === 0 || bound > (bounds[i - 1] as number))))
      throw invalid(`the bounds of histogram "${name}" must be finite numbers in ascending order, and are [${bounds.join(', ')}]`)
    return this.#declare(
      { name, kind: 'histogram', help: options.help, labels: options.labels ?? [], bounds },
      () => new HistogramSeries(bounds),
      readHistogram,
    )
  }

  /** Adds a source that is read at each collection. */
  register(collector: Collector): void {
    this.#collectors.push(collector)
  }

  /** The state of all metrics, sorted by name. */
  collect(): readonly MetricFamily[] {
    const own = [...this.#metrics.values()].map((metric) => metric.collect())
    return [...own, ...this.#collectors.flatMap((collector) => collector())].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Another metric that is written under one of these names. */
  #ownerOf(names: readonly string[], but: string): string | undefined {
    for (const { definition } of this.#metrics.values())
      if (definition.name !== but && writtenNames(definition).some((name) => names.includes(name))) return definition.name
    return undefined
  }

  #declare<M extends object>(
    definition: Definition,
    create: () => M,
    read: (series: M) => Omit<MetricSeries, 'labels'>,
  ): M | Labelled<string, M> {
    const { name, labels } = definition
    if (!NAME.test(name)) throw invalid(`"${name}" is not a metric name; use letters, digits and "_", and begin with a letter`)
    const wrong = labels.find((label) => !NAME.test(label) || label.startsWith('__') || RESERVED_LABELS.has(label))
    if (wrong !== undefined)
      throw invalid(
        `metric "${name}": "${wrong}" cannot be a label; use letters, digits and "_", and none of ${[...RESERVED_LABELS].join(', ')}`,
      )
    if (new Set(labels).size !== labels.length) throw invalid(`metric "${name}" has a label twice: ${list(labels)}`)
    const known = this.#metrics.get(name) as unknown as Metric<M> | undefined // of this kind if the definitions are equal, which is checked next
    if (known !== undefined && JSON.stringify(known.definition) !== JSON.stringify(definition))
      throw invalid(`metric "${name}" is declared twice, with different kind, help, labels or bounds; give one of them another name`)
    const other = known === undefined ? this.#ownerOf(writtenNames(definition), name) : undefined
    if (other !== undefined)
      throw invalid(`metric "${name}" would be written under a name that metric "${other}" has too; give one of them another name`)
    const metric = known ?? new Metric(definition, create, read)
    if (known === undefined) this.#metrics.set(name, metric as unknown as Metric<object>) // the map only collects, which works the same for all kinds
    return labels.length === 0 ? metric.with({}) : metric
  }
}

/**
 * Names at the start of lines, which two metrics must not share. OpenMetrics writes a counter
 * without `_total`.
 */
function writtenNames({ name, kind }: Definition): readonly string[] {
  if (kind === 'counter') return [name, name.slice(0, -'_total'.length)]
  return kind === 'gauge' ? [name] : [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]
}

export function readHistogram(series: HistogramSeries): Omit<MetricSeries, 'labels'> {
  const { exemplars } = series
  return { value: series.sum, buckets: [...series.buckets], ...(exemplars.length === 0 ? {} : { exemplars }) }
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.map((name) => `"${name}"`).join(', ')
}

function invalid(message: string): WeaverError {
  return new WeaverError('WEAVER_METRIC_INVALID', message)
}
