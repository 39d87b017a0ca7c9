import type { TrafficDriver, TrafficObservation, TrafficPlan } from '../traffic/traffic-driver.js'
import { assumedTraffic } from './traffic-plan.js'

export interface TrafficStep {
  readonly observation: TrafficObservation
  /** What went wrong; the rollout then sees everything as unknown, and abort stays possible. */
  readonly failure?: string
}

/** Brings the proxies to a plan and reads back. A driver that fails does not end the pass: status must still say so. */
export async function syncTraffic(
  driver: TrafficDriver,
  plan: TrafficPlan,
  options: {
    readonly weights: Readonly<Record<string, number>>
    readonly versions: readonly string[]
    /** False: somebody else splits the traffic by the status (`driver: none`). */
    readonly isUsed: boolean
    readonly isFrozen: boolean
    readonly signal: AbortSignal
  },
): Promise<TrafficStep> {
  try {
    if (!options.isUsed && !options.isFrozen) await driver.remove(plan.app, options.signal)
    if (!options.isUsed || plan.listeners.length === 0) return { observation: assumedTraffic(options.weights, options.versions) }
    if (!options.isFrozen) await driver.ensure(plan, options.signal)
    return { observation: await driver.sync(plan, options.signal) }
  } catch (error) {
    if (options.signal.aborted) throw error
    const failure = `traffic: ${error instanceof Error ? error.message : String(error)}`
    return { failure, observation: { inSync: false, waitingFor: failure, weightObserved: {}, inFlight: {}, requests: {}, released: [] } }
  }
}

/** Nobody reports on a version that left the plan: once every proxy holds exactly the plan, none names it, sends to it or waits for it. */
export function withLetGo(seen: TrafficObservation, letGo: readonly string[]): TrafficObservation {
  if (!seen.inSync) return seen
  const zero = Object.fromEntries(letGo.map((id) => [id, 0]))
  return {
    ...seen,
    weightObserved: { ...seen.weightObserved, ...zero },
    inFlight: { ...zero, ...seen.inFlight },
    released: [...new Set([...seen.released, ...letGo.filter((id) => seen.holding?.includes(id) !== true)])],
  }
}
