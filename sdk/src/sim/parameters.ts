import { WeaverError } from '../contract/errors.js'
import type { Random } from './world/random.js'

/** Parameters of one execution; a simulation draws them for each. */
export interface SimParameters {
  /** Number of operations. */
  readonly numOps: number
  /** Maximum number of operations that run concurrently. */
  readonly concurrency: number
  /** Number of replicas of each component that is neither a fake nor durable. */
  readonly replicas: number
  /** Probability that a message is lost, from 0 to 1. */
  readonly failureRate: number
  /** Probability that a replica crashes at a step, from 0 to 1. */
  readonly crashRate: number
  /**
   * Probability that a step goes to something other than the next in order, from 0 to 1. At 0
   * operations run one after the other.
   */
  readonly yieldRate: number
}

/**
 * The values to draw from for each parameter, simple ones first: early executions draw `numOps`
 * from the beginning of its list. A single value fixes it.
 */
export type SimSweep = { readonly [K in keyof SimParameters]?: readonly number[] }

const DEFAULT_SWEEP: Required<SimSweep> = {
  numOps: [1, 2, 3, 4, 6, 8, 12, 16, 24],
  concurrency: [1, 2, 3, 5, 10],
  replicas: [1, 2, 3],
  failureRate: [0, 0.01, 0.05, 0.1],
  crashRate: [0, 0, 0.01, 0.03],
  yieldRate: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1],
}
const RATES: ReadonlySet<string> = new Set(['failureRate', 'crashRate', 'yieldRate'])
/** Executions after which one more value of `numOps`'s list may be drawn. */
const EXECUTIONS_PER_SIZE = 25

/** @throws WeaverError `WEAVER_SIM_INVALID` */
export function resolveSweep(given: SimSweep = {}): Required<SimSweep> {
  for (const [name, values] of Object.entries(given)) {
    if (!(name in DEFAULT_SWEEP))
      throw new WeaverError('WEAVER_SIM_INVALID', `sweep has no parameter "${name}"; there are ${Object.keys(DEFAULT_SWEEP).join(', ')}`)
    if (values === undefined) continue
    const isRate = RATES.has(name)
    const isValid = (value: number): boolean => (isRate ? value >= 0 && value <= 1 : Number.isInteger(value) && value >= 1)
    if (values.length === 0 || !values.every(isValid))
      throw new WeaverError(
        'WEAVER_SIM_INVALID',
        `sweep.${name} is a list of ${isRate ? 'numbers from 0 to 1' : 'whole numbers from 1'}, not ${JSON.stringify(values)}`,
      )
  }
  return { ...DEFAULT_SWEEP, ...Object.fromEntries(Object.entries(given).filter(([, values]) => values !== undefined)) }
}

/** @param index number of the execution, from 0 */
export function drawParameters(sweep: Required<SimSweep>, random: Random, index: number): SimParameters {
  const sizes = sweep.numOps.slice(0, 2 + Math.floor(index / EXECUTIONS_PER_SIZE))
  return {
    numOps: random.pick(sizes),
    concurrency: random.pick(sweep.concurrency),
    replicas: random.pick(sweep.replicas),
    failureRate: random.pick(sweep.failureRate),
    crashRate: random.pick(sweep.crashRate),
    yieldRate: random.pick(sweep.yieldRate),
  }
}
