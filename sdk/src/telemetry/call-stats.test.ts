import { callStats, LOCAL_SAMPLE, METHOD_METRICS, NO_CALL_STATS, setCallCounting } from './call-stats.js'
import { MetricRegistry } from './metric-registry.js'

const LOCAL = { caller: 'weaver/Main', component: 'shop/Cart', method: 'add', isRemote: false }
const REMOTE = { ...LOCAL, isRemote: true }

function family(registry: MetricRegistry, name: string): ReturnType<MetricRegistry['collect']>[number] {
  const found = registry.collect().find((one) => one.name === name)
  if (found === undefined) throw new Error(`no metric ${name}`)
  return found
}

describe('call statistics', () => {
  it('count every call and time the first and then one in N of local ones, and every remote one', () => {
    const registry = new MetricRegistry()
    const [local, remote] = [callStats(LOCAL, registry), callStats(REMOTE, registry)]
    const timed = Array.from({ length: 2 * LOCAL_SAMPLE + 1 }, () => local.begin())
    expect(timed.flatMap((isTimed, i) => (isTimed ? [i] : []))).toEqual([0, LOCAL_SAMPLE, 2 * LOCAL_SAMPLE])
    expect([remote.begin(), remote.begin(), remote.begin()]).toEqual([true, true, true])
    expect(family(registry, METHOD_METRICS.calls.name).series).toEqual([
      { labels: ['weaver/Main', 'shop/Cart', 'add', 'false'], value: 2 * LOCAL_SAMPLE + 1 },
      { labels: ['weaver/Main', 'shop/Cart', 'add', 'true'], value: 3 },
    ])
  })

  it('hold errors, seconds and bytes; bytes of remote calls only', () => {
    const registry = new MetricRegistry()
    callStats(LOCAL, registry).begin()
    const remote = callStats(REMOTE, registry)
    remote.begin()
    remote.end(3, false, 'aa'.repeat(16))
    remote.bytes(100, 5_000)
    remote.begin()
    remote.end(undefined, true)
    expect(family(registry, METHOD_METRICS.errors.name).series.map(({ value }) => value)).toEqual([0, 1])
    const seconds = family(registry, METHOD_METRICS.seconds.name)
    expect(seconds.series[1]).toMatchObject({ value: 0.003, exemplars: [{ traceId: 'aa'.repeat(16), value: 0.003 }] })
    const bucket = seconds.series[1]?.buckets?.findIndex((count) => count === 1) ?? -1
    expect(seconds.bounds?.[bucket]).toBe(0.005)
    expect(family(registry, METHOD_METRICS.replyBytes.name).series).toMatchObject([
      { labels: expect.arrayContaining(['true']), value: 5_000 },
    ])
  })

  it('are one object for one identity, however often it is asked for, and show nothing that was never called', () => {
    const registry = new MetricRegistry()
    expect(callStats(LOCAL, registry)).toBe(callStats({ ...LOCAL }, registry))
    expect(callStats(LOCAL, registry)).not.toBe(callStats(REMOTE, registry))
    expect(registry.collect().flatMap(({ series }) => series)).toEqual([])
  })

  it('are the empty ones while counting is off', () => {
    setCallCounting(false)
    try {
      expect(callStats(LOCAL, new MetricRegistry())).toBe(NO_CALL_STATS)
    } finally {
      setCallCounting(true)
    }
  })
})
