import { WeaverError } from '../contract/errors.js'
import type { SimFailure } from './failure.js'
import { historyText, textOfArgs, textOfError, type SimEvent } from './world/history.js'
import type { SimParameters } from './parameters.js'
import { isFault } from './steps.js'

/** The report about a failed execution after shrinking. */
export interface SimReport {
  readonly workload: string
  readonly seed: number
  /** Number of the first execution that failed, from 1; 0 for one from the graveyard. */
  readonly execution: number
  readonly parameters: SimParameters
  readonly failure: SimFailure
  readonly ops: readonly { readonly id: number; readonly op: string; readonly args: readonly unknown[] }[]
  /** Names of the steps, in order. */
  readonly schedule: readonly string[]
  readonly history: readonly SimEvent[]
  /** The history as a Mermaid sequence diagram. */
  readonly mermaid: string
  /** Operations before shrinking. */
  readonly numOpsFound: number
  /** Executions spent on shrinking. */
  readonly numShrinks: number
  /** Path of its file; `undefined` without a graveyard. */
  readonly file: string | undefined
  /** Whether an earlier run found it, and it still fails. */
  readonly isFromGraveyard: boolean
}

/**
 * Thrown by `simulate()` when an execution fails. Its message contains the smallest case found, its
 * history and how to run it again; `cause` is the error itself.
 */
export class SimulationError extends WeaverError {
  readonly report: SimReport

  constructor(report: SimReport) {
    super('WEAVER_SIM_FAILED', messageOf(report), { cause: report.failure.error })
    this.report = report
  }
}
Object.defineProperty(SimulationError.prototype, 'name', { value: 'SimulationError', configurable: true, writable: true })

function messageOf(report: SimReport): string {
  const { workload, failure, ops, schedule, history, isFromGraveyard, execution, seed, numOpsFound, numShrinks, file, parameters } = report
  const faults = schedule.filter(isFault)
  const found = isFromGraveyard
    ? `It was found in an earlier run (${file}) and is still there.`
    : `Found in execution ${execution} with seed ${seed}; made smaller from ${countOf(numOpsFound, 'operation')} to ${ops.length} by ${countOf(numShrinks, 'execution')}.`
  const again = isFromGraveyard
    ? 'Each run tries the graveyard first, until this entry passes; keep it then: it tells when the bug comes back.'
    : file === undefined
      ? `To run it again: simulate(${workload}, { …, seed: ${seed}, numExecutions: ${execution} }). With the option graveyard it is kept as a file.`
      : `It is kept as ${file} and tried first in the next run; its sequence diagram is beside it (.mmd).`
  return [
    `${workload}: ${failure.what} failed: ${textOfError(failure.error)}`,
    found,
    `Operations (replicas ${parameters.replicas}, ${faults.length === 0 ? 'no fault' : `faults: ${faults.join(', ')}`}):`,
    ...ops.map(({ id, op, args }) => `  op ${id}  ${op}${textOfArgs(args)}`),
    'History:',
    historyText(history),
    again,
  ].join('\n')
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
