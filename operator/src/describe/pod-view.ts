import type { KubeObject } from '@weaver/kube'

/** The parts of a Pod that the operator reads. */
export interface Pod extends KubeObject {
  readonly spec?: { readonly nodeName?: string }
  readonly status?: {
    readonly phase?: string
    readonly reason?: string
    readonly message?: string
    readonly podIP?: string
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason?: string; readonly message?: string }[]
    readonly containerStatuses?: readonly ContainerStatus[]
  }
}
export interface ContainerStatus {
  readonly name: string
  readonly ready?: boolean
  readonly started?: boolean
  readonly restartCount?: number
  readonly imageID?: string
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}
export interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: { readonly exitCode?: number; readonly reason?: string; readonly message?: string; readonly finishedAt?: string }
}

/** The state of one container of a pod; `undefined` before the kubelet has reported any. */
export function containerOf(pod: Pod, name: string): ContainerStatus | undefined {
  return pod.status?.containerStatuses?.find((c) => c.name === name)
}

/** Why the scheduler has not placed the pod. */
export function unschedulable(pod: Pod): string | undefined {
  const condition = pod.status?.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False')
  return condition === undefined ? undefined : (condition.message ?? condition.reason ?? 'no reason given')
}
