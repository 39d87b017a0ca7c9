/**
 * Addresses of the versions' Services: HAProxy needs addresses, because it does not resolve names
 * at run time.
 */
import { isIP } from 'node:net'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import type { SlotBinding } from './slots.js'
import type { TrafficPlan } from '../driver.js'

/** A recreated Service has another address. */
const SERVICE_RECHECK_MS = 60_000

/** Addresses that were read, by the name of the Service, and when. */
export type KnownServices = Map<string, { readonly host: string; readonly at: number }>
type ServiceAddress = NonNullable<SlotBinding['service']>

/**
 * By listener and version, as `listener version`; a Service that does not exist yet is left out.
 */
export async function serviceAddresses(
  kube: KubeApi,
  plan: TrafficPlan,
  { known, now, signal }: { readonly known: KnownServices; readonly now: number; readonly signal: AbortSignal | undefined },
): Promise<ReadonlyMap<string, ServiceAddress>> {
  const clusterIp = async (name: string): Promise<string | undefined> => {
    const read = known.get(name)
    if (read !== undefined && now - read.at < SERVICE_RECHECK_MS) return read.host
    const service = await kube.get<KubeObject & { readonly spec?: { readonly clusterIP?: string } }>(
      KINDS.services,
      plan.app.namespace,
      name,
      signal === undefined ? {} : { signal },
    )
    const host = service?.spec?.clusterIP ?? ''
    if (isIP(host) === 0) return undefined
    known.set(name, { host, at: now })
    return host
  }
  const found = plan.listeners.flatMap(({ listener, backends }) =>
    backends.map(async ({ versionId, serviceHost, servicePort }) => {
      const host = isIP(serviceHost) === 0 ? await clusterIp(serviceHost.split('.')[0] ?? serviceHost) : serviceHost
      return host === undefined ? [] : [[`${listener.name} ${versionId}`, { host, port: servicePort }] as const]
    }),
  )
  return new Map((await Promise.all(found)).flat())
}
