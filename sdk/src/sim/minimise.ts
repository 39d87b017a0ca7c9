/**
 * Shrinks a failing case while it fails in the same way: fewer operations, fewer faults, fewer
 * replicas, fewer switches between operations, smaller arguments, in this order. The result is a
 * case with a schedule.
 */
import type { Arbitrary } from 'fast-check'
import { smallerValues, type PlannedOp, type SimCase } from './case.js'
import { execute, type Outcome } from './execution.js'
import { kindOf } from './failure.js'
import { seedOf } from './world/random.js'
import { isFault } from './steps.js'
import type { Subject } from './subject.js'
import type { Operation } from './workload.js'

export interface Failing {
  readonly case: SimCase & { readonly schedule: readonly string[] }
  readonly outcome: Outcome
}

/** Schedules to try for a case whose own became invalid with a removed operation. */
const NEW_SCHEDULES = 4

/** @param options.maxExecutions the budget of executions */
export async function minimise(
  subject: Subject,
  failing: Failing,
  options: { readonly ops: readonly (readonly [string, Operation])[]; readonly maxExecutions: number },
): Promise<Failing & { readonly numExecutions: number }> {
  const minimiser = new Minimiser(subject, failing, options.maxExecutions)
  const generators = new Map(options.ops.map(([name, { args }]) => [name, args]))
  for (let before = -1; before !== minimiser.numAccepted && !minimiser.isSpent;) {
    before = minimiser.numAccepted
    await minimiser.fewerOps()
    await minimiser.fewerFaults()
    await minimiser.fewerReplicas()
    await minimiser.fewerSwitches()
    await minimiser.smallerArgs(generators)
  }
  await minimiser.renumber()
  return { ...minimiser.best, numExecutions: minimiser.numExecutions }
}

class Minimiser {
  readonly #subject: Subject
  readonly #kind: string
  readonly #maxExecutions: number
  best: Failing
  numExecutions = 0
  numAccepted = 0

  constructor(subject: Subject, failing: Failing, maxExecutions: number) {
    this.#subject = subject
    this.best = failing
    this.#kind = failing.outcome.failure === undefined ? '' : kindOf(failing.outcome.failure)
    this.#maxExecutions = maxExecutions
  }

  get isSpent(): boolean {
    return this.numExecutions >= this.#maxExecutions
  }

  async fewerOps(): Promise<void> {
    const without = (from: number, to: number): SimCase => {
      const { ops, parameters } = this.best.case
      const left = [...ops.slice(0, from), ...ops.slice(to)]
      return { ...this.best.case, ops: left, parameters: { ...parameters, numOps: left.length } }
    }
    await this.#chunks(
      () => this.best.case.ops.length,
      async (from, to) => {
        if (to - from === this.best.case.ops.length) return false
        if (await this.#try(without(from, to))) return true
        const { schedule: _, ...fresh } = without(from, to)
        for (let i = 0; i < NEW_SCHEDULES; i++)
          if (await this.#try({ ...fresh, scheduleSeed: seedOf(this.best.case.scheduleSeed, this.numExecutions) })) return true
        return false
      },
    )
  }

  async fewerFaults(): Promise<void> {
    for (let at = 0; at < this.best.case.schedule.length;) {
      const { schedule } = this.best.case
      const isGone = isFault(schedule[at] as string) && (await this.#try({ ...this.best.case, schedule: schedule.toSpliced(at, 1) })) // below its length
      if (!isGone) at += 1
    }
  }

  async fewerReplicas(): Promise<void> {
    const { parameters } = this.best.case
    for (let replicas = 1; replicas < parameters.replicas; replicas++)
      if (await this.#try({ ...this.best.case, parameters: { ...parameters, replicas } })) return
  }

  async fewerSwitches(): Promise<void> {
    await this.#chunks(
      () => this.best.case.schedule.length,
      (from, to) => {
        const { schedule } = this.best.case
        return this.#try({ ...this.best.case, schedule: [...schedule.slice(0, from), ...schedule.slice(to)] })
      },
    )
  }

  async smallerArgs(generators: ReadonlyMap<string, readonly Arbitrary<unknown>[]>): Promise<void> {
    for (let at = 0; at < this.best.case.ops.length; at++) {
      const generatorsOfOp = generators.get((this.best.case.ops[at] as PlannedOp).op) ?? [] // below its length
      for (const [position, generator] of generatorsOfOp.entries()) while (await this.#smallerArg(at, { position, generator }));
    }
  }

  /** Numbers the operations from 1, without gaps. */
  async renumber(): Promise<void> {
    const ids = new Map(this.best.case.ops.map(({ id }, at) => [String(id), at + 1]))
    const ops = this.best.case.ops.map((op, at) => ({ ...op, id: at + 1 }))
    const schedule = this.best.case.schedule.map((step) =>
      step.replace(/^(start )?(\d+)(?=\.|$)/, (_, start: string = '', id: string) => `${start}${ids.get(id)}`),
    )
    await this.#try({ ...this.best.case, ops, schedule }, { isEqualEnough: true })
  }

  async #smallerArg(at: number, of: { readonly position: number; readonly generator: Arbitrary<unknown> }): Promise<boolean> {
    const { ops } = this.best.case
    const op = ops[at] as PlannedOp // the caller counts them
    const arg = op.args[of.position]
    if (arg === undefined) return false
    for (const smaller of smallerValues(arg, of.generator)) {
      if (this.isSpent) return false
      const changed = { ...op, args: op.args.with(of.position, smaller) }
      if (await this.#try({ ...this.best.case, ops: ops.with(at, changed) }, { isEqualEnough: true })) return true
    }
    return false
  }

  /** Removes chunks of a list, large ones first, as long as one of a size can go. */
  async #chunks(length: () => number, take: (from: number, to: number) => Promise<boolean>): Promise<void> {
    for (let size = Math.ceil(length() / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
      for (let from = 0; from < length() && !this.isSpent;) if (!(await take(from, Math.min(length(), from + size)))) from += size
  }

  /** Keeps a case that fails in the same way and is smaller. */
  async #try(candidate: SimCase, { isEqualEnough = false }: { readonly isEqualEnough?: boolean } = {}): Promise<boolean> {
    if (this.isSpent) return false
    this.numExecutions += 1
    const outcome = await execute(this.#subject, candidate)
    if (outcome.failure === undefined || kindOf(outcome.failure) !== this.#kind) return false
    const found: Failing = { case: { ...candidate, schedule: outcome.schedule }, outcome }
    const order = compare(sizeOf(found.case), sizeOf(this.best.case))
    if (order > 0 || (order === 0 && !isEqualEnough)) return false
    this.best = found
    this.numAccepted += 1
    return true
  }
}

/** The first difference decides. */
function sizeOf({ ops, schedule, parameters }: Failing['case']): readonly number[] {
  const origins = schedule.map((step) => /^(?:start )?(\d+)/.exec(step)?.[1] ?? step)
  const switches = origins.filter((origin, at) => at > 0 && origin !== origins[at - 1]).length
  return [ops.length, schedule.filter(isFault).length, parameters.replicas, switches, schedule.length]
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value - (b[at] as number) // of equal length
  return 0
}
