import { MAX_SERIES, MetricRegistry, OVERFLOW } from './metric-registry.js'
import { counter } from './metrics.js'

describe('a registry of metrics', () => {
  it('adds up counters, gauges and histograms by their labels', () => {
    const registry = new MetricRegistry()
    const orders = registry.counter('shop_orders_total', { help: 'Orders.', labels: ['kind', 'paid'] })
    orders.with({ kind: 'gift', paid: true }).add()
    orders.with({ paid: true, kind: 'gift' }).add(2)
    orders.with({ kind: 'own', paid: false }).add()
    const open = registry.gauge('shop_open', { help: 'Open carts.' })
    open.set(5)
    open.add(-2)
    const sizes = registry.histogram('shop_size', { help: 'Sizes.', bounds: [1, 10] })
    for (const size of [0, 1, 2, 10, 11, NaN]) sizes.observe(size)
    expect(registry.collect()).toEqual([
      { name: 'shop_open', kind: 'gauge', help: 'Open carts.', labels: [], series: [{ labels: [], value: 3 }] },
      {
        name: 'shop_orders_total',
        kind: 'counter',
        help: 'Orders.',
        labels: ['kind', 'paid'],
        series: [
          { labels: ['gift', 'true'], value: 3 },
          { labels: ['own', 'false'], value: 1 },
        ],
      },
      {
        name: 'shop_size',
        kind: 'histogram',
        help: 'Sizes.',
        labels: [],
        bounds: [1, 10],
        series: [{ labels: [], value: 24, buckets: [2, 2, 1] }],
      },
    ])
  })

  it('gives the same metric for the same declaration and refuses another under its name', () => {
    const registry = new MetricRegistry()
    const first = registry.counter('a_total', { help: 'A.' })
    expect(registry.counter('a_total', { help: 'A.' })).toBe(first)
    expect(() => registry.counter('a_total', { help: 'Another.' })).toThrow('"a_total" is declared twice')
    expect(() => registry.gauge('a_total', { help: 'A.' })).toThrow('declared twice')
  })

  it('counts together what comes after 2000 series: a label that holds ids does not fill the memory', () => {
    const registry = new MetricRegistry()
    const visits = registry.counter('visits_total', { help: 'Visits.', labels: ['user', 'page'] })
    for (let user = 0; user < 5_000; user++) visits.with({ user, page: '/' }).add()
    visits.with({ user: 0, page: '/' }).add()
    const [family] = registry.collect()
    expect(family?.series).toHaveLength(MAX_SERIES + 1)
    expect(family?.series[0]).toEqual({ labels: ['0', '/'], value: 2 })
    expect(family?.series.at(-1)).toEqual({ labels: [OVERFLOW, OVERFLOW], value: 5_000 - MAX_SERIES })
    expect(visits.with({ user: 4_000, page: '/' })).toBe(visits.with({ user: 4_001, page: '/' }))
  })

  it.each([
    ['a name with other characters', (r: MetricRegistry) => r.gauge('shop.open', { help: '' }), 'not a metric name'],
    ['a counter that does not end in _total', (r: MetricRegistry) => r.counter('orders', { help: '' }), '"_total"'],
    ['a reserved label', (r: MetricRegistry) => r.gauge('g', { help: '', labels: ['replica'] }), '"replica" cannot be a label'],
    ['a label twice', (r: MetricRegistry) => r.gauge('g', { help: '', labels: ['a', 'a'] }), 'a label twice'],
    ['bounds that do not ascend', (r: MetricRegistry) => r.histogram('h', { help: '', bounds: [1, 1] }), 'ascending order'],
    ['no bound', (r: MetricRegistry) => r.histogram('h', { help: '', bounds: [] }), 'ascending order'],
    ['a counter that goes down', (r: MetricRegistry) => r.counter('c_total', { help: '' }).add(-1), 'cannot grow by -1'],
    ['a counter that grows by no number', (r: MetricRegistry) => r.counter('c_total', { help: '' }).add(NaN), 'cannot grow by NaN'],
    ['a counter that grows for ever', (r: MetricRegistry) => r.counter('c_total', { help: '' }).add(Infinity), 'cannot grow by Infinity'],
    [
      'a name under which another is written',
      (r: MetricRegistry) => [r.histogram('size', { help: '' }), r.counter('size_count_total', { help: '' })],
      'metric "size" has too',
    ],
    [
      'the name of a counter in OpenMetrics',
      (r: MetricRegistry) => [r.counter('orders_total', { help: '' }), r.gauge('orders', { help: '' })],
      'metric "orders_total" has too',
    ],
    ['a name of the runtime', () => counter('weaver_method_calls_total', { help: '' }), 'are those of the runtime'],
    [
      'a label that is missing',
      (r: MetricRegistry) => r.gauge<string>('g', { help: '', labels: ['a', 'b'] }).with({ a: 1 }),
      'has the labels "a", "b", and was given "a"',
    ],
  ])('refuses %s', (_what, declare, message) => {
    expect(() => declare(new MetricRegistry())).toThrow(
      expect.objectContaining({ code: 'WEAVER_METRIC_INVALID', message: expect.stringContaining(message) }),
    )
  })
})
