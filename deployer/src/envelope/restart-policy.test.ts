import { nextStep, type DeathRecord, type RestartPolicy } from './restart-policy.js'

const restart: RestartPolicy = { kind: 'restart', backoff: { initialMs: 100, maxMs: 1_000, recoveredMs: 5_000 } }
const died: DeathRecord = { wasEverReady: true, readyMs: 10, failures: 0 }

/** The pauses of a weavelet that dies again and again. */
function pauses(policy: RestartPolicy, readyMs: readonly number[]): readonly number[] {
  let failures = 0
  return readyMs.map((ms) => {
    const step = nextStep(policy, { wasEverReady: true, readyMs: ms, failures })
    if (step.kind !== 'restart') throw new Error(`it is not restarted: ${step.kind}`)
    failures = step.failures
    return step.afterMs
  })
}

it('pauses double up to the longest one', () => {
  expect(pauses(restart, [10, 10, 10, 10, 10, 10])).toEqual([100, 200, 400, 800, 1_000, 1_000])
})

it('a weavelet that was ready for long enough begins anew', () => {
  expect(pauses(restart, [10, 10, 5_000, 10, 4_999])).toEqual([100, 200, 100, 200, 400])
})

it('a thousand deaths do not overflow the pause', () => {
  expect(nextStep({ kind: 'restart' }, { ...died, failures: 2_000 })).toMatchObject({ afterMs: 30_000 })
})

it.each([
  ['restart', restart, 'restart'],
  ['stop-all', { kind: 'stop-all' }, 'stop-all'],
  ['leave', { kind: 'leave' }, 'leave'],
] as const)('a death after it was ready, with the policy %s', (_, policy, kind) => {
  expect(nextStep(policy, died).kind).toBe(kind)
})

it.each([
  ['restart', restart, 'fail'],
  ['restart from the first start', { ...restart, fromFirstStart: true }, 'restart'],
  ['stop-all', { kind: 'stop-all' }, 'fail'],
  ['leave', { kind: 'leave' }, 'fail'],
] as const)('a death before it was ever ready, with the policy %s', (_, policy, kind) => {
  expect(nextStep(policy, { wasEverReady: false, readyMs: 0, failures: 0 }).kind).toBe(kind)
})
