/** A `ClusterView` that lists from the API server at every read: what the caches would show had they caught up. For tests of one pass after another. */
import { LABELS } from '@weaver/crds'
import { KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import type { Pod } from '../describe/pod-view.js'
import { OTHER_CHILDREN, type ClusterView, type EndpointSlice, type Revision, type Workload } from '../reconcile/cluster-view.js'

export function createLiveView(api: KubeApi): ClusterView {
  return {
    async read(namespace, app) {
      const list = async <T extends KubeObject>(kind: ResourceKind) =>
        (await api.list<T>(kind, { namespace, labelSelector: `${LABELS.app}=${app}` })).items
      const [workloads, pods, slices, services, revisions] = await Promise.all([
        list<Workload>(KINDS.deployments),
        list<Pod>(KINDS.pods),
        list<EndpointSlice>(KINDS.endpointSlices),
        list<KubeObject>(KINDS.services),
        list<Revision>(KINDS.controllerRevisions),
      ])
      const others = new Map(await Promise.all(OTHER_CHILDREN.map(async (kind) => [kind.plural, await list(kind)] as const)))
      return {
        workloads,
        pods,
        slices,
        services,
        revisions,
        child: (kind, child) =>
          [
            ...(others.get(kind.plural) ?? []),
            ...(kind === KINDS.services ? services : []),
            ...(kind === KINDS.deployments ? workloads : []),
          ].find((o) => o.metadata.name === child),
      }
    },
  }
}
