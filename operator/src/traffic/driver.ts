/**
 * The port to whatever splits user traffic. Desired and observed weight are two facts; the rollout
 * continues only when they agree. A driver is a folder beside this file and a line of `drivers.ts`.
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
  /** Labels the stable Service for users outside the cluster. @default false */
  readonly isPublic?: boolean
  /** Annotations of the stable Service. */
  readonly annotations?: Readonly<Record<string, string>>
  /** Host names that it serves; absent or empty: all. */
  readonly hosts?: readonly string[]
}
/** Which version a user reaches while several have weight. */
export interface TrafficAffinity {
  /**
   * `monotone`: a user changes version at most once in a rollout. `newSessionsOnly`: a user stays
   * with the version of the first answer for as long as it lives.
   */
  readonly mode: 'monotone' | 'newSessionsOnly'
  /** What identifies a user; absent: a cookie of the driver's own. */
  readonly key?: { readonly header: string } | { readonly cookie: string }
  /** By what a request may ask for a version. @default all */
  readonly carriers?: readonly ('header' | 'query' | 'cookie')[]
  /** How long the driver's own cookies hold. */
  readonly maxAgeSeconds: number
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
   * The weights of the whole app, of which `listeners[].weights` are the shares of those versions
   * that export the listener. Reported as observed once every ready proxy holds exactly this plan.
   * Absent: the smallest weight that a version has on any of its listeners is reported.
   */
  readonly weights?: Readonly<Record<string, number>>
  /** Absent: each request by itself. */
  readonly affinity?: TrafficAffinity
  /**
   * Versions that must lose what they have in the proxies at once, whether or not those can serve by
   * another one; none of them is a backend.
   */
  readonly burned?: readonly string[]
  readonly listeners: readonly {
    readonly listener: TrafficListener
    /** Every version that still exists, also those of weight 0. */
    readonly backends: readonly TrafficBackend[]
    /** Integer percent by version id; sums to 100, or is empty when nothing may get traffic yet. */
    readonly weights: Readonly<Record<string, number>>
  }[]
}
export interface TrafficObservation {
  /**
   * An object of others has a name that the driver needs: existing objects follow the plan, but
   * users do not get through. Names the object, its owner and the remedy.
   */
  readonly taken?: string
  /** Every ready proxy reported exactly the requested plan. */
  readonly inSync: boolean
  /**
   * Why nothing was read back and the requested weights count as in force; absent: they were read
   * back.
   */
  readonly assumedBecause?: string
  /** What is not in sync, for `waitingFor`. */
  readonly waitingFor?: string
  /**
   * Why users cannot reach the app now, whatever its versions could serve; absent: they can, or it
   * is not known.
   */
  readonly unreachable?: string
  /**
   * Weight in force, by version: the weight that all ready proxies report; absent versions are
   * unknown.
   */
  readonly weightObserved: Readonly<Record<string, number>>
  /** Requests now inside the proxies, by version. */
  readonly inFlight: Readonly<Record<string, number>>
  /**
   * Requests sent to each version since this operator first saw it in the running proxies, by
   * version. An alarm, not a proof.
   */
  readonly requests: Readonly<Record<string, number>>
  /**
   * Requests that asked for a version that was not live, since this operator first saw the running
   * proxies. Absent: not counted.
   */
  readonly lostPins?: number
  /** No proxy names this version any longer, in files or live state: its pods may be deleted. */
  readonly released: readonly string[]
  /**
   * Versions outside the plan that are not released yet: a proxy still names one, or did a moment
   * ago.
   */
  readonly holding?: readonly string[]
}
/** What a driver can do; the rollout continues without the rest. */
export interface TrafficCapabilities {
  /** Requests are counted by version: those sent, and those in flight. */
  readonly countsRequests: boolean
}
export interface SyncOptions {
  /**
   * Leaves the driver's objects unchanged. Running proxies follow the plan all the same.
   * @default false
   */
  readonly isFrozen?: boolean
  readonly signal?: AbortSignal
}
export interface TrafficDriver {
  readonly capabilities: TrafficCapabilities
  /**
   * Makes the driver's objects and everything that carries traffic follow the plan, and reads back
   * what is in force. Idempotent; safe under two leaders.
   */
  sync(plan: TrafficPlan, options?: SyncOptions): Promise<TrafficObservation>
  /**
   * Deletes the driver's objects, for an app that another driver serves now. Idempotent; makes no
   * call when there is nothing to delete.
   */
  remove(app: TrafficApp, signal?: AbortSignal): Promise<void>
  /** Drops connections and memory of a deleted app. */
  forget(app: { readonly namespace: string; readonly name: string }): void
  close(): Promise<void>
}
