import { API_GROUP, API_VERSION, WEAVER_APP_KIND, WEAVER_APP_PLURAL } from '@weaver/crds'
import type { ResourceKind } from './kube-api.js'

const kind = (group: string, version: string, name: string, plural: string): ResourceKind => ({ group, version, kind: name, plural })

/** Every kind of object that the operator (or its tests) touches. The chart's `files/rbac.yaml` has the verbs it needs. */
export const KINDS = {
  weaverApps: kind(API_GROUP, API_VERSION, WEAVER_APP_KIND, WEAVER_APP_PLURAL),
  configMaps: kind('', 'v1', 'ConfigMap', 'configmaps'),
  controllerRevisions: kind('apps', 'v1', 'ControllerRevision', 'controllerrevisions'),
  customResourceDefinitions: kind('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition', 'customresourcedefinitions'),
  deployments: kind('apps', 'v1', 'Deployment', 'deployments'),
  endpointSlices: kind('discovery.k8s.io', 'v1', 'EndpointSlice', 'endpointslices'),
  events: kind('events.k8s.io', 'v1', 'Event', 'events'),
  horizontalPodAutoscalers: kind('autoscaling', 'v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers'),
  leases: kind('coordination.k8s.io', 'v1', 'Lease', 'leases'),
  namespaces: kind('', 'v1', 'Namespace', 'namespaces'),
  networkPolicies: kind('networking.k8s.io', 'v1', 'NetworkPolicy', 'networkpolicies'),
  podDisruptionBudgets: kind('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  pods: kind('', 'v1', 'Pod', 'pods'),
  secrets: kind('', 'v1', 'Secret', 'secrets'),
  serviceAccounts: kind('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  services: kind('', 'v1', 'Service', 'services'),
} as const satisfies Record<string, ResourceKind>

/** Kinds that have no namespace. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set(['namespaces', 'customresourcedefinitions'])

/** Path of a kind's collection, of one object in it, or of a subresource of that. */
export function resourcePath(
  of: ResourceKind,
  at: { readonly namespace?: string; readonly name?: string; readonly subresource?: string },
): string {
  const root = of.group === '' ? `/api/${of.version}` : `/apis/${of.group}/${of.version}`
  const parts = [
    ...(at.namespace === undefined || at.namespace === '' || CLUSTER_SCOPED.has(of.plural) ? [] : ['namespaces', at.namespace]),
    of.plural,
    ...(at.name === undefined ? [] : [at.name]),
    ...(at.subresource === undefined ? [] : [at.subresource]),
  ]
  return `${root}/${parts.map(encodeURIComponent).join('/')}`
}
