/**
 * A small application for tests of the simulator: counters in a store. Its configuration plants a
 * lost update.
 */
import { constantFrom, integer } from 'fast-check'
import type { WeaverGen } from '../../component/binding.js'
import { component, implement } from '../../component/component.js'
import { config, ref } from '../../component/construction.js'
import { bindByHand, genByHand } from '../../testing/hand-made-app.js'
import { simulate, type SimulateOptions } from '../simulate.js'
import { SimulationError } from '../simulation-error.js'
import { op, type SimulatedApp, type Workload, type WorkloadClass } from '../workload.js'

export interface Store {
  read(key: string): Promise<number>
  write(key: string, value: number): Promise<number>
  add(key: string, value: number): Promise<number>
}
export const Store = component<Store>('test/Store', { notRetriable: ['add'] })
export class StoreImpl implements Store {
  readonly values = new Map<string, number>()
  async read(key: string): Promise<number> {
    return this.values.get(key) ?? 0
  }
  async write(key: string, value: number): Promise<number> {
    this.values.set(key, value)
    return value
  }
  async add(key: string, value: number): Promise<number> {
    return this.write(key, (await this.read(key)) + value)
  }
}

export interface Counter {
  count(key: string, by: number): Promise<number>
}
export const Counter = component<Counter>('test/Counter', { notRetriable: ['count'] })
class CounterImpl implements Counter {
  readonly store = ref(Store)
  readonly options = config({ parse: (input) => (input ?? {}) as { readonly isAtomic?: boolean } })
  async count(key: string, by: number): Promise<number> {
    if (this.options.isAtomic === true) return this.store.add(key, by)
    return this.store.write(key, (await this.store.read(key)) + by)
  }
}

export const weaver: WeaverGen = genByHand([
  bindByHand(Counter, implement(Counter, CounterImpl), { methods: ['count'], refs: ['test/Store'] }),
  bindByHand(Store, implement(Store, StoreImpl), { methods: ['read', 'write', 'add'] }),
])

const KEYS = ['a', 'b', 'c']
const key = constantFrom(...KEYS)

export class CountingWorkload implements Workload {
  readonly counter: Counter
  readonly store: Store
  constructor(app: SimulatedApp) {
    this.counter = app.get(Counter)
    this.store = app.get(Store)
  }
  sum = 0
  /** Of calls that may have run. */
  unsure = 0
  readonly ops: Workload['ops'] = {
    count: op(
      [key, integer({ min: 1, max: 1_000 })],
      async (key, by) => {
        this.unsure += by
        await this.counter.count(key, by)
        this.unsure -= by
        this.sum += by
      },
      { weight: 3 },
    ),
    read: op([key], (key) => this.store.read(key)),
  }
  async end(): Promise<void> {
    let found = 0
    for (const key of KEYS) found += await this.store.read(key)
    if (found < this.sum || found > this.sum + this.unsure) throw new Error(`the store holds ${found}, and ${this.sum} were counted`)
  }
}

export const NO_FAULTS = { failureRate: [0], crashRate: [0] } as const
export const COUNTING: SimulateOptions = { weaver, durable: [Store], seed: 1, numExecutions: 300 }
export const ATOMIC = { 'test/Counter': { isAtomic: true } } as const

/** What a simulation that must fail says. */
export async function failureOf(workload: WorkloadClass, options: SimulateOptions): Promise<SimulationError> {
  try {
    await simulate(workload, options)
  } catch (error) {
    if (error instanceof SimulationError) return error
    throw error
  }
  throw new Error('every execution passed')
}
