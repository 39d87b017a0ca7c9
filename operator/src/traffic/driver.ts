/**
 * The port to whatever splits user traffic. Desired and observed weight are two facts; the rollout goes
 * on only when they agree. A driver is a folder beside this file and a line of `drivers.ts`.
 */
export interface TrafficApp {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly replicas: number
}
export interface TrafficListener {
  readonly name: string
  /** Port of the stable Service. */
  readonly port: number
  /** Type of the stable Service. @default ClusterIP */
  readonly type?: 'ClusterIP' | 'NodePort' | 'LoadBalancer'
  /** Labels the stable Service as meant for users outside of the cluster. @default false */
  readonly isPublic?: boolean
  /** Annotations of the stable Service. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Host names that it answers for; absent or empty: all. */
  readonly hosts?: readonly string[]
}
/** One version as a destination of one listener. */
export interface TrafficBackend {
  readonly versionId: string
  readonly deploymentId: string
  /** ClusterIP Service of this version's listener: fallback when no pod is known. */
  readonly serviceHost: string
  readonly servicePort: number
  /** Pods to send requests to, by EndpointSlice. `terminating` ones get no new request. */
  readonly pods: readonly {
    readonly name: string
    readonly uid: string
    readonly ip: string
    readonly port: number
    readonly healthPort: number
    readonly ready: boolean
    readonly terminating: boolean
  }[]
}
export interface TrafficPlan {
  readonly app: TrafficApp
  /** Ids of the versions that take part, whether or not they export a listener. */
  readonly versions: readonly string[]
  /**
   * The weights of the whole app, of which `listeners[].weights` are the shares of those versions that export the listener. Reported as observed once every
   * ready proxy holds exactly this plan. Absent: the smallest weight that a version has on any of its listeners is reported.
   */
  readonly weights?: Readonly<Record<string, number>>
  readonly listeners: readonly {
    readonly listener: TrafficListener
    /** Every version that still exists, also those of weight 0. */
    readonly backends: readonly TrafficBackend[]
    /** Integer percent by version id; sums to 100, or is empty when nothing may get traffic yet. */
    readonly weights: Readonly<Record<string, number>>
  }[]
}
export interface TrafficObservation {
  /** A name that the driver needs is another's: what there is follows the plan, but no user gets through. Names it, its owner and the remedy. */
  readonly taken?: string
  /** Every ready proxy has read back exactly the asked plan. */
  readonly inSync: boolean
  /** Why nothing was read back and the asked weights are taken as in force; absent: they were read back. */
  readonly assumedBecause?: string
  /** What is not in sync, for `waitingFor`. */
  readonly waitingFor?: string
  /** Why users cannot reach the app at this moment, whatever its versions can do; absent: they can, or it is not known. */
  readonly unreachable?: string
  /** Weight in force, by version: the weight that all ready proxies report; absent versions are unknown. */
  readonly weightObserved: Readonly<Record<string, number>>
  /** Requests at this moment inside the proxies, by version. */
  readonly inFlight: Readonly<Record<string, number>>
  /** Requests sent to each version since this operator first saw it in the proxies that run, by version. An alarm, not a proof. */
  readonly requests: Readonly<Record<string, number>>
  /** No proxy names this version in file or live state any more: safe to delete its pods. */
  readonly released: readonly string[]
  /** Versions outside the plan of which `released` is not true yet: a proxy still names one, or did a moment ago. */
  readonly holding?: readonly string[]
}
/** What a driver can do; what it cannot, the rollout goes on without. */
export interface TrafficCapabilities {
  /** Requests are counted by version: those sent, and those in flight. */
  readonly countsRequests: boolean
}
export interface SyncOptions {
  /** Keeps the objects of the driver as they are. What runs follows the plan all the same. @default false */
  readonly isFrozen?: boolean
  readonly signal?: AbortSignal
}
export interface TrafficDriver {
  readonly capabilities: TrafficCapabilities
  /**
   * Makes the driver's objects and everything that carries traffic follow the plan, and reads back what is
   * in force. Idempotent; safe under two leaders.
   */
  sync(plan: TrafficPlan, options?: SyncOptions): Promise<TrafficObservation>
  /** Deletes the driver's objects, for an app that another driver serves now. Idempotent; free of calls when there is nothing. */
  remove(app: TrafficApp, signal?: AbortSignal): Promise<void>
  /** Drops connections and memory of an app that is gone. */
  forget(app: { readonly namespace: string; readonly name: string }): void
  close(): Promise<void>
}
