/** One request to the API server: credentials, time limit, and the error when it fails. */
import { reasonOf } from '@weaver/sdk/contract'
import type { KubeAccess } from '../access/kube-access.js'
import { DirectTransport, type KubeTransport, type TransportResponse } from '../access/transport.js'
import type { CallOptions } from './kube-api.js'
import { KubeError, type Refusal } from '../errors/kube-error.js'

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
export interface KubeRequest {
  /** @default GET */
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** @default application/json */
  readonly contentType?: string
  /** @default application/json */
  readonly accept?: string
  /** For messages: `get Deployment "shop/cart"`. */
  readonly what: string
  /** For `onCall`; a request without it is not reported. */
  readonly use?: UsedVerb
  readonly options?: CallOptions | undefined
}
export interface KubeAnswer {
  readonly status: number
  readonly text: string
  /** When the API server answered, by its own clock; epoch milliseconds. */
  readonly at: number
}
/** Each rejects with a {@link KubeError}, or with the reason of the call's signal. */
export interface KubeRequests {
  /** The body as JSON. */
  json<T>(request: KubeRequest): Promise<T>
  /** The whole body. */
  answer(request: KubeRequest): Promise<KubeAnswer>
  /** The body as it arrives. Opening it has the time limit, reading it has none. */
  stream(request: KubeRequest): Promise<AsyncIterable<Uint8Array>>
}
export interface RequestsOptions {
  /** Called after each call. */
  readonly onCall?: (call: FinishedCall) => void
  /** Time limit of a call that does not set its own, in milliseconds. @default 10000 */
  readonly timeoutMs?: number
  /**
   * What the time limit is for: the whole `call` with its body, or each `silence` of the server,
   * for people behind a slow line.
   * @default "call"
   */
  readonly limits?: 'call' | 'silence'
  /** What to do about a failure: becomes the last sentence of its message. */
  readonly remedyOf?: (refusal: Refusal) => string | undefined
  readonly userAgent?: string
  /** @default straight to the API server */
  readonly transport?: KubeTransport
}

export function createKubeRequests(access: KubeAccess, options: RequestsOptions = {}): KubeRequests & { close(): Promise<void> } {
  const transport = options.transport ?? new DirectTransport()
  const remedyOf = options.remedyOf ?? (() => undefined)

  const send = async <T>(
    call: KubeRequest,
    { isStream = false, read }: { readonly isStream?: boolean; readonly read: (response: TransportResponse) => Promise<T> },
  ): Promise<T> => {
    const started = performance.now()
    const { method = 'GET', what, use, body } = call
    let isReported = false
    const report = (code: string): void => {
      if (!isReported && use !== undefined) options.onCall?.({ ...use, method, code, seconds: (performance.now() - started) / 1000 })
      isReported = true
    }
    const timeoutMs = call.options?.timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS
    const signal = call.options?.signal
    // A stream lives as long as its reader wants; the limit of opening it is that of the headers.
    const limit = isStream || options.limits === 'silence' ? undefined : AbortSignal.timeout(timeoutMs)
    const signals = [signal, limit].filter((one) => one !== undefined)
    try {
      const { headers, tls } = await access.current()
      const response = await transport.request(urlOf(access.server, call), {
        method,
        headers: {
          accept: call.accept ?? 'application/json',
          ...headers,
          ...(options.userAgent === undefined ? {} : { 'user-agent': options.userAgent }),
          ...(body === undefined ? {} : { 'content-type': call.contentType ?? 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(tls === undefined ? {} : { tls }),
        ...(signals.length === 0 ? {} : { signal: AbortSignal.any(signals) }),
        headersTimeoutMs: timeoutMs,
        bodyTimeoutMs: isStream ? 0 : timeoutMs,
      })
      report(String(response.statusCode))
      if (response.statusCode < 300) return await read(response)
      throw refusal(what, { response, text: await response.body.text(), remedyOf })
    } catch (error) {
      const isAnswered = error instanceof KubeError && error.status !== 0
      if (isAnswered) throw error
      signal?.throwIfAborted()
      report('<error>')
      if (error instanceof KubeError) throw error
      const isTimeout = limit?.aborted === true || TIMEOUTS.has((error as { readonly code?: string }).code ?? '')
      const failed: Refusal = {
        status: 0,
        reason: isTimeout ? 'Timeout' : 'Unreachable',
        message: isTimeout ? `no answer within ${timeoutMs} ms` : reasonOf(error),
      }
      throw new KubeError(what, { ...failed, cause: error, remedy: remedyOf(failed) })
    }
  }
  return {
    // The API server answers with the kind that was asked for.
    json: <T>(request: KubeRequest) => send(request, { read: async ({ body }) => JSON.parse(await body.text()) as T }),
    answer: (request) =>
      send(request, {
        read: async ({ statusCode: status, headers, body }) => ({
          status,
          text: await body.text(),
          at: Date.parse(String(headers['date'] ?? '')) || Date.now(),
        }),
      }),
    stream: (request) => send(request, { isStream: true, read: async ({ body }) => body }),
    close: () => transport.close(),
  }
}

function urlOf(server: string, { path, query = {} }: KubeRequest): URL {
  const url = new URL(server + path)
  for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
  return url
}

function refusal(
  what: string,
  of: { readonly response: TransportResponse; readonly text: string; readonly remedyOf: (refusal: Refusal) => string | undefined },
): KubeError {
  const { statusCode, headers } = of.response
  let body: unknown = of.text
  try {
    body = JSON.parse(of.text)
  } catch {
    // A proxy in between answered with something else; its text is all there is.
  }
  const { message, reason } = (typeof body === 'object' && body !== null ? body : {}) as {
    readonly message?: unknown
    readonly reason?: unknown
  } // a Status, or anything
  const refused: Refusal = {
    status: statusCode,
    reason: typeof reason === 'string' ? reason : `HTTP${statusCode}`,
    message: typeof message === 'string' ? message : of.text.slice(0, 500),
  }
  const after = Number(headers['retry-after'])
  return new KubeError(what, {
    ...refused,
    body,
    retryAfterMs: Number.isFinite(after) && after > 0 ? after * 1000 : undefined,
    remedy: of.remedyOf(refused),
  })
}
