/**
 * Runs a workload against the components of an application repeatedly, each time with other
 * operations, another order of events and other faults, until a failure is found or the budget is
 * spent.
 */
import type { WeaverGen } from '../component/binding.js'
import type { Component } from '../component/component.js'
import type { Interceptors } from '../component/interceptor.js'
import { parseAppConfig } from '../config/app-config.js'
import { WeaverError } from '../contract/errors.js'
import { registerGeneratedErrors } from '../codec/error-codec.js'
import { limitProblems } from '../context/time-limit.js'
import { drawCase, type SimCase } from './case.js'
import { checkSubject } from './construct-workload.js'
import { execute, type Outcome } from './execution.js'
import { kindOf, type SimFailure } from './failure.js'
import { virtualGlobals } from './world/globals.js'
import { bury, GRAVEYARD_VERSION, graveyardFolder, readGraveyard, type BuriedCase } from './graveyard.js'
import { textOfError, type SimEvent } from './world/history.js'
import { mermaid } from './mermaid.js'
import { minimise, type Failing } from './minimise.js'
import { drawParameters, resolveSweep, type SimSweep } from './parameters.js'
import { Random, seedOf } from './world/random.js'
import { SimulationError } from './simulation-error.js'
import type { Subject } from './subject.js'
import type { Operation, WorkloadClass } from './workload.js'

export interface SimulateOptions {
  /** The output of `weaver generate`. */
  readonly weaver: WeaverGen
  /** The text of a weaver.toml, or values by component name. */
  readonly config?: string | Readonly<Record<string, unknown>>
  /**
   * Components with one replica that never crashes, because what they hold in memory here is on
   * disk in production. Fakes are always durable.
   * @default none
   */
  // oxlint-disable-next-line typescript/no-explicit-any -- tokens are invariant in their interfaces
  readonly durable?: readonly Component<any>[]
  /** The same as in `run()`. */
  readonly interceptors?: Interceptors
  /**
   * The same as in `run()`: the default time limit of calls, in milliseconds of virtual time.
   * @default 30000
   */
  readonly defaultTimeoutMs?: number
  /**
   * Determines everything that is drawn: the same seed gives the same simulation, as long as the
   * application waits for nothing real, whose duration depends on the machine. A whole number.
   * @default a new one each time; errors and results contain it
   */
  readonly seed?: number
  /** Maximum number of executions. @default 1000 */
  readonly numExecutions?: number
  /**
   * Maximum duration in milliseconds. A run that it ends differs on a slower machine.
   * @default no limit
   */
  readonly durationMs?: number
  /**
   * Parameters of executions.
   * @default ascending numbers of operations, up to 3 replicas, rates from 0
   */
  readonly sweep?: SimSweep
  /**
   * A folder for failures: its entries are tried first, and new failures are written to it. Keep it
   * with the sources.
   * @default none
   */
  readonly graveyard?: string | URL
  /** Budget of executions for shrinking a failure; 0 for none. @default 2000 */
  readonly maxShrinks?: number
}

export interface SimulationResult {
  readonly seed: number
  /** Executions, not counting those from the graveyard. */
  readonly numExecutions: number
  readonly numOps: number
  readonly numSteps: number
  readonly durationMs: number
  /** The outcome of each entry of the graveyard. */
  readonly graveyard: readonly GraveyardOutcome[]
}

export interface GraveyardOutcome {
  readonly file: string
  /**
   * `passes`: it no longer fails. `other-workload`: it belongs to another workload and was not
   * tried. `stale`: the workload no longer has its operations, so it means nothing; delete it.
   */
  readonly outcome: 'passes' | 'other-workload' | 'stale'
  /**
   * It was found in a build with other interfaces: it may pass because it now means something else.
   */
  readonly isOtherBuild: boolean
}

const DEFAULTS = { numExecutions: 1_000, maxShrinks: 2_000 } as const
/**
 * Executions between turns of the event loop, in which the surrounding test's timers and signals
 * run.
 */
const TURN = 50
const realImmediate = globalThis.setImmediate

/**
 * Runs a workload again and again, each time in another order of calls, with other delays, lost
 * answers and crashes, in virtual time and reproducible from a seed. An execution that fails is
 * shrunk to the fewest operations that still fail.
 * @returns what was run, when nothing was wrong
 * @param workload a class; each execution has a new object of it
 * @throws SimulationError `WEAVER_SIM_FAILED`: an execution failed; it is the smallest that was
 * found
 * @throws WeaverError `WEAVER_SIM_NOT_DETERMINISTIC` when an execution that failed goes another way
 * the second time; `WEAVER_SIM_INVALID` for options or a workload that make no sense;
 * `WEAVER_SIM_GRAVEYARD` for a file there that cannot be read; all that a start of the application
 * throws before anything runs
 * @example await simulate(BankWorkload, { weaver, durable: [Store], graveyard: new
 * URL('./testdata/graveyard', import.meta.url) })
 */
export async function simulate(workload: WorkloadClass, options: SimulateOptions): Promise<SimulationResult> {
  const { seed, numExecutions, durationMs, maxShrinks, sweep, folder } = resolveOptions(options)
  const { config = {}, weaver } = options
  const given =
    typeof config === 'string'
      ? parseAppConfig(config, { path: 'the config of the simulation', program: 'simulation' })
      : { configOf: (name: string) => config[name], sections: Object.keys(config) }
  const subject: Subject = {
    workload,
    weaver,
    configOf: given.configOf,
    durable: new Set((options.durable ?? []).map(({ name }) => name)),
    interceptors: options.interceptors,
    defaultTimeoutMs: options.defaultTimeoutMs,
  }
  const ops = checkSubject(subject, given.sections)
  registerGeneratedErrors(weaver)
  const restore = virtualGlobals()
  try {
    const graveyard = folder === undefined ? [] : await tryGraveyard(subject, { ops, buried: readGraveyard(folder) })
    const started = performance.now()
    let done = { numExecutions: 0, numOps: 0, numSteps: 0 }
    for (let index = 0; index < numExecutions && performance.now() - started < durationMs; index++) {
      const ownSeed = seedOf(seed, index)
      const parameters = drawParameters(sweep, new Random(ownSeed), index)
      const drawn = drawCase(ops, { seed: ownSeed, parameters, index })
      const outcome = await execute(subject, drawn)
      if (outcome.failure !== undefined)
        throw await reportOf(
          subject,
          { drawn, outcome: { ...outcome, failure: outcome.failure } },
          { ops, seed, index, folder, maxShrinks },
        )
      done = { numExecutions: index + 1, numOps: done.numOps + drawn.ops.length, numSteps: done.numSteps + outcome.numSteps }
      if (index % TURN === 0) await new Promise((resolve) => realImmediate(resolve))
    }
    return { seed, ...done, durationMs: performance.now() - started, graveyard }
  } finally {
    restore()
  }
}

/** @throws SimulationError an entry still fails */
async function tryGraveyard(
  subject: Subject,
  of: { readonly ops: readonly (readonly [string, Operation])[]; readonly buried: readonly BuriedCase[] },
): Promise<readonly GraveyardOutcome[]> {
  const outcomes: GraveyardOutcome[] = []
  const ops = new Map(of.ops)
  for (const { file, entry } of of.buried) {
    const isOtherBuild = entry.fingerprint !== subject.weaver.fingerprint
    const isKnown = entry.case.ops.every(({ op, args }) => ops.get(op)?.args.length === args.length)
    if (entry.workload !== subject.workload.name) outcomes.push({ file, outcome: 'other-workload', isOtherBuild })
    else if (!isKnown) outcomes.push({ file, outcome: 'stale', isOtherBuild })
    else {
      const { failure, history, schedule } = await execute(subject, entry.case, { isRecorded: true })
      if (failure !== undefined)
        throw new SimulationError({
          ...partsOf(subject, { case: entry.case, failure, history, schedule }),
          seed: entry.seed,
          execution: 0,
          numOpsFound: entry.case.ops.length,
          numShrinks: 0,
          file,
          isFromGraveyard: true,
        })
      outcomes.push({ file, outcome: 'passes', isOtherBuild })
    }
  }
  return outcomes
}

/** Confirms that the failure recurs, shrinks it, and stores it. */
async function reportOf(
  subject: Subject,
  found: { readonly drawn: SimCase; readonly outcome: Outcome & { readonly failure: SimFailure } },
  by: {
    readonly ops: readonly (readonly [string, Operation])[]
    readonly seed: number
    readonly index: number
    readonly folder: string | undefined
    readonly maxShrinks: number
  },
): Promise<SimulationError> {
  const { drawn, outcome } = found
  const failing: Failing = { case: { ...drawn, schedule: outcome.schedule }, outcome }
  await checkSame(subject, drawn, failing)
  const small = await minimise(subject, failing, { ops: by.ops, maxExecutions: by.maxShrinks })
  const { failure, history, schedule } = await checkSame(subject, small.case, small)
  const parts = partsOf(subject, { case: small.case, failure, history, schedule })
  const execution = by.index + 1
  const file =
    by.folder === undefined
      ? undefined
      : bury(
          by.folder,
          {
            version: GRAVEYARD_VERSION,
            workload: parts.workload,
            fingerprint: subject.weaver.fingerprint,
            failure: `${failure.what}: ${textOfError(failure.error)}`,
            seed: by.seed,
            execution,
            case: small.case,
          },
          parts.mermaid,
        )
  return new SimulationError({
    ...parts,
    seed: by.seed,
    execution,
    numOpsFound: drawn.ops.length,
    numShrinks: small.numExecutions,
    file,
    isFromGraveyard: false,
  })
}

function partsOf(
  subject: Subject,
  of: { readonly case: SimCase; readonly failure: SimFailure; readonly history: readonly SimEvent[]; readonly schedule: readonly string[] },
): Pick<SimulationError['report'], 'workload' | 'parameters' | 'failure' | 'ops' | 'schedule' | 'history' | 'mermaid'> {
  const { failure, history, schedule } = of
  return {
    workload: subject.workload.name,
    parameters: of.case.parameters,
    failure,
    ops: of.case.ops.map(({ id, op, args }) => ({ id, op, args: args.map(({ value }) => value) })),
    schedule,
    history,
    mermaid: mermaid(history),
  }
}

/**
 * Runs a failing case as drawn and by its schedule; both must take the same course.
 * @throws WeaverError `WEAVER_SIM_NOT_DETERMINISTIC`
 */
async function checkSame(subject: Subject, drawn: SimCase, failing: Failing): Promise<Outcome & { readonly failure: SimFailure }> {
  const runs = [await execute(subject, drawn, { isRecorded: true }), await execute(subject, failing.case, { isRecorded: true })] as const
  const expected = failing.outcome.failure
  const [first, second] = runs.map(({ history }) => history.map((event) => JSON.stringify(event)))
  const at = (first ?? []).findIndex((event, i) => event !== second?.[i])
  const isSame = runs.every(({ failure }) => failure !== undefined && expected !== undefined && kindOf(failure) === kindOf(expected))
  const { failure } = runs[1]
  if (isSame && at < 0 && first?.length === second?.length && failure !== undefined) return { ...runs[1], failure }
  const where = at < 0 ? 'one of them goes on where the other ends' : `first ${first?.[at]}, then ${second?.[at] ?? 'the end'}`
  throw new WeaverError(
    'WEAVER_SIM_NOT_DETERMINISTIC',
    `${subject.workload.name}: an execution failed (${expected === undefined ? '' : textOfError(expected.error)}), but two runs of it differ: ${where}. Something in it is not the simulator's: state of a module that one execution leaves to the next, chance or time from node:crypto or node:timers, a file or a socket.`,
    { cause: expected?.error },
  )
}

function resolveOptions(options: SimulateOptions): {
  readonly seed: number
  readonly numExecutions: number
  readonly durationMs: number
  readonly maxShrinks: number
  readonly sweep: Required<SimSweep>
  readonly folder: string | undefined
} {
  const {
    seed = Date.now() % 2 ** 31,
    numExecutions = DEFAULTS.numExecutions,
    maxShrinks = DEFAULTS.maxShrinks,
    durationMs = Infinity,
  } = options
  const wholes = { seed: [seed, -(2 ** 53)], numExecutions: [numExecutions, 1], maxShrinks: [maxShrinks, 0] } as const
  for (const [name, [value, least]] of Object.entries(wholes))
    if (!Number.isSafeInteger(value) || value < least)
      throw new WeaverError('WEAVER_SIM_INVALID', `${name} is a whole number${name === 'seed' ? '' : ` from ${least}`}, not ${value}`)
  if (!(durationMs > 0)) throw new WeaverError('WEAVER_SIM_INVALID', `durationMs is above 0, not ${durationMs}`)
  const problems = limitProblems({ defaultTimeoutMs: options.defaultTimeoutMs })
  if (problems.length > 0) throw new WeaverError('WEAVER_SIM_INVALID', problems.join('\n'))
  const folder = options.graveyard === undefined ? undefined : graveyardFolder(options.graveyard)
  return { seed, numExecutions, durationMs, maxShrinks, sweep: resolveSweep(options.sweep), folder }
}
