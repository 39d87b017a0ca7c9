/** One request to the API server: its path and name for messages, its time limit, and what becomes of a refusal. */
import { request, type Dispatcher } from 'undici'
import { reasonOf } from '@weaver/sdk/contract'
import type { KubeAccess } from './kube-access.js'
import type { CallOptions, ResourceKind } from './kube-api.js'
import { KubeError } from './kube-error.js'
import { resourcePath } from './kinds.js'

const DEFAULT_TIMEOUT_MS = 10_000
const TIMEOUTS: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_CONNECT_TIMEOUT'])

/** One call as RBAC sees it. */
export interface UsedVerb {
  readonly verb: string
  readonly group: string
  readonly resource: string
}
export interface FinishedCall extends UsedVerb {
  readonly method: string
  /** The HTTP status, or `<error>`. */
  readonly code: string
  readonly seconds: number
}
/** What a call is about: a collection, an object in it, or a subresource of that. */
export interface Target {
  readonly namespace?: string | undefined
  readonly name?: string
  readonly subresource?: string | undefined
}
export interface KubeCall extends Target {
  readonly verb: string
  readonly kind: ResourceKind
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** @default application/json */
  readonly contentType?: string
  /** @default application/json */
  readonly accept?: string
  /** In the place of `<verb> <kind> "<name>"` in messages. */
  readonly what?: string
  readonly options: CallOptions | undefined
}
export interface KubeRequests {
  /** The body as JSON. The time limit holds until it is read. */
  json<T>(call: KubeCall): Promise<T>
  /** The body as text. */
  text(call: KubeCall): Promise<string>
  /** The body as it comes. Opening it has the time limit, reading it has none. */
  stream(call: KubeCall): Promise<AsyncIterable<Uint8Array>>
}
export interface RequestsOptions {
  /** Told of each finished call. */
  readonly onCall?: (call: FinishedCall) => void
  /** Longest wait for an answer to a call that does not say, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
}

export function createKubeRequests(access: KubeAccess, options: RequestsOptions = {}): KubeRequests {
  const send = async <T>(
    call: KubeCall,
    { isStream = false, read }: { readonly isStream?: boolean; readonly read: (response: Dispatcher.ResponseData) => Promise<T> },
  ): Promise<T> => {
    const started = performance.now()
    const { kind, subresource, verb, method } = call
    const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`
    let isReported = false
    const report = (code: string): void => {
      if (!isReported) options.onCall?.({ method, code, seconds: (performance.now() - started) / 1000, verb, group: kind.group, resource })
      isReported = true
    }
    const what = call.what ?? `${verb} ${nameOf(call)}`
    const timeoutMs = call.options?.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const signal = call.options?.signal
    const limit = AbortSignal.timeout(timeoutMs)
    const limited = signal === undefined ? limit : AbortSignal.any([signal, limit])
    try {
      const { agent, headers } = await access.current()
      const response = await request(urlOf(access.server, call), {
        method,
        dispatcher: agent,
        headers: {
          accept: call.accept ?? 'application/json',
          ...headers,
          ...(call.body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        // A watch lives as long as its reflector wants; the limit of opening it is that of the headers.
        signal: isStream ? (signal ?? null) : limited,
        headersTimeout: timeoutMs,
        bodyTimeout: isStream ? 0 : timeoutMs,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      })
      report(String(response.statusCode))
      if (response.statusCode < 300) return await read(response)
      throw refusal(what, response, await response.body.text())
    } catch (error) {
      if (error instanceof KubeError) throw error
      signal?.throwIfAborted()
      report('<error>')
      const isTimeout = limit.aborted || TIMEOUTS.has((error as { readonly code?: string }).code ?? '')
      throw new KubeError(what, {
        status: 0,
        reason: isTimeout ? 'Timeout' : 'Unreachable',
        message: isTimeout ? `no answer within ${timeoutMs} ms` : reasonOf(error),
        cause: error,
      })
    }
  }
  return {
    // The API server answers with the kind that was asked for.
    json: <T>(call: KubeCall) => send(call, { read: async (response) => (await response.body.json()) as T }),
    text: (call) => send(call, { read: (response) => response.body.text() }),
    stream: (call) => send(call, { isStream: true, read: async (response) => response.body as AsyncIterable<Uint8Array> }),
  }
}

/** `Deployment "shop/cart"`, or `Deployments`. */
export function nameOf({ kind, namespace = '', name }: Target & { readonly kind: ResourceKind }): string {
  return name === undefined ? `${kind.kind}s` : `${kind.kind} "${namespace === '' ? '' : `${namespace}/`}${name}"`
}

function urlOf(server: string, { kind, namespace, name, subresource, query = {} }: KubeCall): URL {
  const at = {
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(subresource === undefined ? {} : { subresource }),
  }
  const url = new URL(server + resourcePath(kind, at))
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
  return url
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
