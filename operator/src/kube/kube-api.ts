/** The port to the Kubernetes API: the few calls the operator makes. `kube-client.ts` speaks HTTP; every call has a time limit. */
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
  /** Who set which fields, by the API server's own bookkeeping. */
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
/** A resource as it stands in a URL. `kinds.ts` lists the ones used; RBAC is compared with that list. */
export interface ResourceKind {
  /** `''` for the core group. */
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly plural: string
}
/** Kind of an object of which only the metadata is known. */
export const PARTIAL_METADATA = 'PartialObjectMetadata'

export interface CallOptions {
  readonly signal?: AbortSignal
  /** @default 10000 */
  readonly timeoutMs?: number
}
export interface ApplyOptions extends CallOptions {
  readonly subresource?: 'status'
  /** Take fields that another manager has; otherwise the apply is refused with 409 where a value differs. @default true */
  readonly force?: boolean
}
export interface KubeApi {
  /** `undefined` when there is none. */
  get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, options?: CallOptions): Promise<T | undefined>
  list<T extends KubeObject>(
    kind: ResourceKind,
    options: CallOptions & { readonly namespace?: string; readonly labelSelector?: string },
  ): Promise<{ readonly items: readonly T[]; readonly resourceVersion: string }>
  /**
   * Server-side apply with the operator's field manager; `undefined` fields and empty containers are left out. Takes over an object of whoever has the name:
   * children of an app go by `applyOwn` of `own-objects.ts`.
   */
  apply<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: ApplyOptions): Promise<T>
  /** Replaces the status; refused with 409 (`KubeError.status`) when `metadata.resourceVersion` is stale. */
  replaceStatus<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<T>
  /** What the API server would say to the creation of an object; nothing is made. Unknown fields are refused. */
  checkCreation(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<void>
  create<T extends KubeObject>(kind: ResourceKind, object: KubeObject, options?: CallOptions): Promise<T>
  /** JSON merge patch. */
  patch<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, body: unknown, options?: CallOptions): Promise<T>
  /** True when it was there. Background propagation. With `uid`, only that very object. */
  delete(kind: ResourceKind, namespace: string, name: string, options?: CallOptions & { readonly uid?: string }): Promise<boolean>
  podLogs(
    namespace: string,
    pod: string,
    options?: CallOptions & { readonly container?: string; readonly tailLines?: number },
  ): Promise<string>
}
