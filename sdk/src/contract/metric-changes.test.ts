import { applyMetricChanges, metricChanges, type MetricChange } from './metric-changes.js'
import type { MetricFamily } from './metrics.js'
import { MetricRegistry } from '../telemetry/metric-registry.js'

/** A registry that does a thousand random things, with a snapshot after each ten. */
function* snapshots(seed: number): Generator<readonly MetricFamily[]> {
  let state = seed
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state % below
  }
  const registry = new MetricRegistry()
  const names = ['a', 'b', 'c', 'd']
  for (let i = 0; i < 1_000; i++) {
    const name = names[random(1 + Math.floor(i / 250))] ?? 'a' // some are declared late
    const label = { l: random(5) }
    if (name === 'a') registry.counter('a_total', { help: 'A.', labels: ['l'] }).with(label).add(random(10) / 10) // prettier-ignore
    else if (name === 'b') registry.gauge('b', { help: 'B.' }).set([1, NaN, Infinity, -2][random(4)] ?? 0)
    else registry.histogram(name, { help: name, labels: ['l'], bounds: [1, 2, 5] }).with(label).observe(random(9), 'ab'.repeat(16)) // prettier-ignore
    if (i % 10 === 9) yield registry.collect()
  }
}

describe('changes of metrics', () => {
  it.each([1, 2, 3])('make a receiver have what the sender has, and are small (seed %d)', (seed) => {
    let sent: readonly MetricFamily[] = []
    let received: readonly MetricFamily[] = []
    let whole = 0
    let parts = 0
    for (const now of snapshots(seed)) {
      const changes = metricChanges(sent, now)
      received = applyMetricChanges(received, changes)
      expect(received).toEqual(now)
      expect(applyMetricChanges(received, changes)).toEqual(now) // twice does no harm
      sent = now
      whole += JSON.stringify(now).length
      parts += JSON.stringify(changes).length
    }
    expect(parts).toBeLessThan(whole / 2)
  })

  it('are none where nothing moved, and tell a definition once', () => {
    const registry = new MetricRegistry()
    const orders = registry.counter('orders_total', { help: 'Orders.', labels: ['kind'] })
    orders.with({ kind: 'gift' }).add()
    orders.with({ kind: 'own' }).add()
    const first = registry.collect()
    expect(metricChanges([], first)).toEqual([
      { name: 'orders_total', definition: { kind: 'counter', help: 'Orders.', labels: ['kind'] }, series: first[0]?.series },
    ])
    expect(metricChanges(first, registry.collect())).toEqual([])
    orders.with({ kind: 'own' }).add()
    const changes: readonly MetricChange[] = metricChanges(first, registry.collect())
    expect(changes).toEqual([{ name: 'orders_total', series: [{ labels: ['own'], value: 2 }] }])
    expect(() => applyMetricChanges([], changes)).toThrow(RangeError)
  })

  it('tell a metric anew that became another', () => {
    const [a, b] = [1, 2].map((bound) => {
      const registry = new MetricRegistry()
      registry.histogram('size', { help: 'Sizes.', bounds: [bound] }).observe(0.5)
      return registry.collect()
    }) as [readonly MetricFamily[], readonly MetricFamily[]] // two of them
    expect(applyMetricChanges(a, metricChanges(a, b))).toEqual(b)
  })
})
