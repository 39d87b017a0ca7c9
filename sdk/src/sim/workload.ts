/**
 * What a simulation does to an application: operations with random arguments, and conditions that
 * must always hold.
 */
import type { Arbitrary } from 'fast-check'
import type { Component } from '../component/component.js'
import { WeaverError } from '../contract/errors.js'
import type { Fake } from '../component/fake.js'

/** One operation of a workload, created by `op()`. */
export interface Operation {
  readonly args: readonly Arbitrary<unknown>[]
  readonly run: (...args: never[]) => Promise<unknown> | unknown
  /** How often it is drawn, relative to the others. */
  readonly weight: number
}

/**
 * An operation: what it does, and the generators of its arguments.
 * @param args a fast-check generator per argument: `fc.integer({ min: 1, max: 100 })`,
 * `fc.constantFrom('ann', 'bob')`
 * @param run calls components, and throws when it observes a wrong state. It must not change its
 * arguments.
 * @throws WeaverError `WEAVER_SIM_INVALID`: a weight that is not a positive number
 * @example
 * readonly ops = { deposit: op([account, amount], (to, n) => this.bank.deposit(to, n), { weight: 3
 * }) }
 */
export function op<A extends unknown[]>(
  args: readonly [...{ readonly [K in keyof A]: Arbitrary<A[K]> }],
  run: (...args: A) => Promise<unknown> | unknown,
  options: {
    /** How often it is drawn, relative to the others. @default 1 */
    readonly weight?: number
  } = {},
): Operation {
  const { weight = 1 } = options
  if (!(weight > 0 && weight < Infinity))
    throw new WeaverError('WEAVER_SIM_INVALID', `the weight of an operation is above 0, not ${weight}`)
  return { args: args as readonly Arbitrary<unknown>[], run, weight } // a tuple of them
}

/** The application of one execution, as passed to a workload. */
export interface SimulatedApp {
  /**
   * A component as main would hold it.
   * @throws WeaverError `WEAVER_SIM_INVALID` if the application has no component of that name
   */
  get<T>(token: Component<T>): T
}

export type WorkloadClass = new (app: SimulatedApp) => Workload

/**
 * Implement it by a class: each execution of a simulation has a new object of it, so what it has
 * counted belongs to that execution alone.
 * @example class BankWorkload implements Workload { readonly bank: Bank constructor(app:
 * SimulatedApp) { this.bank = app.get(Bank) } readonly ops = { deposit: op([account, amount], (to,
 * n) => this.bank.deposit(to, n)) } }
 */
export interface Workload {
  /** By name. */
  readonly ops: Readonly<Record<string, Operation>>
  /**
   * Fakes of components for this execution. A fake has one replica and never crashes: it represents
   * the outside world.
   */
  fakes?(): readonly Fake[]
  /** Runs before the first operation, when all components have started; nothing fails yet. */
  init?(): Promise<void> | void
  /**
   * Runs after each operation, while others may be in progress. Throws if something is wrong. It
   * calls no component: it checks what the workload knows, and its fakes.
   */
  invariant?(): void
  /**
   * Runs when all operations and the work that they started have ended, and nothing fails any more.
   * It may call components. Throws if something is wrong.
   */
  end?(): Promise<void> | void
}

/** @throws WeaverError `WEAVER_SIM_INVALID` if nothing can be drawn from it */
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
