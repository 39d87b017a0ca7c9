/**
 * The analysis of a rollout in one region: asks the processes of both copies what they have counted,
 * every few seconds while there is anything to compare. What comes back asks for another decision.
 */
import { RolloutAnalysis, type ObservedAnalysis, type RolloutPolicy, type RolloutState } from '@weaver/rollout'
import { methodCounters, type MethodCounters } from '@weaver/deployer'
import { reasonOf } from '@weaver/sdk/contract'
import { askProcesses } from '../local/deployment-control.js'
import type { RunningDeployment } from '../local/running-deployments.js'

const LOOK_MS = 2_000
const TIMEOUT_MS = 5_000

export interface RegionLook {
  readonly state: RolloutState | undefined
  readonly policy: RolloutPolicy
  readonly now: number
  /** By version: its host. */
  host(deploymentId: string): RunningDeployment | undefined
  /** Something was found. */
  readonly wake: () => void
}

export class RegionAnalysis {
  readonly #analysis = new RolloutAnalysis()
  #isAsking = false
  #nextLook = 0

  get observed(): ObservedAnalysis | undefined {
    return this.#analysis.observed
  }

  /**
   * Asks in the background, when it is time to.
   * @returns when to look again; `undefined`: only on change
   */
  look({ state, policy, now, host, wake }: RegionLook): number | undefined {
    const task = this.#analysis.next(state, policy, now)
    if (policy.analysis === undefined || state?.preview === undefined) return undefined
    const wait = this.#nextLook - performance.now()
    if (this.#isAsking) return undefined // wakes when it is answered
    if (task === undefined || wait > 0) return Math.max(1, task === undefined ? LOOK_MS : wait)
    this.#isAsking = true
    this.#nextLook = performance.now() + LOOK_MS
    void Promise.all([read(host(task.active)), read(host(task.preview))])
      .then(
        ([active, preview]) => this.#analysis.add(task, { active, preview }),
        (error: unknown) => this.#analysis.cannotRead(task, reasonOf(error)),
      )
      .finally(() => {
        this.#isAsking = false
        wake()
      })
    return LOOK_MS
  }
}

async function read(host: RunningDeployment | undefined): Promise<readonly MethodCounters[]> {
  if (host === undefined) throw new Error('its host is not there')
  return (await askProcesses(host, { request: { kind: 'metrics' }, expect: 'metrics', timeoutMs: TIMEOUT_MS })).map(methodCounters)
}
