import type { Pod } from '../describe/pod-view.js'
import type { KubeObject } from '../kube/kube-api.js'

/** The parts of a Deployment that the operator reads. */
export interface Workload extends KubeObject {
  readonly spec?: { readonly replicas?: number }
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

/** Everything of one app that the operator watches, as far as its caches know. All of it carries the app's label. */
export interface AppObjects {
  readonly workloads: readonly Workload[]
  readonly pods: readonly Pod[]
  readonly slices: readonly EndpointSlice[]
  readonly services: readonly KubeObject[]
  readonly revisions: readonly Revision[]
}

/**
 * The port to the caches. What it returns may lag behind the operator's own writes by the time that a watch event takes; the reconciler stays correct because
 * names are deterministic and every write may be repeated.
 */
export interface ClusterView {
  read(namespace: string, app: string): AppObjects | Promise<AppObjects>
}
