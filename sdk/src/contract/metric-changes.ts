/**
 * What changed between two snapshots of metrics: definitions once, then only the series that moved. Values are absolute, not differences, so that applying a change
 * twice does no harm and no error adds up.
 */
import type { MetricFamily, MetricSeries } from './metrics.js'

type Definition = Omit<MetricFamily, 'name' | 'series'>

export interface MetricChange {
  readonly name: string
  /** Absent: as it was. */
  readonly definition?: Definition
  /** Those that are new or moved. */
  readonly series: readonly MetricSeries[]
}

/** @param before what the receiver has; nothing at first */
export function metricChanges(before: readonly MetricFamily[], now: readonly MetricFamily[]): readonly MetricChange[] {
  const known = new Map(before.map((family) => [family.name, family]))
  return now.flatMap(({ name, series, ...definition }): MetricChange[] => {
    const old = known.get(name)
    if (old === undefined || !isSameDefinition(old, definition)) return [{ name, definition, series }]
    const seen = new Map(old.series.map((one) => [keyOf(one), one]))
    const moved = series.filter((one) => !isSame(seen.get(keyOf(one)), one))
    return moved.length === 0 ? [] : [{ name, series: moved }]
  })
}

/**
 * The snapshot that a receiver has after a change, in order of names.
 * @throws RangeError for a change of a metric that it does not know: one before it was lost, and everything must be asked for again
 */
export function applyMetricChanges(before: readonly MetricFamily[], changes: readonly MetricChange[]): readonly MetricFamily[] {
  const families = new Map(before.map((family) => [family.name, family]))
  for (const { name, definition, series } of changes) {
    const old = families.get(name)
    if (definition !== undefined) families.set(name, { name, ...definition, series })
    else if (old === undefined) throw new RangeError(`a change of metric "${name}" came before its definition`)
    else {
      const all = new Map(old.series.map((one) => [keyOf(one), one]))
      for (const one of series) all.set(keyOf(one), one)
      families.set(name, { ...old, series: [...all.values()] })
    }
  }
  return [...families.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

function keyOf({ labels }: MetricSeries): string {
  return JSON.stringify(labels)
}

function isSameDefinition(a: Definition, b: Definition): boolean {
  return a.kind === b.kind && a.help === b.help && isEqualList(a.labels, b.labels) && isEqualList(a.bounds ?? [], b.bounds ?? [])
}

function isSame(a: MetricSeries | undefined, b: MetricSeries): boolean {
  if (a === undefined || !Object.is(a.value, b.value) || !isEqualList(a.buckets ?? [], b.buckets ?? [])) return false
  // A newer exemplar comes with a value in its bucket, which has moved that then.
  return true
}

function isEqualList(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i])
}
