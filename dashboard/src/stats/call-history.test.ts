import { metricsOf } from '../testing/fake-source.js'
import { CallHistory } from './call-history.js'
import { methodTable, trafficEdges } from './tables.js'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

/** No process is known to have started later than the history. */
const old = (): boolean => false

describe('the history of calls', () => {
  it('adds up processes, and tells the last minute, the last hour and all apart', () => {
    const history = new CallHistory()
    // Before the first look 1,000 calls were made; then one a second in each of two processes.
    for (let s = 0; s <= 7_200; s += 5)
      history.add(s * SECOND, [metricsOf('a', [{ calls: 500 + s }]), metricsOf('b', [{ calls: 500 + s }])], old)
    const { rows, coveredMs } = methodTable(history)
    expect(
      rows.map(({ component, method, isRemote, minute, hour, total }) => [
        component,
        method,
        isRemote,
        minute.calls,
        hour.calls,
        total.calls,
      ]),
    ).toEqual([['shop/Cart', 'add', true, 120, 7_200, 15_400]])
    expect(coveredMs).toEqual({ minute: MINUTE, hour: HOUR })
    expect(trafficEdges(history)).toMatchObject([{ caller: 'weaver/Main', component: 'shop/Cart', rate: 2 }])
  })

  it('covers what it has seen, which is nothing at first', () => {
    const history = new CallHistory()
    expect(methodTable(history)).toEqual({ rows: [], coveredMs: { minute: 0, hour: 0 } })
    history.add(0, [metricsOf('a', [{ calls: 7 }])], old)
    expect(methodTable(history)).toMatchObject({
      rows: [{ minute: { calls: 0 }, hour: { calls: 0 }, total: { calls: 7 } }],
      coveredMs: { minute: 0 },
    })
    history.add(10 * SECOND, [metricsOf('a', [{ calls: 9 }])], old)
    expect(methodTable(history)).toMatchObject({
      rows: [{ minute: { calls: 2 }, hour: { calls: 2 }, total: { calls: 9 } }],
      coveredMs: { minute: 10 * SECOND },
    })
  })

  it('counts on when a process starts anew, comes late, or is silent for a while', () => {
    const history = new CallHistory()
    history.add(0, [metricsOf('a', [{ calls: 100 }])], old)
    history.add(5_000, [metricsOf('a', [{ calls: 3 }])], old) // a new process of the replica
    history.add(10_000, [metricsOf('a', [{ calls: 3 }]), metricsOf('b', [{ calls: 20 }])], (replica) => replica === 'b') // one that began meanwhile
    history.add(15_000, [metricsOf('a', [{ calls: 4 }])], old) // b does not answer
    history.add(20_000, [metricsOf('a', [{ calls: 4 }]), metricsOf('b', [{ calls: 22 }])], old)
    expect(methodTable(history).rows).toMatchObject([{ minute: { calls: 3 + 20 + 1 + 2 }, total: { calls: 26 } }])
  })

  it('counts nothing of what was called before a process first answered', () => {
    const history = new CallHistory()
    history.add(0, [], old) // nobody answers
    expect(history.hasBegun).toBe(false)
    history.add(10_000, [metricsOf('a', [{ calls: 1_000 }])], old)
    expect(methodTable(history)).toMatchObject({ rows: [{ minute: { calls: 0 }, total: { calls: 1_000 } }], coveredMs: { minute: 0 } })
    history.add(15_000, [metricsOf('a', [{ calls: 1_001 }]), metricsOf('silent', [{ calls: 500 }])], old)
    history.add(20_000, [metricsOf('a', [{ calls: 1_001 }]), metricsOf('silent', [{ calls: 502 }])], old)
    expect(methodTable(history)).toMatchObject({
      rows: [{ minute: { calls: 1 + 2 }, hour: { calls: 1 + 2 }, total: { calls: 1_503 } }],
      coveredMs: { minute: 10_000 },
    })
  })

  it('has mean and quantiles of the calls of its window alone', () => {
    const history = new CallHistory()
    const calls = (slow: number, quick: number): readonly ReturnType<typeof metricsOf>[] => [
      metricsOf('a', [
        { calls: slow + quick, errors: slow, buckets: [quick, slow, 0], seconds: slow * 0.01 + quick * 0.001, requestBytes: 10 * quick },
      ]),
    ]
    history.add(0, calls(1_000, 0), old)
    history.add(30_000, calls(1_000, 100), old)
    const [row] = methodTable(history).rows
    expect(row?.minute).toEqual({
      calls: 100,
      errors: 0,
      meanMs: expect.closeTo(1),
      p50Ms: 0.5,
      p99Ms: 0.99,
      requestBytes: 1_000,
      replyBytes: 0,
    })
    expect(row?.total).toMatchObject({ calls: 1_100, errors: 1_000 })
    expect(row?.total.p50Ms).toBeCloseTo(1 + 9 * (450 / 1_000))
  })

  it('does not grow in twelve hours, however often it looks', () => {
    const history = new CallHistory()
    for (let s = 0; s <= 12 * 3_600; s += 2) history.add(s * SECOND, [metricsOf(`r${s % 7}`, [{ calls: s }])], old)
    expect(history.length).toBeLessThan(80)
  })
})
