import { reasonOf } from '@weaver/sdk/contract'
import { isNameTaken } from '../kube/name-taken.js'
import type { TrafficObservation, TrafficPlan } from '../traffic/driver.js'
import type { TrafficDriverName, TrafficDrivers } from '../traffic/drivers.js'
import { assumedTraffic } from '../traffic/none/assumed-traffic.js'

export interface TrafficStep {
  readonly observation: TrafficObservation
  /** Why it failed; the rollout then treats everything as unknown, and abort stays possible. */
  readonly failure?: Error
}

/**
 * Brings the traffic of an app to a plan and reads back, by the driver of that name; what other
 * drivers created for the app is deleted. A driver that fails does not end the pass: the status
 * must still report it.
 */
export async function syncTraffic(
  drivers: TrafficDrivers,
  plan: TrafficPlan,
  options: { readonly driver: TrafficDriverName; readonly isFrozen: boolean; readonly signal: AbortSignal },
): Promise<TrafficStep> {
  const { isFrozen, signal } = options
  const driver = drivers[options.driver]
  try {
    if (!isFrozen) for (const other of Object.values(drivers)) if (other !== driver) await other.remove(plan.app, signal)
    return { observation: plan.listeners.length === 0 ? assumedTraffic(plan) : await driver.sync(plan, { isFrozen, signal }) }
  } catch (error) {
    if (signal.aborted) throw error
    if (isNameTaken(error)) {
      const { message: taken } = error
      return { observation: { ...UNKNOWN, taken, waitingFor: taken, unreachable: taken } }
    }
    const failure = new Error(`traffic: ${reasonOf(error)}`, { cause: error })
    return { failure, observation: { ...UNKNOWN, waitingFor: failure.message } }
  }
}

const UNKNOWN = { inSync: false, weightObserved: {}, inFlight: {}, requests: {}, released: [] } as const

/**
 * No proxy reports on a version that left the plan: once every proxy holds exactly the plan, none
 * names it, sends to it or waits for it.
 */
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
