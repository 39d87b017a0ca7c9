/**
 * Metrics as text for a scraper: Prometheus' format 0.0.4, or on request OpenMetrics 1.0 with
 * exemplars.
 * Source: prometheus.io/docs/instrumenting/exposition_formats and the OpenMetrics specification.
 */
import type { MetricFamily, MetricSeries } from '../contract/metrics.js'

export type TextFormat = 'prometheus' | 'openmetrics'

export const CONTENT_TYPE: Readonly<Record<TextFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** The format for an `Accept` header: OpenMetrics if it is named and not excluded by `q=0`. */
export function formatFor(accept: string | undefined): TextFormat {
  const named = (accept ?? '').split(',').map((part) => part.trim().toLowerCase())
  return named.some((part) => part.startsWith('application/openmetrics-text') && !/;\s*q=0(\.0*)?\s*(;|$)/.test(part))
    ? 'openmetrics'
    : 'prometheus'
}

/**
 * @param common labels added to every series, such as app, version and replica. A series with a
 * label of the same name keeps its own.
 */
export function metricsText(families: readonly MetricFamily[], format: TextFormat, common: Readonly<Record<string, string>> = {}): string {
  const lines: string[] = []
  for (const family of families) {
    const isOpen = format === 'openmetrics'
    const title = isOpen && family.kind === 'counter' ? family.name.replace(/_total$/, '') : family.name
    lines.push(`# HELP ${title} ${isOpen ? escapeLabel(family.help) : escapeHelp(family.help)}`, `# TYPE ${title} ${family.kind}`)
    for (const series of family.series) {
      const own = family.labels.map((label, i): readonly [string, string] => [label, series.labels[i] ?? ''])
      const labels = [...Object.entries(common).filter(([name]) => !family.labels.includes(name)), ...own]
      if (family.kind === 'histogram') lines.push(...histogramLines(family, series, { labels, isOpen }))
      else lines.push(`${family.name}${labelText(labels)} ${numberText(series.value)}`)
    }
  }
  if (format === 'openmetrics') lines.push('# EOF')
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}

type LabelPairs = readonly (readonly [string, string])[]

function histogramLines(
  family: MetricFamily,
  series: MetricSeries,
  how: { readonly labels: LabelPairs; readonly isOpen: boolean },
): string[] {
  const { name, bounds = [] } = family
  const exemplars = new Map(series.exemplars?.map((exemplar) => [exemplar.bucket, exemplar]))
  let count = 0
  const lines = [...bounds, Infinity].map((bound, i) => {
    count += series.buckets?.[i] ?? 0
    const exemplar = how.isOpen ? exemplars.get(i) : undefined
    const tail =
      exemplar === undefined
        ? ''
        : ` # ${labelText([['trace_id', exemplar.traceId]])} ${numberText(exemplar.value)} ${(exemplar.at / 1_000).toFixed(3)}`
    return `${name}_bucket${labelText([...how.labels, ['le', boundText(bound, how.isOpen)]])} ${count}${tail}`
  })
  return [...lines, `${name}_sum${labelText(how.labels)} ${numberText(series.value)}`, `${name}_count${labelText(how.labels)} ${count}`]
}

function labelText(labels: LabelPairs): string {
  return labels.length === 0 ? '' : `{${labels.map(([name, value]) => `${name}="${escapeLabel(value)}"`).join(',')}}`
}

function numberText(value: number | null): string {
  return value === null ? 'NaN' : value === Infinity ? '+Inf' : value === -Infinity ? '-Inf' : String(value)
}

/** OpenMetrics requires bounds to look like floats. */
function boundText(bound: number, isOpen: boolean): string {
  return isOpen && Number.isInteger(bound) && Math.abs(bound) < 1e21 ? `${bound}.0` : numberText(bound)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}
