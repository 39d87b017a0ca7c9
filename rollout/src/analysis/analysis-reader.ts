/**
 * Keeps the analysis of an application's rollouts supplied: reads in the background, one reading at
 * a time and at most one every two seconds, while there is anything to compare. How it is read is up
 * to the platform.
 */
import type { RolloutPolicy, RolloutState } from '../types.js'
import { RolloutAnalysis, type AnalysisTask, type VersionReadings } from './rollout-analysis.js'
import type { ObservedAnalysis } from './verdict.js'
import { windowOf } from './window.js'

const LOOK_MS = 2_000

export interface AnalysisLook {
  readonly state: RolloutState | undefined
  readonly policy: Pick<RolloutPolicy, 'analysis'>
  /** Epoch milliseconds. */
  readonly now: number
  /** Milliseconds of a clock that nobody sets. */
  readonly steadyMs: number
  /** A rejection says why the numbers of a version cannot be had. It must settle in seconds. */
  read(task: AnalysisTask): Promise<VersionReadings>
  /** Something was read, or could not be: it is time for another decision. */
  readonly onRead?: () => void
}

export class AnalysisReader {
  readonly #analysis = new RolloutAnalysis()
  #isReading = false
  #nextMs = 0

  /** What was found for the present window of a rollout. */
  observed(state: RolloutState | undefined): ObservedAnalysis | undefined {
    const { observed } = this.#analysis
    return observed?.window === windowOf(state) ? observed : undefined
  }

  /**
   * Reads in the background, when it is time to.
   * @returns when to look again, in milliseconds; `undefined`: on change, or when it is read
   */
  look({ state, policy, now, steadyMs, read, onRead }: AnalysisLook): number | undefined {
    const task = this.#analysis.next(state, policy, now)
    if (policy.analysis === undefined || state?.preview === undefined || this.#isReading) return undefined
    if (task === undefined) return LOOK_MS
    if (steadyMs < this.#nextMs) return this.#nextMs - steadyMs
    this.#isReading = true
    this.#nextMs = steadyMs + LOOK_MS
    void read(task)
      .then(
        (readings) => this.#analysis.add(task, readings),
        (error: unknown) => this.#analysis.cannotRead(task, error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        this.#isReading = false
        onRead?.()
      })
    return LOOK_MS
  }
}
