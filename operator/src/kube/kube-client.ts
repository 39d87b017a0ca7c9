/**
 * `KubeApi` over HTTP. client-node reads the kubeconfig and gives the credentials (a token file that rotates, certificates, exec plugins); the calls are ours,
 * because each needs a time limit and unknown fields must survive.
 */
import type { KubeConfig } from '@kubernetes/client-node'
import { FIELD_MANAGER } from '@weaver/crds'
import { Agent, request, type Dispatcher } from 'undici'
import { PARTIAL_METADATA, type CallOptions, type KubeApi, type KubeObject, type ResourceKind } from './kube-api.js'
import { KubeError } from './kube-error.js'
import { resourcePath } from './kinds.js'

const DEFAULT_TIMEOUT_MS = 10_000
const PAGE = 500
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'])
/** Asks for metadata alone, as API machinery defines it. */
const METADATA = `application/json;as=${PARTIAL_METADATA};g=meta.k8s.io;v=v1`
const METADATA_LIST = `application/json;as=${PARTIAL_METADATA}List;g=meta.k8s.io;v=v1`
/** Credentials are asked for anew after this time, so that a rotated token file is seen. */
const CREDENTIALS_MS = 30_000

/** One call as RBAC sees it. */
export interface UsedVerb {
  readonly verb: string
  readonly group: string
  readonly resource: string
}
export interface KubeClientOptions {
  readonly config: KubeConfig
  /** Told of each finished call; `code` is the HTTP status, or `<error>`. */
  readonly onCall?: (call: { readonly method: string; readonly code: string; readonly seconds: number } & UsedVerb) => void
  /** Longest wait for an answer to a call that does not say, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
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

interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  readonly contentType?: string
  /** @default application/json */
  readonly accept?: string
  /** For messages: `Deployment "shop/cart"`. */
  readonly what: string
  readonly used: UsedVerb
  readonly options: CallOptions
}

export function createKubeClient(options: KubeClientOptions): KubeClient {
  const cluster = options.config.getCurrentCluster()
  if (cluster === null) throw new KubeError('the kubeconfig', { status: 0, reason: 'Unreachable', message: 'it names no current cluster' })
  let credentials: Promise<{ readonly agent: Agent; readonly headers: Record<string, string>; readonly at: number }> | undefined
  let agent: Agent | undefined
  let agentKey = ''

  const load = async (): Promise<{ readonly agent: Agent; readonly headers: Record<string, string>; readonly at: number }> => {
    const found: {
      ca?: unknown
      cert?: unknown
      key?: unknown
      rejectUnauthorized?: boolean
      headers?: Record<string, string>
      servername?: string
    } = { headers: {} }
    await options.config.applyToHTTPSOptions(found as Parameters<KubeConfig['applyToHTTPSOptions']>[0])
    const { headers = {}, ca, cert, key, rejectUnauthorized, servername } = found
    const tls = { ca, cert, key, servername, rejectUnauthorized: rejectUnauthorized ?? cluster.skipTLSVerify !== true }
    const present = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined && value !== null))
    const newKey = JSON.stringify(present, (_, value: unknown) => (Buffer.isBuffer(value) ? value.toString('base64') : value))
    if (agent === undefined || newKey !== agentKey) {
      const old = agent
      agent = new Agent({ connect: { ...present, timeout: 5_000 }, connections: 64, keepAliveTimeout: 30_000 })
      agentKey = newKey
      // What is in flight on the old agent ends by itself.
      if (old !== undefined) void old.close()
    }
    return { agent, headers, at: performance.now() }
  }
  const current = async (): Promise<{ readonly agent: Agent; readonly headers: Record<string, string> }> => {
    const known = await credentials?.catch(() => undefined)
    if (known === undefined || performance.now() - known.at > CREDENTIALS_MS) credentials = load()
    return (await credentials) as { readonly agent: Agent; readonly headers: Record<string, string> } // just set
  }

  /** The time limit holds until `read` is done with the body; a stream is read by the caller, without limit. */
  const send = async <T>(call: Call, streaming: boolean, read: (response: Dispatcher.ResponseData) => Promise<T>): Promise<T> => {
    const started = performance.now()
    let isReported = false
    const report = (code: string): void => {
      if (!isReported) options.onCall?.({ method: call.method, code, seconds: (performance.now() - started) / 1000, ...call.used })
      isReported = true
    }
    const timeoutMs = call.options.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const limit = AbortSignal.timeout(timeoutMs)
    const url = new URL(cluster.server.replace(/\/$/, '') + call.path)
    for (const [key, value] of Object.entries(call.query ?? {})) if (value !== undefined) url.searchParams.set(key, value)
    try {
      const { agent: dispatcher, headers } = await current()
      const response = await request(url, {
        method: call.method,
        dispatcher,
        headers: {
          accept: call.accept ?? 'application/json',
          ...headers,
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        // A watch lives as long as its reflector wants; opening it has a limit as everything else.
        signal: streaming
          ? (call.options.signal ?? null)
          : call.options.signal === undefined
            ? limit
            : AbortSignal.any([call.options.signal, limit]),
        headersTimeout: timeoutMs,
        bodyTimeout: streaming ? 0 : timeoutMs,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      })
      report(String(response.statusCode))
      if (response.statusCode < 300) return await read(response)
      throw refusal(call.what, response, await response.body.text())
    } catch (error) {
      if (error instanceof KubeError) throw error
      call.options.signal?.throwIfAborted()
      report('<error>')
      const isTimeout = limit.aborted || TIMEOUTS.has((error as { readonly code?: string }).code ?? '')
      throw new KubeError(call.what, {
        status: 0,
        reason: isTimeout ? 'Timeout' : 'Unreachable',
        message: isTimeout ? `no answer within ${timeoutMs} ms` : error instanceof Error ? error.message : String(error),
        cause: error,
      })
    }
  }
  // The API server answers with the kind that was asked for.
  const json = <T>(call: Call): Promise<T> => send(call, false, async (response) => (await response.body.json()) as T)

  const target = (
    kind: ResourceKind,
    at: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string },
  ): Pick<Call, 'path' | 'what'> & { readonly resource: string } => ({
    path: resourcePath(kind, {
      ...(at.namespace === undefined ? {} : { namespace: at.namespace }),
      ...(at.name === undefined ? {} : { name: at.name }),
      ...(at.subresource === undefined ? {} : { subresource: at.subresource }),
    }),
    what: `${kind.kind}${at.name === undefined ? 's' : ` "${at.namespace === undefined || at.namespace === '' ? '' : `${at.namespace}/`}${at.name}"`}`,
    resource: at.subresource === undefined ? kind.plural : `${kind.plural}/${at.subresource}`,
  })
  const call = (
    verb: string,
    kind: ResourceKind,
    at: { readonly namespace?: string | undefined; readonly name?: string; readonly subresource?: string },
    rest: Omit<Call, 'path' | 'what' | 'used' | 'options'> & { readonly options: CallOptions | undefined },
  ): Call => {
    const { path, what, resource } = target(kind, at)
    return { ...rest, path, what: `${verb} ${what}`, used: { verb, group: kind.group, resource }, options: rest.options ?? {} }
  }

  const client: KubeClient = {
    async get<T extends KubeObject>(kind: ResourceKind, namespace: string, name: string, o?: CallOptions) {
      try {
        return await json<T>(call('get', kind, { namespace, name }, { method: 'GET', options: o }))
      } catch (error) {
        if (error instanceof KubeError && error.status === 404) return undefined
        throw error
      }
    },
    async listPage(kind, o) {
      const query = { limit: String(PAGE), labelSelector: o.labelSelector, continue: o.continueToken }
      const page = await json<{ items: KubeObject[] | null; metadata: { resourceVersion: string; continue?: string } }>(
        call(
          'list',
          kind,
          { namespace: o.namespace },
          { method: 'GET', query, options: o, ...(o.metadataOnly === true ? { accept: METADATA_LIST } : {}) },
        ),
      )
      // Items of a list carry neither kind nor apiVersion.
      const apiVersion = kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
      const next = page.metadata.continue
      return {
        // `null` where a list of metadata is empty.
        items: (page.items ?? []).map((item) => ({ ...item, apiVersion, kind: o.metadataOnly === true ? PARTIAL_METADATA : kind.kind })),
        resourceVersion: page.metadata.resourceVersion,
        continueToken: next === '' ? undefined : next,
      }
    },
    async list<T extends KubeObject>(kind: ResourceKind, o: ListOptions) {
      const items: KubeObject[] = []
      let continueToken: string | undefined
      let resourceVersion = ''
      do {
        const page = await client.listPage(kind, { ...o, ...(continueToken === undefined ? {} : { continueToken }) })
        items.push(...page.items)
        resourceVersion = page.resourceVersion
        continueToken = page.continueToken
      } while (continueToken !== undefined)
      return { items: items as T[], resourceVersion } // of the kind that was asked for
    },
    apply: (kind, object, o) =>
      json(
        call(
          'patch',
          kind,
          {
            namespace: object.metadata.namespace,
            name: object.metadata.name,
            ...(o?.subresource === undefined ? {} : { subresource: o.subresource }),
          },
          {
            method: 'PATCH',
            query: { fieldManager: FIELD_MANAGER, force: String(o?.force ?? true) },
            // JSON is YAML; undefined fields are not in it.
            contentType: 'application/apply-patch+yaml',
            body: object,
            options: o,
          },
        ),
      ),
    replaceStatus: (kind, object, o) =>
      json(
        call(
          'update',
          kind,
          { namespace: object.metadata.namespace, name: object.metadata.name, subresource: 'status' },
          { method: 'PUT', query: { fieldManager: FIELD_MANAGER }, body: object, options: o },
        ),
      ),
    async checkCreation(kind, object, o) {
      const query = { fieldManager: FIELD_MANAGER, dryRun: 'All', fieldValidation: 'Strict' }
      await json(call('create', kind, { namespace: object.metadata.namespace }, { method: 'POST', query, body: object, options: o }))
    },
    create: (kind, object, o) =>
      json(
        call(
          'create',
          kind,
          { namespace: object.metadata.namespace },
          { method: 'POST', query: { fieldManager: FIELD_MANAGER }, body: object, options: o },
        ),
      ),
    patch: (kind, namespace, name, body, o) =>
      json(
        call(
          'patch',
          kind,
          { namespace, name },
          { method: 'PATCH', query: { fieldManager: FIELD_MANAGER }, contentType: 'application/merge-patch+json', body, options: o },
        ),
      ),
    async delete(kind, namespace, name, o) {
      const body = { propagationPolicy: 'Background', ...(o?.uid === undefined ? {} : { preconditions: { uid: o.uid } }) }
      try {
        await json(call('delete', kind, { namespace, name }, { method: 'DELETE', body, options: o }))
        return true
      } catch (error) {
        // Gone, or another object of that name has taken its place: the one that was meant is not there.
        if (error instanceof KubeError && (error.status === 404 || (error.status === 409 && o?.uid !== undefined))) return false
        throw error
      }
    },
    async podLogs(namespace, pod, o) {
      const { what, resource } = target(
        { group: '', version: 'v1', kind: 'Pod', plural: 'pods' },
        { namespace, name: pod, subresource: 'log' },
      )
      const path = `${resourcePath({ group: '', version: 'v1', kind: 'Pod', plural: 'pods' }, { namespace, name: pod })}/log`
      const query = { container: o?.container, tailLines: o?.tailLines === undefined ? undefined : String(o.tailLines) }
      return send(
        { method: 'GET', path, query, what: `get log of ${what}`, used: { verb: 'get', group: '', resource }, options: o ?? {} },
        false,
        (response) => response.body.text(),
      )
    },
    async watch(kind, o) {
      const query = {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: o.resourceVersion,
        timeoutSeconds: String(o.timeoutSeconds),
        labelSelector: o.labelSelector,
      }
      const opened = call(
        'watch',
        kind,
        { namespace: o.namespace },
        { method: 'GET', query, options: o, ...(o.metadataOnly === true ? { accept: METADATA } : {}) },
      )
      return send(opened, true, async (response) => response.body as AsyncIterable<Uint8Array>)
    },
    refreshCredentials: () => void (credentials = undefined),
    close: async () => agent?.destroy(),
  }
  return client
}

function refusal(what: string, response: Dispatcher.ResponseData, text: string): KubeError {
  let message = text.slice(0, 500)
  let reason = `HTTP${response.statusCode}`
  try {
    const status = JSON.parse(text) as { readonly message?: unknown; readonly reason?: unknown }
    if (typeof status.message === 'string') message = status.message
    if (typeof status.reason === 'string') reason = status.reason
  } catch {
    // A proxy in between answered with something else; its text is all there is.
  }
  const after = Number(response.headers['retry-after'])
  return new KubeError(what, {
    status: response.statusCode,
    reason,
    message,
    retryAfterMs: Number.isFinite(after) && after > 0 ? after * 1000 : undefined,
  })
}
