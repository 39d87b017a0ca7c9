/** What a simulation does to an application: operations with arguments drawn at random, and what must hold whatever happens. */
import type { Arbitrary } from 'fast-check'
import type { Component } from '../component/component.js'
import { WeaverError } from '../contract/errors.js'
import type { Fake } from '../component/fake.js'

/** One operation of a workload, as `op()` makes it. */
export interface Operation {
  readonly args: readonly Arbitrary<unknown>[]
  readonly run: (...args: never[]) => Promise<unknown> | unknown
  /** How often it is drawn, next to the others. */
  readonly weight: number
}

/**
 * An operation: what it does, and where its arguments come from.
 * @param args a generator of fast-check for each argument: `fc.integer({ min: 1, max: 100 })`, `fc.constantFrom('ann', 'bob')`
 * @param run makes calls of components, and throws when it sees what must not be. Must not change its arguments.
 * @throws WeaverError `WEAVER_SIM_INVALID`: a weight that is no positive number
 * @example
 * readonly ops = { deposit: op([account, amount], (to, n) => this.bank.deposit(to, n), { weight: 3 }) }
 */
export function op<A extends unknown[]>(
  args: readonly [...{ readonly [K in keyof A]: Arbitrary<A[K]> }],
  run: (...args: A) => Promise<unknown> | unknown,
  options: {
    /** How often it is drawn, next to the others. @default 1 */
    readonly weight?: number
  } = {},
): Operation {
  const { weight = 1 } = options
  if (!(weight > 0 && weight < Infinity))
    throw new WeaverError('WEAVER_SIM_INVALID', `the weight of an operation is above 0, not ${weight}`)
  return { args: args as readonly Arbitrary<unknown>[], run, weight } // a tuple of them
}

/** What a workload is given: the application of one execution. */
export interface SimulatedApp {
  /** A component as main would hold it. @throws WeaverError `WEAVER_SIM_INVALID` when the application has none of that name */
  get<T>(token: Component<T>): T
}

export type WorkloadClass = new (app: SimulatedApp) => Workload

/**
 * Implement it by a class: each execution of a simulation has a new object of it, so what it has counted belongs to that execution alone.
 * @example
 * class BankWorkload implements Workload {
 *   readonly bank: Bank
 *   constructor(app: SimulatedApp) {
 *     this.bank = app.get(Bank)
 *   }
 *   readonly ops = { deposit: op([account, amount], (to, n) => this.bank.deposit(to, n)) }
 * }
 */
export interface Workload {
  /** By name. */
  readonly ops: Readonly<Record<string, Operation>>
  /** Take the places of components, for this execution alone. A fake has one replica and never crashes: it stands for the world outside. */
  fakes?(): readonly Fake[]
  /** Before the first operation, when all components have started; nothing fails yet. */
  init?(): Promise<void> | void
  /** After each operation, while others may be on their way. Throws when something is wrong. It calls no component: it looks at what the workload knows and at its fakes. */
  invariant?(): void
  /** When all operations are over, what they had begun has come to rest, and nothing fails any more. May call components. Throws when something is wrong. */
  end?(): Promise<void> | void
}

/** @throws WeaverError `WEAVER_SIM_INVALID` when nothing can be drawn from it */
export function checkWorkload(workload: Workload, name: string): readonly (readonly [name: string, op: Operation])[] {
  const ops = Object.entries(workload.ops ?? {})
  if (ops.length === 0) throw new WeaverError('WEAVER_SIM_INVALID', `workload ${name} has no operation; give it ops = { name: op([…], …) }`)
  for (const [op, { args, run }] of ops)
    if (typeof run !== 'function' || !Array.isArray(args) || args.some((arg) => typeof arg?.generate !== 'function'))
      throw new WeaverError(
        'WEAVER_SIM_INVALID',
        `ops.${op} of workload ${name} is not what op() makes, or an argument is not a generator of fast-check`,
      )
  return ops
}
