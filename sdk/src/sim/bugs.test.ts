/** Bugs of the kinds that only show between processes, each planted once, and once without it. */
import { setTimeout as realTimeout } from 'node:timers'
import { jest } from '@jest/globals'
import { integer } from 'fast-check'
import type { ComponentBinding } from '../component/binding.js'
import { component, implement, type Component, type Implementation } from '../component/component.js'
import { lazyRef, ref } from '../component/construction.js'
import { context, withContext } from '../context/context.js'
import { fake } from '../component/fake.js'
import { bindByHand, genByHand } from '../testing/hand-made-app.js'
import { simulate } from './simulate.js'
import { failureOf, NO_FAULTS } from './testdata/counting.js'
import { op, type SimulatedApp, type Workload } from './workload.js'

jest.setTimeout(60_000)

interface Tally {
  add(by: number): Promise<number>
  total(): Promise<number>
}
class TallyImpl implements Tally {
  sum = 0
  async add(by: number) {
    return (this.sum += by)
  }
  async total() {
    return this.sum
  }
}

/** One component and nothing else. */
function only<T extends object>(
  token: Component<T>,
  implementation: Implementation<T>,
  methods: readonly (keyof T & string)[],
  streams: readonly (keyof T & string)[] = [],
) {
  return { weaver: genByHand([bindByHand(token, implementation, { methods, streams })]), seed: 3, numExecutions: 300 }
}

const isPlatform = (error: unknown): boolean => String((error as { readonly code?: unknown }).code).startsWith('WEAVER_RPC_')

describe('a method that must not run twice', () => {
  const bound = (token: Component<Tally>) => ({
    ...only(token, implement(token, TallyImpl), ['add', 'total']),
    durable: [token],
    sweep: { failureRate: [0.1] },
  })
  const workloadOf = (token: Component<Tally>) =>
    class TallyWorkload implements Workload {
      readonly tally: Tally
      constructor(app: SimulatedApp) {
        this.tally = app.get(token)
      }
      least = 0
      most = 0
      readonly ops = {
        add: op([integer({ min: 1, max: 100 })], async (by) => {
          this.most += by
          await this.tally.add(by).then(
            () => (this.least += by),
            (error: unknown) => {
              if (!isPlatform(error)) throw error
            },
          )
        }),
      }
      async end() {
        const total = await this.tally.total()
        if (total < this.least || total > this.most) throw new Error(`${total} is not between ${this.least} and ${this.most}`)
      }
    }

  it('is found when the platform may repeat it: one operation, one lost answer', async () => {
    const Retriable = component<Tally>('test/Tally')
    const { report } = await failureOf(workloadOf(Retriable), bound(Retriable))
    expect(report.ops).toEqual([{ id: 1, op: 'add', args: [1] }])
    expect(report.schedule).toEqual(['start 1', '1.1 request @0', '1.1 reply lost', '1.1#2 request @0', '1.1#2 reply'])
  })

  it('is not there when it is declared notRetriable', async () => {
    const Once = component<Tally>('test/Tally', { notRetriable: ['add'] })
    expect(await simulate(workloadOf(Once), bound(Once))).toMatchObject({ numExecutions: 300 })
  })
})

it('finds state that a crash takes away', async () => {
  const Memory = component<Tally>('test/Memory', { notRetriable: ['add'] })
  class MemoryWorkload implements Workload {
    readonly memory: Tally
    constructor(app: SimulatedApp) {
      this.memory = app.get(Memory)
    }
    sum = 0
    readonly ops = {
      add: op([integer({ min: 1, max: 100 })], async (by) => {
        await this.memory.add(by)
        this.sum += by
      }),
    }
    async end() {
      const total = await this.memory.total()
      if (total < this.sum) throw new Error(`${total} is less than ${this.sum}`)
    }
  }
  const options = {
    ...only(Memory, implement(Memory, TallyImpl), ['add', 'total']),
    sweep: { replicas: [1], failureRate: [0], crashRate: [0.05] },
  }
  const { report } = await failureOf(MemoryWorkload, options)
  expect(report.ops).toEqual([{ id: 1, op: 'add', args: [1] }])
  expect(report.schedule.filter((step) => step.startsWith('crash'))).toEqual(['crash test/Memory:0'])
  expect(report.history.map(({ kind }) => kind)).toContain('restart')
  expect(await simulate(MemoryWorkload, { ...options, durable: [Memory] })).toMatchObject({ numExecutions: 300 })
})

interface Basket {
  put(items: string[]): Promise<string[]>
}
describe('code that counts on sharing an object', () => {
  const Basket = component<Basket>('test/Basket')
  class BasketImpl implements Basket {
    async put(items: string[]) {
      items.push('bag')
      return items
    }
  }
  class SharingWorkload implements Workload {
    readonly basket: Basket
    constructor(app: SimulatedApp) {
      this.basket = app.get(Basket)
    }
    readonly ops = {
      put: op([], async () => {
        const items = ['tea']
        await this.basket.put(items)
        if (items.length !== 2) throw new Error('the bag is missing')
      }),
    }
  }
  it('is found', async () => {
    const { report } = await failureOf(SharingWorkload, only(Basket, implement(Basket, BasketImpl), ['put']))
    expect(report.failure).toMatchObject({ where: 'op', what: 'put of op 1', error: { message: 'the bag is missing' } })
  })
})

interface Door {
  enter(): Promise<number>
  stream(to: number): AsyncIterable<number>
}
const Doorkeeper = component<Door>('test/Door')
const doorWith = (methods: Partial<Door>) =>
  class DoorImpl implements Door {
    async enter() {
      return methods.enter?.() ?? 0
    }
    stream(to: number) {
      return methods.stream?.(to) ?? { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true as const, value: undefined }) }) }
    }
  }
const doorApp = (methods: Partial<Door>) => only(Doorkeeper, implement(Doorkeeper, doorWith(methods)), ['enter', 'stream'], ['stream'])

class EnterWorkload implements Workload {
  readonly door: Door
  constructor(app: SimulatedApp) {
    this.door = app.get(Doorkeeper)
  }
  readonly ops = { enter: op([], () => this.door.enter()) }
}

it('finds what waits for ever: no fault excuses the deadline', async () => {
  const { report } = await failureOf(EnterWorkload, doorApp({ enter: () => new Promise<number>(() => undefined) }))
  expect(report.failure).toMatchObject({ where: 'op', error: { code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true } })
  expect(report.schedule.at(-1)).toBe('1.1 deadline')
})

it('finds what never comes to an end', async () => {
  const enter = async (): Promise<number> => {
    for (;;) await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const { report } = await failureOf(EnterWorkload, { ...doorApp({ enter }), maxShrinks: 0 })
  expect(report.failure).toMatchObject({ where: 'stalled', error: { code: 'WEAVER_SIM_STALLED' } })
})

describe('what is not simulated', () => {
  it('is waited for, for a little real time', async () => {
    const enter = () => new Promise<number>((resolve) => realTimeout(() => resolve(1), 2))
    const { numOps } = await simulate(EnterWorkload, { ...doorApp({ enter }), sweep: { ...NO_FAULTS, numOps: [1] }, numExecutions: 3 })
    expect(numOps).toBe(3)
  })

  it('makes the execution one that waits for nothing when it takes longer', async () => {
    class Waiting implements Workload {
      readonly ops = { wait: op([], () => new Promise<void>(() => undefined)) }
    }
    const { report } = await failureOf(Waiting, { ...doorApp({}), maxShrinks: 0 })
    expect(report.failure).toMatchObject({ where: 'stalled', error: { code: 'WEAVER_SIM_STALLED' } })
  })
})

describe('the limit of a call', () => {
  const own = { timeoutMs: 7_000 }
  const waited = async (options: Parameters<typeof component<Door>>[1], given: { defaultTimeoutMs?: number; around?: object }) => {
    const { around = {}, ...simulation } = given
    const Slow = component<Door>('test/Slow', options)
    const waits: number[] = []
    class SlowWorkload implements Workload {
      readonly door: Door
      constructor(app: SimulatedApp) {
        this.door = app.get(Slow)
      }
      readonly ops = {
        enter: op([], async () => {
          const before = Date.now()
          const error: unknown = await withContext(around, () => this.door.enter()).catch((error: unknown) => error)
          if ((error as { readonly code?: unknown }).code !== 'WEAVER_RPC_DEADLINE') throw error
          waits.push(Math.round((Date.now() - before) / 1_000))
        }),
      }
    }
    const app = only(Slow, implement(Slow, doorWith({ enter: () => new Promise<number>(() => undefined) })), ['enter'])
    await simulate(SlowWorkload, { ...app, ...simulation, sweep: { ...NO_FAULTS, numOps: [1] }, numExecutions: 1 })
    return waits
  }
  it.each([
    ['30 s where nobody says', undefined, {}, 30],
    ['that of the application', undefined, { defaultTimeoutMs: 90_000 }, 90],
    ['before it that of the component', { defaultTimeoutMs: 60_000 }, { defaultTimeoutMs: 90_000 }, 60],
    ['before it that of the method', { defaultTimeoutMs: 60_000, timeoutMs: { enter: 2_000 } }, { defaultTimeoutMs: 90_000 }, 2],
    ['before it that of the caller', { timeoutMs: { enter: 2_000 } }, { around: own }, 7],
  ])('is %s', async (_, options, given, seconds) => {
    expect(await waited(options, given)).toEqual([seconds])
  })

  it('has to make sense', async () => {
    await expect(simulate(EnterWorkload, { ...doorApp({}), defaultTimeoutMs: 0 })).rejects.toMatchObject({
      code: 'WEAVER_SIM_INVALID',
      message: 'defaultTimeoutMs is 0; give milliseconds, more than 0 and less than 2^32',
    })
  })
})

describe('time and chance', () => {
  it('pass and fall inside an execution only as the simulator says', async () => {
    const seen: (readonly unknown[])[] = []
    const enter = async (): Promise<number> => {
      const before = Date.now()
      await new Promise((resolve) => setTimeout(resolve, 20_000))
      seen.push([
        Date.now() - before >= 20_000,
        new Date().getTime() === Date.now(),
        Date.now() - before,
        Math.random(),
        crypto.randomUUID(),
        [...crypto.getRandomValues(new Uint16Array(4))],
      ])
      return 1
    }
    const run = async () => {
      const started = Date.now()
      await simulate(EnterWorkload, { ...doorApp({ enter }), sweep: { ...NO_FAULTS, numOps: [3] }, numExecutions: 2 })
      return Date.now() - started
    }
    expect(await run()).toBeLessThan(20_000)
    const first = seen.splice(0)
    expect(first).toHaveLength(6)
    expect(first.every(([isLater, isOneClock]) => isLater === true && isOneClock === true)).toBe(true)
    await run()
    expect(seen).toEqual(first)
  })

  it('are those of the machine again afterwards, also when the simulation fails', async () => {
    const ours = () => [
      globalThis.setTimeout,
      globalThis.Date,
      Math.random,
      performance.now,
      AbortSignal.timeout,
      crypto.randomUUID,
      crypto.getRandomValues,
    ]
    const before = ours()
    await failureOf(EnterWorkload, doorApp({ enter: () => Promise.reject(new Error('no')) }))
    expect(ours()).toEqual(before)
  })

  it('let a signal of AbortSignal.timeout end a call, and the callee see it', async () => {
    const ends: string[] = []
    const enter = () =>
      new Promise<number>((resolve) => {
        const { signal } = context()
        signal.addEventListener('abort', () => {
          ends.push(String((signal.reason as Error).name))
          resolve(0)
        })
      })
    class Impatient implements Workload {
      readonly door: Door
      constructor(app: SimulatedApp) {
        this.door = app.get(Doorkeeper)
      }
      readonly ops = {
        enter: op([], async () => {
          const error: unknown = await withContext({ signal: AbortSignal.timeout(100) }, () => this.door.enter()).catch(
            (error: unknown) => error,
          )
          if ((error as { readonly code?: unknown }).code !== 'WEAVER_RPC_DEADLINE') throw error
        }),
      }
    }
    await simulate(Impatient, { ...doorApp({ enter }), sweep: { ...NO_FAULTS, numOps: [2] }, numExecutions: 5 })
    expect(ends).toEqual(Array(10).fill('AbortError'))
  })
})

describe('streams', () => {
  const stream = async function* (to: number) {
    for (let i = 1; i <= to; i++) yield i
  }
  class Reading implements Workload {
    readonly door: Door
    constructor(app: SimulatedApp) {
      this.door = app.get(Doorkeeper)
    }
    readonly ops = {
      read: op([integer({ min: 0, max: 5 })], async (to) => {
        const items: number[] = []
        for await (const item of this.door.stream(to)) items.push(item)
        if (items.join() !== Array.from({ length: to }, (_, i) => i + 1).join()) throw new Error(`got ${items.join()} of ${to}`)
      }),
      leave: op([], async () => {
        for await (const item of this.door.stream(3)) if (item === 1) break
      }),
    }
  }
  it('arrive whole, or fail with a platform failure', async () => {
    expect(await simulate(Reading, doorApp({ stream }))).toMatchObject({ numExecutions: 300 })
  })
  it('are tried like all else: an item too many is found', async () => {
    const faulty = async function* (to: number) {
      yield* stream(to)
      if (to === 4) yield 5
    }
    const { report } = await failureOf(Reading, doorApp({ stream: faulty }))
    expect(report.ops).toEqual([{ id: 1, op: 'read', args: [4] }])
  })
})

describe('components that call each other', () => {
  interface Ping {
    ping(depth: number): Promise<number>
  }
  const Left = component<Ping>('test/Left')
  const Right = component<Ping>('test/Right')
  class LeftImpl implements Ping {
    readonly right = ref(Right)
    isReady = false
    async init() {
      this.isReady = (await this.right.ping(0)) === 0
    }
    async ping(depth: number) {
      if (!this.isReady) throw new Error('a call came before init() was done')
      if (context().caller === undefined) throw new Error('a call has no caller')
      return depth === 0 ? 0 : 1 + (await this.right.ping(depth - 1))
    }
  }
  class RightImpl implements Ping {
    readonly left = lazyRef(Left)
    async ping(depth: number) {
      return depth === 0 ? 0 : 1 + (await this.left.ping(depth - 1))
    }
  }
  const bindings: ComponentBinding[] = [
    bindByHand(Left, implement(Left, LeftImpl), { methods: ['ping'], refs: ['test/Right'] }),
    bindByHand(Right, implement(Right, RightImpl), { methods: ['ping'], refs: ['test/Left'] }),
  ]
  class PingWorkload implements Workload {
    readonly left: Ping
    constructor(app: SimulatedApp) {
      this.left = app.get(Left)
    }
    readonly ops = {
      ping: op([integer({ min: 0, max: 4 })], async (depth) => {
        if ((await this.left.ping(depth)) !== depth) throw new Error('not that deep')
      }),
    }
  }

  it('start in order, go on after crashes, and run init() before a call arrives', async () => {
    expect(await simulate(PingWorkload, { weaver: genByHand(bindings), seed: 4, numExecutions: 300 })).toMatchObject({ numExecutions: 300 })
  })

  it('are replaced by fakes of the workload, which never crash', async () => {
    let made = 0
    class Faked extends PingWorkload {
      fakes() {
        made += 1
        let calls = 0
        return [fake(Right, { ping: async (depth) => ((calls += 1) > 0 ? depth : -1) })]
      }
    }
    const { numExecutions } = await simulate(Faked, {
      weaver: genByHand(bindings),
      seed: 4,
      numExecutions: 100,
      sweep: { crashRate: [0.05] },
    })
    expect(numExecutions).toBe(100)
    expect(made).toBeGreaterThanOrEqual(100)
  })
})
