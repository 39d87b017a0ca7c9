import type { Message } from './world/network.js'
import type { SimParameters } from './parameters.js'
import { Random } from './world/random.js'
import type { Replica } from './world/replica.js'
import { firstStep, isFault, nameOf, RandomPolicy, ScriptPolicy, type Policy, type Situation } from './steps.js'
import type { SimTimer } from './world/virtual-time.js'

const replica = (index: number) => ({ index, name: `test/A:${index}` }) as Replica
const message = (kind: Message['kind'], call: string) => ({ kind, key: `${call} ${kind}`, sentAt: 0 }) as Message
const timer = (due: number) => ({ id: '1.t1', due }) as SimTimer

/** Two calls are under way, a third operation waits, a replica is down and a timer runs. */
function situation(change: Partial<Situation> = {}): Situation {
  return {
    messages: () => [message('request', '1.1'), message('reply', '2.1')],
    replicasFor: () => [replica(0), replica(1)],
    nextOp: () => 3,
    isBusy: true,
    down: () => [replica(2)],
    mortal: () => [replica(0), replica(1)],
    timer: () => timer(50),
    deadline: () => undefined,
    ...change,
  }
}
const NOTHING: Situation = situation({
  messages: () => [],
  nextOp: () => undefined,
  down: () => [],
  mortal: () => [],
  timer: () => undefined,
})

const names = (policy: Policy, count: number) =>
  Array.from({ length: count }, () => {
    const step = policy.choose(situation())
    return step === undefined ? undefined : nameOf(step)
  })
const parameters = (change: Partial<SimParameters>): SimParameters => ({
  numOps: 1,
  concurrency: 1,
  replicas: 1,
  failureRate: 0,
  crashRate: 0,
  yieldRate: 0,
  ...change,
})

it('takes first what is under way, then what waits, then what is new, and lets time pass last', () => {
  const first = (change: Partial<Situation>) => {
    const step = firstStep(situation(change))
    return step === undefined ? undefined : nameOf(step)
  }
  const empty = { messages: () => [] }
  const call = { key: '1.1', deadline: 60 } as never
  expect(first({})).toBe('1.1 request @0')
  expect(first({ replicasFor: () => [] })).toBe('2.1 reply')
  expect(first(empty)).toBe('restart test/A:2')
  expect(first({ ...empty, down: () => [] })).toBe('1.t1 timer')
  expect(first({ ...empty, down: () => [], isBusy: false })).toBe('start 3')
  expect(first({ ...empty, down: () => [], nextOp: () => undefined, timer: () => timer(70), deadline: () => call })).toBe('1.1 deadline')
  expect(firstStep(NOTHING)).toBeUndefined()
})

it('does not let time pass by a message that was sent long before', () => {
  const policy = new ScriptPolicy(['1.t1 timer'])
  expect(policy.choose(situation({ timer: () => timer(101) }))).toBeUndefined()
  expect(new ScriptPolicy(['1.t1 timer']).choose(situation({ timer: () => timer(100) }))).toMatchObject({ kind: 'timer' })
})

describe('drawn steps', () => {
  it('are the first ones at rates of 0, and all of them at a yield rate of 1', () => {
    expect(new Set(names(new RandomPolicy(new Random(1), parameters({ yieldRate: 0 })), 50))).toEqual(
      new Set(['1.1 request @0', '1.1 request @1']),
    )
    expect([...new Set(names(new RandomPolicy(new Random(1), parameters({ yieldRate: 1 })), 200))].sort()).toEqual(
      ['1.1 request @0', '1.1 request @1', '1.t1 timer', '2.1 reply', 'restart test/A:2', 'start 3'].sort(),
    )
  })

  it('are faults as often as the rates say', () => {
    const lost = names(new RandomPolicy(new Random(1), parameters({ failureRate: 0.25 })), 2_000).filter((name) => isFault(String(name)))
    expect(new Set(lost)).toEqual(new Set(['1.1 request lost', '1.1 request fails']))
    expect(lost.length).toBeGreaterThan(400)
    expect(lost.length).toBeLessThan(600)
    const crashes = names(new RandomPolicy(new Random(1), parameters({ crashRate: 1 })), 100)
    expect(new Set(crashes)).toEqual(new Set(['crash test/A:0', 'crash test/A:1']))
  })

  it('are the same for the same seed', () => {
    const draw = (seed: number) => names(new RandomPolicy(new Random(seed), parameters({ yieldRate: 0.5, failureRate: 0.1 })), 100)
    expect(draw(5)).toEqual(draw(5))
    expect(draw(6)).not.toEqual(draw(5))
  })
})

describe('a schedule', () => {
  it('finds every step again by its name', () => {
    const schedule = [
      '2.1 reply',
      '1.1 request @1',
      '1.1 request lost',
      '2.1 reply fails',
      'start 3',
      'crash test/A:1',
      'restart test/A:2',
      '1.t1 timer',
    ]
    expect(names(new ScriptPolicy(schedule), schedule.length)).toEqual(schedule)
  })

  it('passes over what cannot happen, and ends', () => {
    const schedule = ['start 9', '7.1 request @0', 'crash test/B:0', '2.1 reply', 'nonsense', '1.1 deadline']
    expect(names(new ScriptPolicy(schedule), 2)).toEqual(['2.1 reply', undefined])
  })

  it('goes to another replica where its own is gone', () => {
    expect(names(new ScriptPolicy(['1.1 request @7']), 1)).toEqual(['1.1 request @0'])
  })
})
