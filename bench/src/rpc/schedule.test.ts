import type { Figures } from './row.js'
import { against, ratiosOf, scheduleRound, summarize, type Measured } from './schedule.js'

const figures = (callsPerSecond: number, cpuUs = 10): Figures => ({
  callsPerSecond,
  p50Us: 1_000 / callsPerSecond,
  p99Us: 0,
  clientCpuUs: cpuUs,
  serverCpuUs: 0,
  brokerCpuUs: 0,
  foreignCores: 0,
})
const run = (round: number, row: string, callsPerSecond: number, cpuUs?: number): Measured => ({
  round,
  payload: 'tiny',
  row,
  figures: figures(callsPerSecond, cpuUs),
})

describe('the order of a round', () => {
  it('has the floor first, last and every four rows, and each other row once', () => {
    const plan = scheduleRound(['floor', 'a', 'b', 'c', 'd', 'e'], 'floor', 0)
    expect(plan).toEqual(['floor', 'a', 'b', 'c', 'd', 'floor', 'e', 'floor'])
  })

  it('is another one in the next round', () => {
    const rows = ['floor', 'a', 'b', 'c', 'd', 'e']
    const orders = [0, 1, 2].map((round) => scheduleRound(rows, 'floor', round).join())
    expect(new Set(orders).size).toBe(3)
    for (const order of orders)
      expect(
        order
          .split(',')
          .filter((row) => row !== 'floor')
          .toSorted(),
      ).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})

describe('ratios', () => {
  const runs = [run(0, 'floor', 100), run(0, 'a', 150, 5), run(0, 'floor', 200), run(0, 'b', 50), run(0, 'floor', 300)]

  it('are to the mean of the runs of the floor just before and just after', () => {
    const found = Object.fromEntries(ratiosOf(runs, 'floor').map(({ row, ratios }) => [row, ratios]))
    expect(found['a']?.throughput).toBe(1)
    expect(found['a']?.cpu).toBe(0.5)
    expect(found['b']?.throughput).toBe(0.2)
    expect(found['floor']?.throughput).toBe(1)
  })

  it('know no floor of another round or payload', () => {
    const others = [...runs, { ...run(0, 'c', 10), payload: 'order' as const }, run(1, 'c', 10)]
    expect(ratiosOf(others, 'floor').some(({ row }) => row === 'c')).toBe(false)
  })

  it('are summed up by the median and the range over the rounds', () => {
    const rounds = [1, 2, 6].flatMap((rate, round) => [run(round, 'floor', 10), run(round, 'a', rate * 10), run(round, 'floor', 10)])
    const summary = summarize(rounds, 'floor', 'tiny').find(({ row }) => row === 'a')
    expect(summary).toMatchObject({ runs: 3, throughput: 2, throughputRange: [1, 6] })
    expect(summary?.figures.callsPerSecond).toBe(20)
  })

  it('of two rows are compared round by round', () => {
    const rounds = [1, 2, 4].flatMap((speed, round) => [
      run(round, 'floor', 10 * speed),
      run(round, 'a', 30 * speed),
      run(round, 'b', 15 * speed),
      run(round, 'floor', 10 * speed),
    ])
    const of = { floor: 'floor', payload: 'tiny', row: 'a' } as const
    expect(against(rounds, { ...of, peer: 'b' })).toBeCloseTo(2)
    expect(against(rounds, { ...of, peer: 'nobody' })).toBeUndefined()
  })
})
