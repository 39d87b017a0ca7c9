import type { Broker } from '../broker/broker.js'
import type { RolloutState } from '@weaver/rollout'
import type { Logger } from '../log.js'
import type { TrafficVersion } from './traffic-plan.js'
import { identityOf } from '../desired/version-identity.js'

const IN_FLIGHT_WAIT_MS = 1_000
/** So long before the end of its drain a version says goodbye: a fifth of the time that it has, and half a minute at most. */
const GOODBYE = { share: 0.2, mostMs: 30_000 } as const

/**
 * Whether clients of a draining version are to be told to leave: the proxies are about to cut what is open. Asked anew in every pass, so that another operator,
 * or a weavelet that was not heard, makes no difference.
 */
export function isParting(
  { draining, weights }: RolloutState,
  id: string,
  at: { readonly now: number; readonly drainTimeoutMs: number },
): boolean {
  const found = draining.find((version) => version.id === id)
  if (found === undefined || found.letGo === true || weights?.[id] !== undefined) return false
  return at.now - found.since >= at.drainTimeoutMs - Math.min(at.drainTimeoutMs * GOODBYE.share, GOODBYE.mostMs)
}

/** Requests inside the proxies and calls inside the weavelets; unknown unless everyone who should know has answered. */
export async function countInFlight(
  deps: { readonly broker: Broker; readonly log: Logger },
  { plan, observed }: TrafficVersion,
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
