import { parseDuration, type WeaverAppSpec } from '@weaver/crds'
import { versionsLetGo, type RolloutState } from '@weaver/rollout'
import type { TrafficAffinity, TrafficPlan } from '../traffic/driver.js'
import type { PlacedVersion } from './version.js'

/**
 * The traffic plan of one app: every version that the engine has not let go is a backend of every
 * listener it exports, whatever its weight. A listener that only some versions export gets the
 * weights of those, scaled to 100 by giving the remainder to the exporter with the largest share.
 * Where no version is left, the listeners stay, without backends: the proxies have to drop them.
 */
export function buildTrafficPlan(
  app: { readonly namespace: string; readonly name: string; readonly uid: string; readonly replicas: number },
  all: readonly PlacedVersion[],
  {
    state,
    affinity,
  }: {
    readonly state: Pick<RolloutState, 'weights' | 'draining' | 'removing' | 'burned'> | undefined
    readonly affinity?: TrafficAffinity | undefined
  },
): TrafficPlan {
  const { weights = {}, burned } = state ?? {}
  const letGo = new Set([...versionsLetGo(state), ...(burned ?? [])])
  const versions = all.filter((v) => !letGo.has(v.plan.versionId))
  const named = versions.length === 0 ? all : versions
  const names = [...new Set(named.flatMap((v) => v.plan.listeners.map((l) => l.name)))].sort()
  return {
    app,
    versions: versions.map((v) => v.plan.versionId),
    weights,
    ...(affinity === undefined ? {} : { affinity }),
    ...(burned === undefined ? {} : { burned }),
    listeners: names.map((name) => {
      const exporters = versions.flatMap((v) => {
        const listener = v.plan.listeners.find((l) => l.name === name)
        return listener === undefined ? [] : [{ ...v, listener }]
      })
      // All live versions share the listener settings of the current spec, so any of them will do.
      const { servicePort: port = 80, stable } = named.flatMap((v) => v.plan.listeners.find((l) => l.name === name) ?? [])[0] ?? {}
      return {
        listener: { name, port, ...stable },
        backends: exporters.map(({ plan, observed, listener }) => ({
          versionId: plan.versionId,
          deploymentId: plan.deploymentId,
          serviceHost: `${listener.serviceName}.${app.namespace}.svc`,
          servicePort: listener.servicePort,
          pods: observed.endpoints[name] ?? [],
        })),
        weights: shareAmong(
          exporters.map((e) => e.plan.versionId),
          weights,
        ),
      }
    }),
  }
}

export function trafficAffinity(spec: WeaverAppSpec['traffic']['affinity']): TrafficAffinity | undefined {
  if (spec === undefined) return undefined
  const { mode, key, carriers, maxAge } = spec
  return {
    mode,
    ...(key === undefined ? {} : { key: key.header === undefined ? { cookie: key.cookie ?? '' } : { header: key.header } }),
    carriers,
    maxAgeSeconds: Math.round((parseDuration(maxAge) ?? 0) / 1_000),
  }
}

/**
 * Restricts weights to some versions so that they sum to 100 again; empty when none of them has
 * any.
 */
export function shareAmong(ids: readonly string[], weights: Readonly<Record<string, number>>): Record<string, number> {
  const own = Object.fromEntries(ids.map((id) => [id, weights[id] ?? 0]))
  const total = Object.values(own).reduce((a, b) => a + b, 0)
  if (total === 0) return {}
  const heaviest = [...ids].sort((a, b) => (own[b] ?? 0) - (own[a] ?? 0))[0]
  if (heaviest !== undefined) own[heaviest] = (own[heaviest] ?? 0) + 100 - total
  return own
}
