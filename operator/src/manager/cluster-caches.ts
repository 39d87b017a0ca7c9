import { LABELS } from '@weaver/crds'
import type { VersionIdentity } from '../broker/broker.js'
import type { Pod } from '../describe/pod-view.js'
import { PROXY_ROLE } from '../desired/proxy.js'
import type { KubeObject, ResourceKind } from '../kube/kube-api.js'
import type { KubeClient } from '../kube/kube-client.js'
import { KINDS } from '../kube/kinds.js'
import { startReflector, type Reflector } from '../kube/reflector.js'
import type { Logger } from '../log.js'
import type { AppKey } from '../reconcile/reconcile-app.js'
import type { ClusterView, EndpointSlice, Revision, Workload } from '../reconcile/cluster-view.js'
import { identityOfRevision } from '../reconcile/version-identity.js'
import type { ProxyPod } from '../traffic/proxy-driver.js'

/** Everything that the operator watches, in all namespaces or in those it was given. */
export interface ClusterCaches extends ClusterView {
  /** Resolves when every first list is there. */
  readonly synced: Promise<void>
  /** Pods of an app's proxy; unready and terminating ones too. */
  readonly proxyPods: (app: AppKey) => readonly ProxyPod[]
  readonly apps: () => readonly AppKey[]
  /** Every version that has a snapshot: the accounts that the broker must know. */
  readonly versions: () => readonly VersionIdentity[]
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

/** Children are told by the app's label; nothing else of a cluster is held in memory. */
export function startClusterCaches(options: ClusterCachesOptions): ClusterCaches {
  const { client, log, onChange } = options
  const namespaces = options.namespaces.length === 0 ? [undefined] : options.namespaces
  const watch = <T extends KubeObject>(
    kind: ResourceKind,
    scope: { readonly labelSelector?: string; readonly keyOf: (object: T) => string | undefined },
  ) =>
    namespaces.map((namespace) =>
      startReflector<T>({
        client,
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        ...(scope.labelSelector === undefined ? {} : { labelSelector: scope.labelSelector }),
        indexLabel: LABELS.app,
        log,
        onChange: (object) => {
          const name = scope.keyOf(object)
          if (name !== undefined) onChange({ namespace: object.metadata.namespace ?? '', name })
        },
        onRestart: (reason) => options.onRestart?.(kind.plural, reason),
      }),
    )
  const children = <T extends KubeObject>(kind: ResourceKind) =>
    watch<T>(kind, { labelSelector: LABELS.app, keyOf: (object) => object.metadata.labels?.[LABELS.app] })

  const apps = watch<KubeObject>(KINDS.weaverApps, { keyOf: (app) => app.metadata.name })
  const workloads = children<Workload>(KINDS.deployments)
  const pods = children<Pod>(KINDS.pods)
  const slices = children<EndpointSlice>(KINDS.endpointSlices)
  const services = children<KubeObject>(KINDS.services)
  const revisions = children<Revision>(KINDS.controllerRevisions)
  const every: readonly Reflector<KubeObject>[] = [...apps, ...workloads, ...pods, ...slices, ...services, ...revisions]
  return {
    synced: Promise.all(every.map((r) => r.synced)).then(() => undefined),
    apps: () => apps.flatMap((r) => r.store.all().map(({ metadata }) => ({ namespace: metadata.namespace ?? '', name: metadata.name }))),
    versions: () => revisions.flatMap((r) => r.store.all().flatMap((revision) => identityOfRevision(revision) ?? [])),
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
      return { workloads: of(workloads), pods: of(pods), slices: of(slices), services: of(services), revisions: of(revisions) }
    },
    async close() {
      await Promise.all(every.map((r) => r.close()))
    },
  }
}
