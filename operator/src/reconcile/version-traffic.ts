import type { DrainingVersion, RolloutState } from '@weaver/rollout'
import type { Broker } from '../broker/broker.js'
import { identityOf } from '../desired/version-identity.js'
import type { Logger } from '../log/logger.js'
import type { TrafficObservation } from '../traffic/driver.js'
import type { PlacedVersion, Version } from './version.js'

const IN_FLIGHT_WAIT_MS = 1_000
/**
 * How long before the end of its drain a version says goodbye: a fifth of its drain timeout, at
 * most half a minute.
 */
const GOODBYE = { share: 0.2, mostMs: 30_000 } as const

/**
 * Whether weavelets of a draining version should say goodbye to their clients: the proxies are
 * about to cut what is open. Decided anew in every pass, so that a new operator, or a weavelet that
 * missed the request, makes no difference.
 */
function isParting(
  { id, letGo, retained, since }: DrainingVersion,
  at: {
    readonly weights: RolloutState['weights']
    readonly now: number
    readonly clockSetAt: number
    readonly drainTimeoutMs: number
    readonly retainMs: number
  },
): boolean {
  const { weights, now, clockSetAt, drainTimeoutMs, retainMs } = at
  if (letGo === true || weights?.[id] !== undefined) return false
  const limitMs = retained === true ? Math.max(retainMs, drainTimeoutMs) : drainTimeoutMs
  return now - Math.max(since, clockSetAt) >= limitMs - Math.min(drainTimeoutMs * GOODBYE.share, GOODBYE.mostMs)
}

/**
 * Adds what proxies and weavelets report to what the cluster shows. Only weavelets of a draining
 * version are asked.
 */
export async function withTraffic(
  deps: { readonly broker: Broker; readonly log: Logger },
  versions: readonly PlacedVersion[],
  seen: {
    readonly traffic: TrafficObservation
    readonly state: RolloutState | undefined
    readonly now: number
    /** When the clock behind `now` was last set, epoch milliseconds; 0: never. */
    readonly clockSetAt: number
    /** Absent: no version says goodbye. */
    readonly drainTimeoutMs: number | undefined
    /** How long a version stays that is retained. */
    readonly retainMs: number
    readonly signal: AbortSignal
  },
): Promise<Version[]> {
  const { traffic, state, now, clockSetAt, drainTimeoutMs = Infinity, retainMs, signal } = seen
  return Promise.all(
    versions.map(async (version): Promise<Version> => {
      const id = version.plan.versionId
      const weightObserved = traffic.weightObserved[id]
      const inProxies = traffic.inFlight[id]
      const draining = state?.draining.find((d) => d.id === id)
      const inFlight =
        draining === undefined
          ? inProxies
          : await countInFlight(deps, version, {
              inProxies,
              isParting: isParting(draining, { weights: state?.weights, now, clockSetAt, drainTimeoutMs, retainMs }),
              signal,
            })
      return {
        ...version,
        traffic: {
          ...(weightObserved === undefined ? {} : { weightObserved }),
          ...(inFlight === undefined ? {} : { inFlight }),
          countsCalls: draining !== undefined || version.observed.pods === 0,
          released: traffic.released.includes(id),
        },
      }
    }),
  )
}

/**
 * Requests inside the proxies and calls inside the weavelets; unknown unless every proxy and every
 * ready pod has answered.
 */
async function countInFlight(
  deps: { readonly broker: Broker; readonly log: Logger },
  { plan, observed }: PlacedVersion,
  from: { readonly inProxies: number | undefined; readonly isParting: boolean; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const { readyPods, pods } = observed
  const { inProxies, isParting: goodbye, signal } = from
  if (inProxies === undefined && !goodbye) return undefined
  if (pods === 0) return inProxies
  try {
    const answers = await deps.broker.weavelets(identityOf(plan), { expect: readyPods, waitMs: IN_FLIGHT_WAIT_MS, goodbye, signal })
    const heard = new Set(answers.map((w) => w.replica))
    if (inProxies === undefined || !readyPods.every((pod) => heard.has(pod))) return undefined
    return inProxies + answers.reduce((sum, w) => sum + w.inFlight, 0)
  } catch (error) {
    if (signal.aborted) throw error
    deps.log.warn('weavelets could not be asked for calls in flight; they count as unknown', {
      app: plan.app.name,
      version: plan.versionId,
      err: error,
    })
    return undefined
  }
}
