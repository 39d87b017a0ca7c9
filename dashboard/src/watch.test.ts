import { jest } from '@jest/globals'
import type { DashboardSource } from './source.js'
import { fakeSource, metricsOf, type FakeSource } from './testing/fake-source.js'
import { createWatch, type DeploymentState, type Watch } from './watch.js'

let source: FakeSource
let watch: Watch
const problems: unknown[] = []
const start = (of: DashboardSource): void => {
  watch = createWatch(of, { watchedMs: 2_000, unwatchedMs: 60_000, onProblem: (problem) => problems.push(problem) })
}
beforeEach(() => {
  jest.useFakeTimers()
  problems.length = 0
  start((source = fakeSource()))
})
afterEach(() => {
  watch.close()
  expect(jest.getTimerCount()).toBe(0)
  jest.useRealTimers()
})

it('looks once for all who follow, and no more when they have left', async () => {
  const seen = Array.from({ length: 20 }, () => 0)
  const leave = seen.map((_, i) => watch.follow('d-1', () => (seen[i] = (seen[i] ?? 0) + 1)))
  for (let looks = 1; looks <= 3; looks++) {
    await jest.advanceTimersByTimeAsync(2_000)
    expect([source.asked, ...new Set(seen)]).toEqual([looks, looks])
  }
  for (const one of leave.slice(1)) one()
  await jest.advanceTimersByTimeAsync(2_000)
  expect([source.asked, seen[0], seen[1]]).toEqual([4, 4, 3])

  // The last one leaves while the source is asked.
  let answer = (): void => undefined
  source.gate = () => new Promise((resolve) => (answer = resolve))
  await jest.advanceTimersByTimeAsync(2_000)
  leave[0]?.()
  answer()
  await jest.advanceTimersByTimeAsync(40_000)
  expect([source.asked, seen[0], jest.getTimerCount()]).toEqual([5, 4, 1]) // the timer of the sweep
})

it('looks at the others when one deployment does not answer', async () => {
  watch.close()
  const [summary] = await source.deployments()
  if (summary === undefined) throw new Error('nothing runs')
  const asked: string[] = []
  start({
    ...source,
    deployments: async () => ['frozen', 'd-1', 'd-2'].map((key) => ({ ...summary, key })),
    async deployment(key) {
      asked.push(key)
      if (key === 'frozen') throw new Error('it does not answer')
      return source.deployment(key)
    },
  })
  await jest.advanceTimersByTimeAsync(60_000)
  expect(asked).toEqual(['frozen', 'd-1', 'd-2'])
  expect(problems).toEqual([new Error('it does not answer')])
})

it('counts the calls of a process that started later from zero, and of one that was silent from its first answer', async () => {
  const run = (...replicas: readonly { readonly replica: string; readonly pid: number }[]): void => {
    if (source.detail === undefined) throw new Error('nothing runs')
    const [group] = source.detail.groups
    if (group === undefined) throw new Error('there is no group')
    source.detail = { ...source.detail, groups: [{ ...group, replicas: replicas.map((one) => ({ ...one, state: 'ready', restarts: 0 })) }] }
  }
  const look = async (): Promise<DeploymentState> => {
    await jest.advanceTimersByTimeAsync(5_000)
    const state = await watch.look('d-1')
    if (state === undefined) throw new Error('it does not run')
    return state
  }
  const [first, silent] = [
    { replica: 'first', pid: 1 },
    { replica: 'silent', pid: 2 },
  ]
  run(first, silent)
  expect((await look()).methods.rows).toEqual([]) // nobody answers
  source.replies = [metricsOf('first', [{ calls: 1_000 }])]
  expect((await look()).methods.rows).toMatchObject([{ minute: { calls: 0 } }])
  run(first, silent, { replica: 'late', pid: 3 })
  source.replies = [
    metricsOf('first', [{ calls: 1_001 }]),
    metricsOf('silent', [{ calls: 500 }]),
    metricsOf('late', [{ calls: 20 }]),
    metricsOf('unlisted', [{ calls: 7 }]), // nothing is known of its start
  ]
  expect((await look()).methods.rows).toMatchObject([{ minute: { calls: 1 + 20 }, hour: { calls: 1 + 20 }, total: { calls: 1_528 } }])
})
