import { callStats } from '../telemetry/call-stats.js'
import { MetricRegistry } from '../telemetry/metric-registry.js'
import { createMethodStatistics, type MethodStatistics } from './method-statistics.js'

const MINUTE = 60_000

/** A replica that really counts. */
function replica(name: string, to: MethodStatistics) {
  let registry = new MetricRegistry()
  return {
    call(method: string, options: { readonly ms?: number; readonly isError?: boolean; readonly caller?: string } = {}) {
      const stats = callStats({ caller: options.caller ?? 'weaver/Main', component: 'shop/Cart', method, isRemote: true }, registry)
      stats.begin()
      stats.end(options.ms ?? 2, options.isError === true)
      stats.bytes(100, 1_000)
    },
    tell: (at: number) => to.add(at, name, registry.collect()),
    restart: () => void (registry = new MetricRegistry()),
  }
}

describe('statistics of methods', () => {
  it('tell the last minute, the last hour and the total, over all replicas and callers', () => {
    const statistics = createMethodStatistics()
    const [a, b] = [replica('a', statistics), replica('b', statistics)]
    for (let second = 0; second <= 3 * 3_600; second += 10) {
      a.call('add', { ms: 2 })
      b.call('add', { ms: 4, caller: 'shop/Till' })
      if (second % 100 === 0) b.call('pay', { isError: true })
      a.tell(second * 1_000)
      b.tell(second * 1_000)
    }
    const [add, pay, ...more] = statistics.rows()
    expect(more).toEqual([])
    expect(add).toMatchObject({ component: 'shop/Cart', method: 'add' })
    expect(add?.minute).toMatchObject({ spanMs: MINUTE, calls: 12, errors: 0, requestBytes: 1_200, replyBytes: 12_000 })
    expect(add?.minute.meanMs).toBeCloseTo(3)
    expect(add?.hour).toMatchObject({ spanMs: 60 * MINUTE, calls: 720 })
    expect(add?.total).toMatchObject({ spanMs: 3 * 60 * MINUTE, calls: 2 * (3 * 360 + 1) })
    expect(pay?.hour).toMatchObject({ calls: 36, errors: 36 })
    expect(pay?.total).toMatchObject({ calls: 109, errors: 109 })
  })

  it('tell less than a minute in the beginning, and no mean where nothing was timed', () => {
    const statistics = createMethodStatistics()
    expect(statistics.rows()).toEqual([])
    const a = replica('a', statistics)
    a.call('add')
    a.tell(0)
    a.call('add')
    a.tell(5_000)
    const [row] = statistics.rows()
    expect(row?.minute).toMatchObject({ spanMs: 5_000, calls: 1 })
    expect(row?.total).toMatchObject({ calls: 2 })
    a.tell(2 * MINUTE)
    a.tell(4 * MINUTE)
    expect(statistics.rows()[0]?.minute).toMatchObject({ spanMs: 2 * MINUTE, calls: 0, meanMs: undefined })
    expect(statistics.rows()[0]?.hour).toMatchObject({ spanMs: 4 * MINUTE, calls: 1 })
  })

  it('count on where a replica starts anew, and keep what one that is gone had', () => {
    const statistics = createMethodStatistics()
    const [a, b] = [replica('a', statistics), replica('b', statistics)]
    for (let i = 0; i < 10; i++) for (const one of [a, b]) one.call('add')
    a.tell(0)
    b.tell(0)
    a.restart()
    for (let i = 0; i < 4; i++) a.call('add')
    a.tell(10_000)
    expect(statistics.rows()[0]).toMatchObject({ minute: { calls: 4 }, total: { calls: 24 } })
  })

  it('do not take what a replica did before it was seen for something of the last minute', () => {
    const statistics = createMethodStatistics()
    const [a, late] = [replica('a', statistics), replica('late', statistics)]
    a.call('add')
    for (let i = 0; i < 1_000; i++) late.call('add')
    a.tell(0)
    a.tell(30_000)
    late.tell(30_000)
    expect(statistics.rows()[0]).toMatchObject({ minute: { calls: 0 }, total: { calls: 1_001 } })
  })

  it.each([1, 7, 59, 61, 100])('are about a minute and an hour at a snapshot every %d s', (everySeconds) => {
    const statistics = createMethodStatistics()
    const a = replica('a', statistics)
    for (let second = 0; second < 2 * 3_600; second += everySeconds) {
      a.call('add')
      a.tell(second * 1_000)
    }
    const [row] = statistics.rows()
    for (const [use, windowMs] of [
      [row?.minute, MINUTE],
      [row?.hour, 60 * MINUTE],
    ] as const) {
      expect(use?.spanMs).toBeGreaterThanOrEqual(windowMs)
      expect(use?.spanMs).toBeLessThan(windowMs + Math.max(MINUTE, everySeconds * 1_000) + everySeconds * 1_000)
      expect(use?.calls).toBe((use?.spanMs ?? 0) / (everySeconds * 1_000))
    }
  })
})
