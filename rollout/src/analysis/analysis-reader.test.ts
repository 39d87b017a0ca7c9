import type { RolloutState } from '../types.js'
import { AnalysisReader, type AnalysisLook } from './analysis-reader.js'
import { analysisPolicy } from './policy.js'
import type { VersionReadings } from './rollout-analysis.js'

const STATE: RolloutState = {
  active: 'v1',
  preview: 'v2',
  step: 0,
  stepWeight: 10,
  windows: 1,
  heldSince: 0,
  progressAt: 0,
  draining: [],
  failed: [],
}
const policy = { analysis: analysisPolicy({ initialDelayMs: 0, minSamples: 1 }) }
const settled = () => new Promise((resolve) => setImmediate(resolve))

function counted(calls: number, errors = 0): VersionReadings {
  const methods = [{ caller: undefined, component: 'shop/Cart', method: 'add', calls, errors }]
  return { active: [{ replica: 'a', methods }], preview: [{ replica: 'p', methods }] }
}

it('reads one at a time and not too often, tells when it is done, and knows nothing of another window', async () => {
  const reader = new AnalysisReader()
  const answers: { resolve(readings: VersionReadings): void; reject(error: Error): void }[] = []
  let read = 0
  const look = (steadyMs: number, more: Partial<AnalysisLook> = {}): number | undefined =>
    reader.look({
      state: STATE,
      policy,
      now: 1,
      steadyMs,
      read: () => new Promise((resolve, reject) => answers.push({ resolve, reject })),
      onRead: () => (read += 1),
      ...more,
    })
  expect(look(0, { policy: {} })).toBeUndefined()
  expect(look(0)).toBe(2_000)
  expect([look(5_000), answers.length]).toEqual([undefined, 1]) // it is being read
  answers[0]?.resolve(counted(100))
  await settled()
  expect([look(1_500), look(2_000), answers.length, read]).toEqual([500, 2_000, 2, 1])
  answers[1]?.resolve(counted(150))
  await settled()
  expect(reader.observed(STATE)?.verdict).toMatchObject({ kind: 'pass', methods: 1, nearest: { samples: { active: 50, preview: 50 } } })
  expect(reader.observed({ ...STATE, windows: 2 })).toBeUndefined()

  look(4_000, { state: { ...STATE, windows: 2 } })
  answers[2]?.reject(new Error('no pod answers'))
  await settled()
  expect(reader.observed({ ...STATE, windows: 2 })?.verdict).toEqual({ kind: 'inconclusive', why: 'unreadable', reason: 'no pod answers' })
  expect(read).toBe(3)
})
