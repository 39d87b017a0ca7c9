/**
 * The port to the Kubernetes API: the few calls that are needed. `kube-client.ts` speaks HTTP;
 * every call has a time limit.
 */
export interface ObjectMeta {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly generation?: number
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly finalizers?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
  /** Which manager set which fields, by the API server's records. */
  readonly managedFields?: readonly {
    readonly manager?: string
    readonly operation?: string
    readonly fieldsV1?: Readonly<Record<string, unknown>>
  }[]
}
export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}
/** Any Kubernetes object as JSON. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: ObjectMeta
  readonly [field: string]: unknown
}
/** A resource as it appears in a URL. `kinds.ts` lists those in use. */
export interface ResourceKind {
  /** `''` for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
}
/** Kind of an object whose metadata alone is known. */
export const PARTIAL_METADATA = 'PartialObjectMetadata'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** @default 10000 */
  readonly timeoutMs?: number
}
export interface ApplyOptions extends CallOptions {
  readonly subresource?: 'status'
  /**
   * Take over fields of another manager; otherwise the apply is refused with 409 where a value
   * differs.
   * @default true
   */
  readonly force?: boolean
}
export interface KubeApi {
  /** `undefined` when it does not exist. */
  get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, options?: CallOptions): Promise<T | undefined>
  list<T extends KubeObject>(
    kind: ResourceKind,
    options: CallOptions & { readonly namespace?: string; readonly labelSelector?: string },
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>
  /**
   * Server-side apply with the client's field manager; `undefined` fields and empty containers are
   * left out. Takes over whatever object has the name: the operator writes children of an app by
   * `applyOwn` of its `own-objects.ts`.
   */
  apply<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: ApplyOptions): Promise<T>
  /**
   * Replaces the status; refused with 409 (`KubeError.status`) when `metadata.resourceVersion` is
   * stale.
   */
  replaceStatus<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<T>
  /** Rejects as the creation of an object would; nothing is created. Unknown fields are refused. */
  checkCreation(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<void>
  create<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<T>
  /** JSON merge patch. */
  patch<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, body: unknown, options?: CallOptions): Promise<T>
  /** True when it existed. Background propagation. With `uid`, that very object only. */
  delete(kind: ResourceKind, namespace: string, name: string, options?: CallOptions & { readonly uid?: string }): Promise<boolean>
  podLogs(
    namespace: string,
    pod: string,
    options?: CallOptions & { readonly container?: string; readonly tailLines?: number },
  ): Promise<string>
}
