import type { TrafficObservation, TrafficPlan } from '../driver.js'

/**
 * The observation when no driver of ours splits the traffic, or there is nothing to split (no
 * listener): the requested weights, at once. The rollout keeps its pace; the weights are unproven.
 */
export function assumedTraffic({ versions, weights = {}, listeners }: TrafficPlan): TrafficObservation {
  return {
    inSync: true,
    assumedBecause: listeners.length === 0 ? 'there is no listener whose traffic could be split' : 'spec.traffic.driver is "none"',
    weightObserved: Object.fromEntries(versions.map((id) => [id, weights[id] ?? 0])),
    inFlight: Object.fromEntries(versions.map((id) => [id, 0])),
    requests: {},
    released: versions.filter((id) => (weights[id] ?? 0) === 0),
  }
}
