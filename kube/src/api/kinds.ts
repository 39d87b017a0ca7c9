import { API_GROUP, API_VERSION, WEAVER_APP_KIND, WEAVER_APP_PLURAL } from '@weaver/crds'
import type { ResourceKind } from './kube-api.js'

const kind = (group: string, version: string, name: string, plural: string): ResourceKind => ({ group, version, kind: name, plural })

/**
 * Every kind of object that Weaver touches. The verbs that the operator needs are in the chart's
 * `files/rbac.yaml`.
 */
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
  persistentVolumeClaims: kind('', 'v1', 'PersistentVolumeClaim', 'persistentvolumeclaims'),
  podDisruptionBudgets: kind('policy', 'v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  pods: kind('', 'v1', 'Pod', 'pods'),
  secrets: kind('', 'v1', 'Secret', 'secrets'),
  serviceAccounts: kind('', 'v1', 'ServiceAccount', 'serviceaccounts'),
  services: kind('', 'v1', 'Service', 'services'),
  statefulSets: kind('apps', 'v1', 'StatefulSet', 'statefulsets'),
} as const satisfies Record<string, ResourceKind>

/** Kinds that have no namespace. */
const CLUSTER_SCOPED: ReadonlySet<string> = new Set(['namespaces', 'customresourcedefinitions'])

/** A collection, an object in it, or a subresource of that. */
export interface Target {
  /** Absent or empty: all namespaces. */
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

export function resourcePath(of: ResourceKind, { namespace = '', name, subresource }: Target = {}): string {
  const root = of.group === '' ? `/api/${of.version}` : `/apis/${of.group}/${of.version}`
  const parts = [
    ...(namespace === '' || CLUSTER_SCOPED.has(of.plural) ? [] : ['namespaces', namespace]),
    of.plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource === undefined ? [] : [subresource]),
  ]
  return `${root}/${parts.map(encodeURIComponent).join('/')}`
}

/** For messages: `Deployment "shop/cart"`, or `Deployments`. */
export function nameOf(kind: ResourceKind, { namespace = '', name }: Target): string {
  return name === undefined ? `${kind.kind}s` : `${kind.kind} "${namespace === '' ? '' : `${namespace}/`}${name}"`
}
