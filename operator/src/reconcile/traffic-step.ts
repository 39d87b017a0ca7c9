import type { TrafficDriver, TrafficObservation, TrafficPlan } from '../traffic/traffic-driver.js'
import { isNameTaken } from '../kube/name-taken.js'
import { assumedTraffic } from './traffic-plan.js'

export interface TrafficStep {
  readonly observation: TrafficObservation
  /** What went wrong; the rollout then sees everything as unknown, and abort stays possible. */
  readonly failure?: string
  /** A name that the proxy needs is another's; what there is goes on, but no step is taken. */
  readonly taken?: string
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
    const taken = options.isFrozen ? undefined : await driver.ensure(plan, options.signal).then(() => undefined, nameTaken)
    const observation = await driver.sync(plan, options.signal)
    return taken === undefined
      ? { observation }
      : { taken, observation: { ...observation, inSync: false, waitingFor: taken, unreachable: taken, weightObserved: {} } }
  } catch (error) {
    if (options.signal.aborted) throw error
    if (isNameTaken(error))
      return { taken: error.message, observation: { ...UNKNOWN, waitingFor: error.message, unreachable: error.message } }
    const failure = `traffic: ${error instanceof Error ? error.message : String(error)}`
    return { failure, observation: { ...UNKNOWN, waitingFor: failure } }
  }
}

const UNKNOWN = { inSync: false, weightObserved: {}, inFlight: {}, requests: {}, released: [] } as const

function nameTaken(error: unknown): string {
  if (isNameTaken(error)) return error.message
  throw error
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
