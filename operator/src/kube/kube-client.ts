/**
 * `KubeApi` over HTTP. client-node reads the kubeconfig and gives the credentials (`kube-access.ts`); the
 * calls are ours (`kube-request.ts`), because each needs a time limit and unknown fields must survive.
 * Here are the verbs, those that read and those that write.
 */
import type { KubeConfig } from '@kubernetes/client-node'
import { FIELD_MANAGER } from '@weaver/crds'
import { KubeAccess } from './kube-access.js'
import { PARTIAL_METADATA, type CallOptions, type KubeApi, type KubeObject, type ResourceKind } from './kube-api.js'
import { isKubeError } from './kube-error.js'
import { createKubeRequests, nameOf, type KubeRequests, type RequestsOptions } from './kube-request.js'
import { KINDS } from './kinds.js'

const PAGE = 500
/** Asks for metadata alone, as API machinery defines it. */
const METADATA = `application/json;as=${PARTIAL_METADATA};g=meta.k8s.io;v=v1`
const METADATA_LIST = `application/json;as=${PARTIAL_METADATA}List;g=meta.k8s.io;v=v1`

export interface KubeClientOptions extends RequestsOptions {
  readonly config: KubeConfig
}
export interface KubeClient extends KubeApi {
  /** The lines of a watch, as they come; ends when the server closes it. Rejects with `KubeError` when it cannot be opened. */
  watch(kind: ResourceKind, options: WatchOptions): Promise<AsyncIterable<Uint8Array>>
  /** One page of a list. */
  listPage(kind: ResourceKind, options: ListOptions): Promise<ListPage>
  /** The next call asks for fresh credentials. */
  refreshCredentials(): void
  close(): Promise<void>
}
export interface ListOptions extends CallOptions {
  /** Objects come as `PartialObjectMetadata`: nothing of a Secret's data is sent. */
  readonly metadataOnly?: boolean
  readonly namespace?: string
  readonly labelSelector?: string
  readonly continueToken?: string
}
export interface ListPage {
  readonly items: readonly KubeObject[]
  readonly resourceVersion: string
  readonly continueToken: string | undefined
}
export interface WatchOptions extends CallOptions {
  /** As in {@link ListOptions}. */
  readonly metadataOnly?: boolean
  readonly namespace?: string
  readonly labelSelector?: string
  readonly resourceVersion: string
  readonly timeoutSeconds: number
}

export function createKubeClient({ config, ...options }: KubeClientOptions): KubeClient {
  const access = new KubeAccess(config)
  const requests = createKubeRequests(access, options)
  return {
    ...createReads(requests),
    ...createWrites(requests),
    refreshCredentials: () => access.refresh(),
    close: () => access.close(),
  }
}

function createReads(requests: KubeRequests): Pick<KubeClient, 'get' | 'list' | 'listPage' | 'podLogs' | 'watch'> {
  const listPage: KubeClient['listPage'] = async (kind, options) => {
    const { namespace, labelSelector, continueToken, metadataOnly = false } = options
    const page = await requests.json<{ items: KubeObject[] | null; metadata: { resourceVersion: string; continue?: string } }>({
      verb: 'list',
      kind,
      namespace,
      method: 'GET',
      query: { limit: String(PAGE), labelSelector, continue: continueToken },
      ...(metadataOnly ? { accept: METADATA_LIST } : {}),
      options,
    })
    // Items of a list carry neither kind nor apiVersion, and are `null` where a list of metadata is empty.
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    const items = (page.items ?? []).map((item) => ({ ...item, apiVersion, kind: metadataOnly ? PARTIAL_METADATA : kind.kind }))
    const next = page.metadata.continue
    return { items, resourceVersion: page.metadata.resourceVersion, continueToken: next === '' ? undefined : next }
  }
  return {
    listPage,
    async get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, options?: CallOptions) {
      try {
        return await requests.json<T>({ verb: 'get', kind, namespace, name, method: 'GET', options })
      } catch (error) {
        if (isKubeError(error, 404)) return undefined
        throw error
      }
    },
    async list<T extends KubeObject>(kind: ResourceKind, options: ListOptions) {
      const items: KubeObject[] = []
      let page: ListPage | undefined
      do {
        page = await listPage(kind, { ...options, ...(page?.continueToken === undefined ? {} : { continueToken: page.continueToken }) })
        items.push(...page.items)
      } while (page.continueToken !== undefined)
      return { items: items as T[], resourceVersion: page.resourceVersion } // of the kind that was asked for
    },
    podLogs: (namespace, name, options) =>
      requests.text({
        verb: 'get',
        kind: KINDS.pods,
        namespace,
        name,
        subresource: 'log',
        what: `get log of ${nameOf({ kind: KINDS.pods, namespace, name })}`,
        method: 'GET',
        query: {
          container: options?.container,
          tailLines: options?.tailLines === undefined ? undefined : String(options.tailLines),
        },
        options,
      }),
    watch: (kind, options) =>
      requests.stream({
        verb: 'watch',
        kind,
        namespace: options.namespace,
        method: 'GET',
        query: {
          watch: 'true',
          allowWatchBookmarks: 'true',
          resourceVersion: options.resourceVersion,
          timeoutSeconds: String(options.timeoutSeconds),
          labelSelector: options.labelSelector,
        },
        ...(options.metadataOnly === true ? { accept: METADATA } : {}),
        options,
      }),
  }
}

function createWrites(
  requests: KubeRequests,
): Pick<KubeClient, 'apply' | 'replaceStatus' | 'checkCreation' | 'create' | 'patch' | 'delete'> {
  const byUs = { fieldManager: FIELD_MANAGER }
  return {
    apply: (kind, object, options) =>
      requests.json({
        verb: 'patch',
        kind,
        ...placeOf(object),
        subresource: options?.subresource,
        method: 'PATCH',
        query: { ...byUs, force: String(options?.force ?? true) },
        // JSON is YAML; undefined fields are not in it.
        contentType: 'application/apply-patch+yaml',
        body: object,
        options,
      }),
    replaceStatus: (kind, object, options) =>
      requests.json({
        verb: 'update',
        kind,
        ...placeOf(object),
        subresource: 'status',
        method: 'PUT',
        query: byUs,
        body: object,
        options,
      }),
    async checkCreation(kind, object, options) {
      const query = { ...byUs, dryRun: 'All', fieldValidation: 'Strict' }
      await requests.json({ verb: 'create', kind, namespace: object.metadata.namespace, method: 'POST', query, body: object, options })
    },
    create: (kind, object, options) =>
      requests.json({ verb: 'create', kind, namespace: object.metadata.namespace, method: 'POST', query: byUs, body: object, options }),
    patch: (kind, namespace, name, body, options) =>
      requests.json({
        verb: 'patch',
        kind,
        namespace,
        name,
        method: 'PATCH',
        query: byUs,
        contentType: 'application/merge-patch+json',
        body,
        options,
      }),
    async delete(kind, namespace, name, options) {
      const uid = options?.uid
      const body = { propagationPolicy: 'Background', ...(uid === undefined ? {} : { preconditions: { uid } }) }
      try {
        await requests.json({ verb: 'delete', kind, namespace, name, method: 'DELETE', body, options })
        return true
      } catch (error) {
        // Gone, or another object of that name has taken its place: the one that was meant is not there.
        if (isKubeError(error, 404) || (uid !== undefined && isKubeError(error, 409))) return false
        throw error
      }
    },
  }
}

function placeOf({ metadata }: KubeObject): { readonly namespace: string | undefined; readonly name: string } {
  return { namespace: metadata.namespace, name: metadata.name }
}
