import {
  deploymentId,
  isSameVersion,
  listenerServiceName,
  podRequests,
  resolveGroups,
  workloadName,
  workloadSecretName,
  type GroupSpec,
  type ListenerSpec,
  type ResolvedGroup,
  type WeaverAppSpec,
} from '@weaver/crds'
import type { AppIdentity } from './manifest.js'
import type { VersionSnapshot } from './version-snapshot.js'

/** Default of a pod. */
const TERMINATION_GRACE_SECONDS = 60
export const HEALTH_PORT = 8079
const FIRST_LISTENER_PORT = 8080

export interface PlannedListener {
  readonly name: string
  /** Port that the weavelet binds. */
  readonly containerPort: number
  /** Port of the stable Service. */
  readonly servicePort: number
  readonly serviceName: string
  /** Name of the stable Service's port, and of the container ports behind it. */
  readonly stable: StableListener
}
/** How users reach a listener, whatever the version: settings of the current spec. */
export interface StableListener {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer'
  /** Marked as meant for users outside of the cluster. */
  readonly isPublic: boolean
  readonly annotations: Readonly<Record<string, string>>
  /** Host names that it serves; empty: all. */
  readonly hosts: readonly string[]
}
export type Variables = NonNullable<WeaverAppSpec['env']>
export type PodOverlay = NonNullable<WeaverAppSpec['podTemplate']>

export interface PlannedGroup {
  readonly name: string
  /** Components hosted, sorted. */
  readonly components: readonly string[]
  /** Components that those hold a ref to, sorted; hosted ones too. */
  readonly calls: readonly string[]
  /** Those among them that a start waits for. */
  readonly needs: readonly string[]
  readonly listeners: readonly PlannedListener[]
  readonly workloadName: string
  readonly secretName: string
  readonly replicas: { readonly min: number; readonly max: number; readonly cpu: number }
  readonly resources: NonNullable<WeaverAppSpec['resources']>
  readonly env: Variables
  readonly envFrom: NonNullable<WeaverAppSpec['envFrom']>
  readonly volumes: NonNullable<WeaverAppSpec['volumes']>
  readonly volumeMounts: NonNullable<WeaverAppSpec['volumeMounts']>
  /** Laid over the pods, in this order. */
  readonly overlays: readonly PodOverlay[]
  /** From the signal to stop to the end by force. */
  readonly graceSeconds: number
}
/** One version, worked out: which group runs what, under which names. */
export interface VersionPlan {
  readonly app: AppIdentity
  readonly versionId: string
  readonly deploymentId: string
  readonly snapshot: VersionSnapshot
  readonly groups: readonly PlannedGroup[]
  readonly listeners: readonly PlannedListener[]
  /** From the current spec: its traffic driver must reach every live version. */
  readonly trafficDriver: WeaverAppSpec['traffic']['driver']
  /** What the user said at the last restart of its pods; absent: there was none. */
  readonly restartedAt?: string
}

/**
 * Plans a version. Whatever changes a pod comes from the snapshot, including the names of groups;
 * replicas come from the current spec, for groups that it still has, so that scaling applies at
 * once to every live version.
 */
export function planVersion(app: AppIdentity, snapshot: VersionSnapshot, present: WeaverAppSpec, restartedAt?: string): VersionPlan {
  const { spec, graph, versionId } = snapshot
  const exported = graph.components.flatMap((c) => c.listeners).sort()
  const listeners = exported.map((name, index): PlannedListener => {
    const declared = present.listeners.find((l) => l.name === name) ?? spec.listeners.find((l) => l.name === name)
    return {
      name,
      containerPort: FIRST_LISTENER_PORT + index,
      servicePort: declared?.port ?? 80,
      serviceName: listenerServiceName(app.name, name, versionId),
      stable: stableListener(declared),
    }
  })
  const scaling = scalingOf(snapshot, present)
  const groups = resolveGroups(spec, graph).map((group): PlannedGroup => {
    const { name, hosts, calls, needs, listeners: exported, declared } = group
    const replicas = scaling(group)?.replicas
    const min = replicas?.min ?? 1
    const overlays = [spec.podTemplate, declared?.podTemplate].filter((o) => o !== undefined)
    const resources = declared?.resources ?? spec.resources ?? {}
    return {
      name,
      components: hosts,
      calls,
      needs,
      listeners: listeners.filter((l) => exported.includes(l.name)),
      workloadName: workloadName(app.name, name, versionId),
      secretName: workloadSecretName(app.name, name, versionId),
      replicas: { min, max: Math.max(min, replicas?.max ?? min), cpu: replicas?.cpu ?? 80 },
      resources: { ...resources, requests: podRequests(resources) },
      env: mergeBy('name', spec.env ?? [], declared?.env ?? []),
      envFrom: [...(spec.envFrom ?? []), ...(declared?.envFrom ?? [])],
      volumes: mergeBy('name', spec.volumes ?? [], declared?.volumes ?? []),
      volumeMounts: mergeBy('mountPath', spec.volumeMounts ?? [], declared?.volumeMounts ?? []),
      overlays,
      graceSeconds: overlays.reduce(
        (grace, { spec: pod }) => Number(pod?.['terminationGracePeriodSeconds'] ?? grace),
        TERMINATION_GRACE_SECONDS,
      ),
    }
  })
  return {
    app,
    versionId,
    deploymentId: deploymentId(app, versionId),
    snapshot,
    groups,
    listeners,
    trafficDriver: present.traffic.driver,
    ...(restartedAt === undefined ? {} : { restartedAt }),
  }
}

/**
 * Which group of the current spec scales a group of a version: the one with the same components, as
 * names may have changed since. A version with another grouping is matched by name, and uses its
 * own numbers where the current spec has none.
 */
function scalingOf(
  { spec, graph }: VersionSnapshot,
  present: WeaverAppSpec,
): (group: Pick<ResolvedGroup, 'name' | 'hosts' | 'declared'>) => GroupSpec | undefined {
  const isAsked = isSameVersion(spec, present)
  const keyOf = (hosts: readonly string[]) => hosts.join(' ')
  const byComponents = new Map(resolveGroups(present, graph).map((g) => [keyOf(g.hosts), g.declared]))
  return ({ name, hosts, declared }) =>
    byComponents.get(keyOf(hosts)) ?? (isAsked ? undefined : (present.groups.find((g) => g.name === name) ?? declared))
}

/** A group's entry replaces that of the app in its place; variables may refer to earlier ones. */
function mergeBy<K extends string, T extends { readonly [key in K]: string }>(key: K, base: readonly T[], over: readonly T[]): T[] {
  return [...new Map([...base, ...over].map((entry) => [entry[key], entry])).values()]
}

function stableListener(declared: ListenerSpec | undefined): StableListener {
  const { service, hosts = [], public: isPublic = false } = declared ?? {}
  return { type: service?.type ?? 'ClusterIP', isPublic, annotations: service?.annotations ?? {}, hosts }
}
