import { canonicalJson, LABELS } from '@weaver/crds'
import { KINDS, type KubeClient, type KubeObject, type Reflector, type ResourceKind, startReflector } from '@weaver/kube'
import type { BrokerVersion } from '../broker/broker.js'
import type { Pod } from '../describe/pod-view.js'
import { PROXY_ROLE } from '../traffic/proxy/proxy-manifests.js'
import type { Logger } from '../log/logger.js'
import type { AppKey } from '../reconcile/reconcile-app.js'
import { OTHER_CHILDREN, type ClusterView, type EndpointSlice, type Revision, type Workload } from '../reconcile/cluster-view.js'
import { isRetired } from '../reconcile/known-versions.js'
import { brokerVersionOfRevision } from '../reconcile/version-identity.js'
import type { ProxyPod } from '../traffic/proxy/proxy-driver.js'

/** Everything that the operator watches, in all namespaces or in those it was given. */
export interface ClusterCaches extends ClusterView {
  /** Resolves when every first list is there. */
  readonly synced: Promise<void>
  /** Pods of an app's proxy; unready and terminating ones too. */
  readonly proxyPods: (app: AppKey) => readonly ProxyPod[]
  /** A child by its name; of Secrets and ConfigMaps the metadata alone. */
  readonly child: (namespace: string, kind: ResourceKind, name: string) => KubeObject | undefined
  readonly apps: () => readonly AppKey[]
  /** Every version that has a snapshot: the accounts that the broker must know. */
  readonly versions: () => readonly BrokerVersion[]
  close(): Promise<void>
}

export interface ClusterCachesOptions {
  readonly client: KubeClient
  /** Empty: all. */
  readonly namespaces: readonly string[]
  readonly log: Logger
  /** Something of this app changed. */
  readonly onChange: (key: AppKey) => void
  readonly onRestart?: (kind: string, reason: string) => void
}

/** Kinds whose metadata alone may be in memory. */
const HAS_DATA: ReadonlySet<ResourceKind> = new Set([KINDS.secrets, KINDS.configMaps])

/** Kinds whose status changes all the time and does not matter here. */
const HAS_NOISE: ReadonlySet<ResourceKind> = new Set([KINDS.horizontalPodAutoscalers, KINDS.podDisruptionBudgets])

/** Children are recognised by the app's label; nothing else of a cluster is kept in memory. */
export function startClusterCaches(options: ClusterCachesOptions): ClusterCaches {
  const { client, log, onChange } = options
  const namespaces = options.namespaces.length === 0 ? [undefined] : options.namespaces
  /** The last seen state of objects whose status is noise. */
  const asked = new Map<string, string>()
  const isNews = (object: KubeObject, isDeleted: boolean): boolean => {
    const { namespace, name, uid, labels, annotations, ownerReferences, deletionTimestamp } = object.metadata
    const key = `${object.kind}/${namespace}/${name}`
    const text = canonicalJson([uid, labels, annotations, ownerReferences, deletionTimestamp, object['spec']])
    const isSame = asked.get(key) === text
    if (isDeleted) asked.delete(key)
    else asked.set(key, text)
    return isDeleted || !isSame
  }
  const watch = <T extends KubeObject>(
    kind: ResourceKind,
    scope: {
      readonly labelSelector?: string
      readonly metadataOnly?: boolean
      readonly hasNoise?: boolean
      readonly keyOf: (object: T) => string | undefined
    },
  ) =>
    namespaces.map((namespace) =>
      startReflector<T>({
        client,
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        ...(scope.labelSelector === undefined ? {} : { labelSelector: scope.labelSelector }),
        ...(scope.metadataOnly === true ? { metadataOnly: true } : {}),
        indexLabel: LABELS.app,
        log,
        onChange: (object, isDeleted) => {
          const name = scope.keyOf(object)
          if (scope.hasNoise === true && !isNews(object, isDeleted)) return
          if (name !== undefined) onChange({ namespace: object.metadata.namespace ?? '', name })
        },
        onRestart: (reason) => options.onRestart?.(kind.plural, reason),
      }),
    )
  const children = <T extends KubeObject>(
    kind: ResourceKind,
    scope: { readonly metadataOnly?: boolean; readonly hasNoise?: boolean } = {},
  ) => watch<T>(kind, { ...scope, labelSelector: LABELS.app, keyOf: (object) => object.metadata.labels?.[LABELS.app] })

  const apps = watch<KubeObject>(KINDS.weaverApps, { keyOf: (app) => app.metadata.name })
  const workloads = children<Workload>(KINDS.deployments)
  const pods = children<Pod>(KINDS.pods)
  const slices = children<EndpointSlice>(KINDS.endpointSlices)
  const services = children<KubeObject>(KINDS.services)
  const revisions = children<Revision>(KINDS.controllerRevisions)
  const others = OTHER_CHILDREN.map((kind) => ({
    kind,
    reflectors: children<KubeObject>(kind, { metadataOnly: HAS_DATA.has(kind), hasNoise: HAS_NOISE.has(kind) }),
  }))
  const every: readonly Reflector<KubeObject>[] = [
    ...apps,
    ...workloads,
    ...pods,
    ...slices,
    ...services,
    ...revisions,
    ...others.flatMap(({ reflectors }) => reflectors),
  ]
  const named = new Map<ResourceKind, readonly Reflector<KubeObject>[]>([
    [KINDS.deployments, workloads],
    [KINDS.services, services],
    ...others.map(({ kind, reflectors }) => [kind, reflectors] as const),
  ])
  const child = (namespace: string, kind: ResourceKind, name: string): KubeObject | undefined => {
    for (const { store } of named.get(kind) ?? []) {
      const found = store.get(namespace, name)
      if (found !== undefined) return found
    }
    return undefined
  }
  return {
    synced: Promise.all(every.map((r) => r.synced)).then(() => undefined),
    apps: () => apps.flatMap((r) => r.store.all().map(({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name }))),
    versions: () =>
      revisions.flatMap((r) => r.store.all().flatMap((revision) => (isRetired(revision) ? [] : (brokerVersionOfRevision(revision) ?? [])))),
    proxyPods: ({ namespace, name }) =>
      pods
        .flatMap((r) => r.store.byLabel(namespace, name))
        .filter((p) => p.metadata.labels?.[LABELS.role] === PROXY_ROLE)
        .map((p) => ({
          name: p.metadata.name,
          uid: p.metadata.uid ?? '',
          ip: p.status?.podIP ?? '',
          ready: p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true,
          terminating: p.metadata.deletionTimestamp !== undefined,
        })),
    read(namespace, app) {
      const of = <T extends KubeObject>(reflectors: readonly Reflector<T>[]) => reflectors.flatMap((r) => r.store.byLabel(namespace, app))
      // All from one moment: the status and what is recreated must not disagree.
      const taken = new Map([...named].map(([kind, reflectors]) => [kind, of(reflectors)]))
      return {
        workloads: of(workloads),
        pods: of(pods),
        slices: of(slices),
        services: of(services),
        revisions: of(revisions),
        child: (kind, name) => taken.get(kind)?.find((o) => o.metadata.name === name),
      }
    },
    child,
    async close() {
      await Promise.all(every.map((r) => r.close()))
    },
  }
}
