import { callStats } from './call-stats.js'
import { MetricRegistry } from './metric-registry.js'
import { CONTENT_TYPE, formatFor, metricsText } from './prometheus-text.js'
import { parseMetricsText } from './testdata/parse-metrics-text.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const NASTY = 'a "quoted" \\ path\nand a line'

function filled(): MetricRegistry {
  const registry = new MetricRegistry()
  registry
    .counter('shop_orders_total', { help: NASTY, labels: ['kind'] })
    .with({ kind: NASTY })
    .add(2.5)
  registry.gauge('shop_heat', { help: 'Heat.' }).set(-Infinity)
  const sizes = registry.histogram('shop_size', { help: 'Sizes.', labels: ['unit'], bounds: [0.5, 10] })
  sizes.with({ unit: 'kg' }).observe(0.5)
  sizes.with({ unit: 'kg' }).observe(7, TRACE)
  sizes.with({ unit: 'kg' }).observe(70)
  const stats = callStats({ caller: 'weaver/Main', component: 'shop/Cart', method: 'add', isRemote: true }, registry)
  stats.begin()
  stats.end(1.5, false, TRACE)
  stats.bytes(10, 20)
  return registry
}

describe('metrics as text', () => {
  it.each(['prometheus', 'openmetrics'] as const)(
    '%s: every line parses, names are announced once, and what was put in comes out',
    (format) => {
      const parsed = parseMetricsText(metricsText(filled().collect(), format, { app: 'shop', version: 'v"1"', replica: 'r-0' }), format)
      const common = { app: 'shop', version: 'v"1"', replica: 'r-0' }
      const orders = parsed.find(({ name }) => name === (format === 'openmetrics' ? 'shop_orders' : 'shop_orders_total'))
      expect(orders).toMatchObject({ type: 'counter', help: NASTY })
      expect(orders?.samples).toEqual([{ name: 'shop_orders_total', labels: { ...common, kind: NASTY }, value: 2.5 }])
      expect(parsed.find(({ name }) => name === 'shop_heat')?.samples[0]?.value).toBe(-Infinity)
      expect(parsed.map(({ name }) => name)).toEqual(expect.arrayContaining(['weaver_method_latency_seconds', 'weaver_method_reply_bytes']))
    },
  )

  it.each(['prometheus', 'openmetrics'] as const)('%s: buckets are cumulated, end at +Inf, and agree with sum and count', (format) => {
    const histograms = parseMetricsText(metricsText(filled().collect(), format), format).filter(({ type }) => type === 'histogram')
    expect(histograms).toHaveLength(4)
    for (const { name, samples } of histograms) {
      const buckets = samples.filter((sample) => sample.name === `${name}_bucket`)
      const counts = buckets.map(({ value }) => value)
      expect(counts).toEqual([...counts].sort((a, b) => a - b))
      expect(buckets.at(-1)?.labels['le']).toBe('+Inf')
      expect(buckets.at(-1)?.value).toBe(samples.find((sample) => sample.name === `${name}_count`)?.value)
    }
    const size = histograms.find(({ name }) => name === 'shop_size')?.samples ?? []
    expect(size.map(({ value }) => value)).toEqual([1, 2, 3, 77.5, 3])
    expect(size.map(({ labels }) => labels['le'])).toEqual(['0.5', format === 'openmetrics' ? '10.0' : '10', '+Inf', undefined, undefined])
  })

  it('hands trace ids on as exemplars, in OpenMetrics only', () => {
    const traced = parseMetricsText(metricsText(filled().collect(), 'openmetrics'), 'openmetrics')
      .flatMap(({ samples }) => samples)
      .filter(({ exemplar }) => exemplar !== undefined)
    expect(traced.map(({ name, labels, exemplar }) => [name, labels['le'], exemplar?.labels['trace_id'], exemplar?.value])).toEqual([
      ['shop_size_bucket', '10.0', TRACE, 7],
      ['weaver_method_latency_seconds_bucket', '0.002', TRACE, 0.0015],
    ])
    expect(metricsText(filled().collect(), 'prometheus')).not.toContain(TRACE)
  })

  it('gives OpenMetrics to whoever asks for it', () => {
    expect(formatFor(undefined)).toBe('prometheus')
    expect(formatFor('text/plain;version=0.0.4;q=0.5,*/*;q=0.1')).toBe('prometheus')
    expect(formatFor('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')).toBe('openmetrics')
    expect(formatFor('application/openmetrics-text;q=0, text/plain')).toBe('prometheus')
    expect(CONTENT_TYPE.openmetrics).toContain('openmetrics')
  })
})
