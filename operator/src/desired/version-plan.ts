import {
  deploymentId,
  isSameVersion,
  listenerServiceName,
  parseQuantity,
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

/** Of a pod of which nobody says otherwise. */
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
  /** Of the stable Service, and of who answers behind it. */
  readonly stable: StableListener
}
/** How users reach a listener, whatever the version: settings of the moment. */
export interface StableListener {
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer'
  /** Marked as meant for users outside of the cluster. */
  readonly isPublic: boolean
  readonly annotations: Readonly<Record<string, string>>
  /** Host names that it answers for; empty: all. */
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
  /** Those of them that a start waits for. */
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
  /** Of the spec of the moment: whoever splits the traffic now must reach every live version. */
  readonly trafficDriver: WeaverAppSpec['traffic']['driver']
}

/** Small enough for twelve components on a laptop, large enough that the scheduler does not pile them up. */
const DEFAULT_REQUESTS = { cpu: '50m', memory: '96Mi' }

/**
 * Plans a version. What changes a pod comes from the snapshot, names of groups too; replicas come from the spec of the moment, for groups that it still has,
 * so that scaling acts at once on every live version.
 */
export function planVersion(app: AppIdentity, snapshot: VersionSnapshot, present: WeaverAppSpec): VersionPlan {
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
      resources: { ...resources, requests: { ...defaultRequests(resources.limits), ...resources.requests } },
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
  return { app, versionId, deploymentId: deploymentId(app, versionId), snapshot, groups, listeners, trafficDriver: present.traffic.driver }
}

/**
 * Which group of the present spec scales a group of a version: the one of the same components, for a name may have been given, changed or taken away since. A
 * version of another grouping goes by names, and by its own numbers where the present spec says nothing.
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

/** A limit below the default is a request as well, by Kubernetes' own rule; a request above it would be refused. */
function defaultRequests(limits: NonNullable<WeaverAppSpec['resources']>['limits'] = {}): Record<string, string> {
  return Object.fromEntries(
    Object.entries(DEFAULT_REQUESTS).filter(
      ([name, request]) => (parseQuantity(limits[name] ?? request) ?? 0) >= (parseQuantity(request) ?? 0),
    ),
  )
}
