import type { Broker } from '../broker/broker.js'
import type { Logger } from '../log.js'
import type { TrafficVersion } from './traffic-plan.js'
import { identityOf } from './version-children.js'

const IN_FLIGHT_WAIT_MS = 1_000

/** Requests inside the proxies and calls inside the weavelets; unknown unless everyone who should know has answered. */
export async function countInFlight(
  deps: { readonly broker: Broker; readonly log: Logger },
  { plan, observed }: TrafficVersion,
  from: { readonly inProxies: number | undefined; readonly signal: AbortSignal },
): Promise<number | undefined> {
  const { readyPods, pods } = observed
  const { inProxies, signal } = from
  if (inProxies === undefined) return undefined
  if (pods === 0) return inProxies
  try {
    const answers = await deps.broker.weavelets(identityOf(plan), { expect: readyPods, waitMs: IN_FLIGHT_WAIT_MS, signal })
    const heard = new Set(answers.map((w) => w.replica))
    if (!readyPods.every((pod) => heard.has(pod))) return undefined
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
