import { createHash } from 'node:crypto'
import { backendName, planValue, SLOTS, type ProxyState } from './slots.js'
import type { TrafficBackend, TrafficPlan } from '../driver.js'

export interface ServerTarget {
  readonly address: string
  readonly healthPort: number
}
/** The target state of one slot of a running proxy. */
export interface SlotTarget {
  readonly backend: string
  /** `undefined`: the slot is free, or being freed. */
  readonly deploymentId?: string
  /** As users know it; absent where `deploymentId` is. */
  readonly versionId?: string
  readonly service?: { readonly host: string; readonly port: number }
  /** Servers that must take requests, by name. */
  readonly servers: ReadonlyMap<string, ServerTarget>
  /**
   * Servers that are left unchanged if they exist: their own check decides. `all`: nothing is known
   * of the pods.
   */
  readonly spared: ReadonlySet<string> | 'all'
  /** Ends remaining sessions: the version's time is over. */
  readonly cut: boolean
}
export interface ListenerTarget {
  readonly name: string
  /**
   * The entry of `plan.map`; `undefined`: leave the present one, because nothing is known of what
   * it should be.
   */
  readonly plan?: string
  /** Backend by version id. */
  readonly preview: ReadonlyMap<string, string>
  readonly slots: readonly SlotTarget[]
}

/** The target state of every proxy, from the stored state and the pods of the plan. Pure. */
export function proxyTargets(
  state: ProxyState,
  plan: TrafficPlan,
  options: { readonly cut: (versionId: string) => boolean },
): ListenerTarget[] {
  return Object.entries(state.listeners).map(([name, own]): ListenerTarget => {
    const planned = plan.listeners.find((l) => l.listener.name === name)
    const bound = Object.entries(own.slots).filter(([, b]) => b.leaving !== true)
    const podsOf = (versionId: string) => planned?.backends.find((b) => b.versionId === versionId)?.pods
    // A version that no pod serves is not live: who asks for it, or began on it, reaches another one.
    const isLive = (versionId: string) => podsOf(versionId)?.some((p) => p.ready && !p.terminating) ?? true
    // A burned version had all traffic, and no other can be raised yet: nobody gets any.
    const isBurned = Object.values(own.slots).some(({ versionId }) => plan.burned?.includes(versionId) === true)
    const isUnknown = !isBurned && Object.keys(own.weights).length === 0 && Object.keys(planned?.weights ?? {}).length > 0
    return {
      name,
      ...(isUnknown ? {} : { plan: planValue(name, own) }),
      preview: new Map(bound.filter(([, b]) => isLive(b.versionId)).map(([slot, b]) => [b.versionId, backendName(name, slot)])),
      slots: SLOTS.map((slot): SlotTarget => {
        const backend = backendName(name, slot)
        const binding = own.slots[slot]
        if (binding === undefined || binding.leaving === true)
          return { backend, servers: new Map(), spared: new Set(), cut: binding !== undefined && options.cut(binding.versionId) }
        const pods = podsOf(binding.versionId)
        return {
          backend,
          deploymentId: binding.deploymentId,
          versionId: binding.versionId,
          ...(binding.service === undefined ? {} : { service: binding.service }),
          servers: new Map(
            (pods ?? [])
              .filter((p) => p.ready && !p.terminating)
              .map((p) => [serverName(p), { address: `${p.ip}:${p.port}`, healthPort: p.healthPort }]),
          ),
          spared: pods === undefined ? 'all' : new Set(pods.filter((p) => !p.ready && !p.terminating).map(serverName)),
          cut: false,
        }
      }),
    }
  })
}

/**
 * A name belongs to one pod at one address: a pod whose sandbox was recreated is another server.
 */
function serverName(pod: TrafficBackend['pods'][number]): string {
  const hash = createHash('sha256').update(`${pod.uid} ${pod.ip} ${pod.port} ${pod.healthPort}`).digest('hex').slice(0, 8)
  return `${pod.name}_${hash}`
}
