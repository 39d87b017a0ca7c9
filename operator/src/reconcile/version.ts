/**
 * One live version as a pass has it: the plan it is made from, what the cluster shows of it, and
 * what carries its traffic shows. Engine and status get projections.
 */
import type { ObservedVersion } from '@weaver/rollout'
import type { VersionPlan } from '../desired/version-plan.js'
import type { VersionFacts } from '../status/app-status.js'
import type { VersionObservation } from './observe-version.js'

export interface Version {
  readonly plan: VersionPlan
  readonly observed: VersionObservation
  readonly traffic: VersionTraffic
}
/** A version before its traffic was observed. */
export type PlacedVersion = Omit<Version, 'traffic'>

export interface VersionTraffic {
  /** Percent in force; absent: unknown. */
  readonly weightObserved?: number
  /** Requests and calls in flight; absent: unknown, which is not zero. */
  readonly inFlight?: number
  /**
   * `inFlight` counts the calls inside the weavelets too, not just the requests inside the proxies.
   */
  readonly countsCalls: boolean
  /** No proxy names the version any more. */
  readonly released: boolean
}

/**
 * The engine lets a version go when nothing of it is in flight, so it gets a complete count or
 * none: a version that starts to drain in this very pass has been counted in the proxies alone, and
 * may still run calls.
 * @param blame outranks what the cluster shows, such as a name that another object has.
 */
export function forEngine({ plan, observed, traffic }: Version, blame = observed.blame): ObservedVersion {
  const { ready, servable } = observed
  const { countsCalls, inFlight, ...rest } = traffic
  return {
    id: plan.versionId,
    ready,
    servable,
    ...(blame === undefined ? {} : { blame }),
    ...rest,
    ...(countsCalls && inFlight !== undefined ? { inFlight } : {}),
  }
}

export function forStatus({ plan, observed, traffic }: Version, weights: Readonly<Record<string, number>>): VersionFacts {
  const { spec, digest } = plan.snapshot
  const { released: _released, countsCalls: _countsCalls, ...counts } = traffic
  return {
    id: plan.versionId,
    image: spec.image,
    ...(digest === undefined ? {} : { digest }),
    groupsReady: observed.groupsReady,
    groupsWanted: observed.groupsWanted,
    ready: observed.ready,
    weightDesired: weights[plan.versionId] ?? 0,
    ...counts,
  }
}
