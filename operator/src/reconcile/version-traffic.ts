import type { DrainingVersion, RolloutState } from '@weaver/rollout'
import type { Broker } from '../broker/broker.js'
import { identityOf } from '../desired/version-identity.js'
import type { Logger } from '../log/logger.js'
import type { TrafficObservation } from '../traffic/driver.js'
import type { PlacedVersion, Version } from './version.js'

const IN_FLIGHT_WAIT_MS = 1_000
/** So long before the end of its drain a version says goodbye: a fifth of the time that it has, and half a minute at most. */
const GOODBYE = { share: 0.2, mostMs: 30_000 } as const

/**
 * Whether clients of a draining version are to be told to leave: the proxies are about to cut what is open. Asked anew in every pass, so that another operator,
 * or a weavelet that was not heard, makes no difference.
 */
function isParting(
  { id, letGo, since }: DrainingVersion,
  { weights, now, drainTimeoutMs }: { readonly weights: RolloutState['weights']; readonly now: number; readonly drainTimeoutMs: number },
): boolean {
  if (letGo === true || weights?.[id] !== undefined) return false
  return now - since >= drainTimeoutMs - Math.min(drainTimeoutMs * GOODBYE.share, GOODBYE.mostMs)
}

/** Adds what proxies and weavelets know to what the cluster shows. Weavelets are asked only of a version that drains. */
export async function withTraffic(
  deps: { readonly broker: Broker; readonly log: Logger },
  versions: readonly PlacedVersion[],
  seen: {
    readonly traffic: TrafficObservation
    readonly state: RolloutState | undefined
    readonly now: number
    /** Absent: nobody is told to leave. */
    readonly drainTimeoutMs: number | undefined
    readonly signal: AbortSignal
  },
): Promise<Version[]> {
  const { traffic, state, now, drainTimeoutMs = Infinity, signal } = seen
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
              isParting: isParting(draining, { weights: state?.weights, now, drainTimeoutMs }),
              signal,
            })
      return {
        ...version,
        traffic: {
          ...(weightObserved === undefined ? {} : { weightObserved }),
          ...(inFlight === undefined ? {} : { inFlight }),
          released: traffic.released.includes(id),
        },
      }
    }),
  )
}

/** Requests inside the proxies and calls inside the weavelets; unknown unless everyone who should know has answered. */
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
