import { KINDS, type KubeObject, type ResourceKind } from '@weaver/kube'
import type { Pod } from '../describe/pod-view.js'
import { isOwn } from '../kube/own-objects.js'

/** The parts of a Deployment that the operator reads. */
export interface Workload extends KubeObject {
  readonly spec?: {
    readonly replicas?: number
    readonly template?: { readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> } }
  }
  readonly status?: {
    readonly observedGeneration?: number
    readonly replicas?: number
    readonly updatedReplicas?: number
    readonly readyReplicas?: number
    readonly availableReplicas?: number
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[]
  }
}
export interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly {
    readonly addresses: readonly string[]
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean }
    readonly targetRef?: { readonly kind?: string; readonly name?: string; readonly uid?: string }
  }[]
  readonly ports?: readonly { readonly port?: number }[]
}
export interface Revision extends KubeObject {
  readonly revision?: number
  readonly data?: unknown
}

/**
 * Everything of one app that the operator watches, as its caches have it. All of it has the app's
 * label.
 */
export interface AppObjects {
  readonly workloads: readonly Workload[]
  readonly pods: readonly Pod[]
  readonly slices: readonly EndpointSlice[]
  readonly services: readonly KubeObject[]
  readonly revisions: readonly Revision[]
  /** Any child by its name, whatever its owner; Secrets and ConfigMaps as metadata only. */
  readonly child: (kind: ResourceKind, name: string) => KubeObject | undefined
}

/**
 * Kinds of children besides those that are read in whole lists. Leases are not among them: a leader
 * reads its own every few seconds, and recreates it.
 */
export const OTHER_CHILDREN = [
  KINDS.secrets,
  KINDS.configMaps,
  KINDS.horizontalPodAutoscalers,
  KINDS.podDisruptionBudgets,
  KINDS.networkPolicies,
] as const

/**
 * The objects that an app owns: any object can have its label. Pods belong to their workloads; they
 * and EndpointSlices are recognised by label.
 */
export function ownObjects(objects: AppObjects, uid: string): AppObjects {
  const own = <T extends KubeObject>(list: readonly T[]) => list.filter((o) => isOwn(uid, o))
  return { ...objects, workloads: own(objects.workloads), services: own(objects.services), revisions: own(objects.revisions) }
}

/**
 * The port to the caches. It may lag behind the operator's own writes by the delay of a watch
 * event; the reconciler stays correct because names are deterministic and every write may be
 * repeated.
 */
export interface ClusterView {
  read(namespace: string, app: string): AppObjects | Promise<AppObjects>
}
