/**
 * `KubeApi` over HTTP. client-node reads the kubeconfig and provides the credentials
 * (`kube-access.ts`); the requests are ours (`kube-request.ts`), because each needs a time limit
 * and unknown fields must survive. Here are the verbs: those that read and those that write.
 */
import type { KubeConfig } from '@kubernetes/client-node'
import { KubeAccess, type AccessOptions } from '../access/kube-access.js'
import { KINDS, nameOf, resourcePath, type Target } from './kinds.js'
import { PARTIAL_METADATA, type CallOptions, type KubeApi, type KubeObject, type ResourceKind } from './kube-api.js'
import { isKubeError } from '../errors/kube-error.js'
import { createKubeRequests, type KubeRequest, type KubeRequests, type RequestsOptions } from './kube-request.js'

const PAGE = 500
/** Asks for metadata alone, as API machinery defines it. */
const METADATA = `application/json;as=${PARTIAL_METADATA};g=meta.k8s.io;v=v1`
const METADATA_LIST = `application/json;as=${PARTIAL_METADATA}List;g=meta.k8s.io;v=v1`

export interface KubeClientOptions extends RequestsOptions, AccessOptions {
  readonly config: KubeConfig
  /** Name under which the API server records what this client writes. */
  readonly fieldManager: string
}
export interface KubeClient extends KubeApi {
  /**
   * The bytes of a watch, as they arrive; ends when the server closes it. Rejects with `KubeError`
   * when it cannot be opened.
   */
  watch(kind: ResourceKind, options: WatchOptions): Promise<AsyncIterable<Uint8Array>>
  /** One page of a list. */
  listPage(kind: ResourceKind, options: ListOptions): Promise<ListPage>
  /** The next call loads fresh credentials. */
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

export function createKubeClient({ config, fieldManager, ...options }: KubeClientOptions): KubeClient {
  const access = new KubeAccess(config, options)
  const requests = createKubeRequests(access, options)
  return {
    ...createReads(requests),
    ...createWrites(requests, fieldManager),
    refreshCredentials: () => access.refresh(),
    close: () => requests.close(),
  }
}

/** One verb on one target: where it goes, what messages call it, and how RBAC sees it. */
function callOf(verb: string, kind: ResourceKind, target: Target): Pick<KubeRequest, 'path' | 'what' | 'use'> {
  const { subresource } = target
  return {
    path: resourcePath(kind, target),
    what: `${verb} ${nameOf(kind, target)}`,
    use: { verb, group: kind.group, resource: subresource === undefined ? kind.plural : `${kind.plural}/${subresource}` },
  }
}

function createReads(requests: KubeRequests): Pick<KubeClient, 'get' | 'list' | 'listPage' | 'podLogs' | 'watch'> {
  const listPage: KubeClient['listPage'] = async (kind, options) => {
    const { namespace, labelSelector, continueToken, metadataOnly = false } = options
    const page = await requests.json<{ items: KubeObject[] | null; metadata: { resourceVersion: string; continue?: string } }>({
      ...callOf('list', kind, { namespace }),
      query: { limit: String(PAGE), labelSelector, continue: continueToken },
      ...(metadataOnly ? { accept: METADATA_LIST } : {}),
      options,
    })
    // Items of a list have neither kind nor apiVersion, and are `null` when a list of metadata is
    // empty.
    const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
    const items = (page.items ?? []).map((item) => ({ ...item, apiVersion, kind: metadataOnly ? PARTIAL_METADATA : kind.kind }))
    const next = page.metadata.continue
    return { items, resourceVersion: page.metadata.resourceVersion, continueToken: next === '' ? undefined : next }
  }
  return {
    listPage,
    async get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, options?: CallOptions) {
      try {
        return await requests.json<T>({ ...callOf('get', kind, { namespace, name }), options })
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
    async podLogs(namespace, name, options) {
      const { text } = await requests.answer({
        ...callOf('get', KINDS.pods, { namespace, name, subresource: 'log' }),
        what: `get log of ${nameOf(KINDS.pods, { namespace, name })}`,
        query: {
          container: options?.container,
          tailLines: options?.tailLines === undefined ? undefined : String(options.tailLines),
        },
        options,
      })
      return text
    },
    watch: (kind, options) =>
      requests.stream({
        ...callOf('watch', kind, { namespace: options.namespace }),
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
  fieldManager: string,
): Pick<KubeClient, 'apply' | 'replaceStatus' | 'checkCreation' | 'create' | 'patch' | 'delete'> {
  const byUs = { fieldManager }
  const create = <T>(
    kind: ResourceKind,
    object: KubeObject,
    more: { readonly query?: KubeRequest['query']; readonly options: CallOptions | undefined },
  ): Promise<T> =>
    requests.json<T>({
      ...callOf('create', kind, { namespace: object.metadata.namespace }),
      method: 'POST',
      query: { ...byUs, ...more.query },
      body: object,
      options: more.options,
    })
  return {
    apply: (kind, object, options) =>
      requests.json({
        ...callOf('patch', kind, { ...placeOf(object), subresource: options?.subresource }),
        method: 'PATCH',
        query: { ...byUs, force: String(options?.force ?? true) },
        // JSON is YAML; undefined fields are not in it.
        contentType: 'application/apply-patch+yaml',
        body: object,
        options,
      }),
    replaceStatus: (kind, object, options) =>
      requests.json({
        ...callOf('update', kind, { ...placeOf(object), subresource: 'status' }),
        method: 'PUT',
        query: byUs,
        body: object,
        options,
      }),
    async checkCreation(kind, object, options) {
      await create(kind, object, { query: { dryRun: 'All', fieldValidation: 'Strict' }, options })
    },
    create: (kind, object, options) => create(kind, object, { options }),
    patch: (kind, namespace, name, body, options) =>
      requests.json({
        ...callOf('patch', kind, { namespace, name }),
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
        await requests.json({ ...callOf('delete', kind, { namespace, name }), method: 'DELETE', body, options })
        return true
      } catch (error) {
        // Gone, or replaced by another object of that name: the one that was meant is not there.
        if (isKubeError(error, 404) || (uid !== undefined && isKubeError(error, 409))) return false
        throw error
      }
    },
  }
}

function placeOf({ metadata }: KubeObject): { readonly namespace: string | undefined; readonly name: string } {
  return { namespace: metadata.namespace, name: metadata.name }
}
