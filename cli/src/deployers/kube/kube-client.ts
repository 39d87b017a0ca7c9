// Calls of the Kubernetes API for people at a terminal: each has a time limit, and each failure says what to do. client-node reads the kubeconfig and gives the
// credentials (certificates, tokens, exec plugins); the calls are made here.
import type { RequestOptions } from 'node:https'
import type { Cluster, KubeConfig } from '@kubernetes/client-node'
import { WeaverError } from '@weaver/sdk/contract'
import { cliError, type CliErrorCode } from '../../errors/catalogue.js'
import { createHttpClient, type HttpClient, type TlsOptions } from '../../http/http-client.js'
import { parseProxy } from '../../http/proxy-environment.js'
import { loadKubeconfig, type KubeconfigOptions } from './kubeconfig.js'

export interface KubeCall {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** @default "application/json" */
  readonly contentType?: string
  /** Statuses besides 2xx that the caller takes. */
  readonly accept?: readonly number[]
  /** For messages: `WeaverApp "shop/hello"`. */
  readonly what: string
  readonly signal?: AbortSignal
}
export interface KubeAnswer {
  readonly status: number
  readonly body: unknown
  /** When the API server answered, by its own clock; epoch milliseconds. */
  readonly at: number
}
export interface KubeClient {
  /** Of the kubeconfig's context. */
  readonly namespace: string
  readonly server: string
  call(call: KubeCall): Promise<KubeAnswer>
  /** The body as it comes; for logs. */
  stream(call: Pick<KubeCall, 'path' | 'query' | 'what' | 'signal'>): Promise<AsyncIterable<Buffer>>
}

type Response = Awaited<ReturnType<HttpClient['request']>>

const TIMEOUT_MS = 15_000
const ATTEMPTS = 3

/** @throws WeaverError `WEAVER_CLI_KUBECONFIG` when there is no usable kubeconfig */
export async function createKubeClient(options: KubeconfigOptions): Promise<KubeClient> {
  const config = await loadKubeconfig(options)
  const cluster = config.getCurrentCluster() as Cluster // loadKubeconfig saw to it
  const context = config.getContextObject(config.getCurrentContext())
  const http = createHttpClient(options.env)

  const proxy = (cluster.proxyUrl ?? '') === '' ? undefined : parseProxy(cluster.proxyUrl ?? '', '"proxy-url" of the kubeconfig')

  const open = async ({
    method = 'GET',
    path,
    query = {},
    body,
    contentType = 'application/json',
    what,
    signal,
  }: KubeCall): Promise<Response> => {
    const url = new URL(cluster.server.replace(/\/$/, '') + path)
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
    // plain HTTP (`kubectl proxy`) carries no credentials
    const { headers, tls } = url.protocol === 'https:' ? await accessOf(config, cluster) : {}
    const payload = body === undefined ? undefined : JSON.stringify(body)
    try {
      return await http.request(url, {
        method,
        headers: {
          accept: 'application/json',
          ...(payload === undefined ? {} : { 'content-type': contentType }),
          ...headers,
          'user-agent': 'weaver-cli',
        },
        ...(payload === undefined ? {} : { body: payload }),
        ...(signal === undefined ? {} : { signal }),
        ...(tls === undefined ? {} : { tls }),
        ...(proxy === undefined ? {} : { proxy }),
        headersTimeoutMs: TIMEOUT_MS,
        bodyTimeoutMs: 0, // the caller's signal ends it: a log may be silent for hours
      })
    } catch (cause) {
      signal?.throwIfAborted() // as every aborted wait rejects
      const { message, code } = cause as NodeJS.ErrnoException // undici rejects with errors, and sets a code where there is no message
      const why = code === 'UND_ERR_HEADERS_TIMEOUT' ? `no answer within ${TIMEOUT_MS / 1000} s` : message || String(code)
      throw cliError(
        'WEAVER_CLI_KUBE_UNREACHABLE',
        `${what}: the API server "${cluster.server}" cannot be reached${http.via(url, proxy)}: ${why}`,
        { cause },
      )
    }
  }

  return {
    namespace: context?.namespace ?? 'default',
    server: cluster.server,
    async call(call) {
      for (let attempt = 1; ; attempt++) {
        try {
          const response = await open(call)
          const text = await response.body.text()
          const status = response.statusCode
          const answer: unknown = text === '' ? undefined : parseJson(text)
          if ((status >= 200 && status < 300) || call.accept?.includes(status) === true)
            return { status, body: answer, at: Date.parse(String(response.headers['date'] ?? '')) || Date.now() }
          if (status !== 429 && status < 500) throw refused(call, status, answer)
          if (attempt === ATTEMPTS) throw refused(call, status, answer)
        } catch (error) {
          const isTransient = error instanceof WeaverError && error.code === 'WEAVER_CLI_KUBE_UNREACHABLE'
          if (!isTransient || attempt === ATTEMPTS) throw error
        }
        await new Promise((resolve) => setTimeout(resolve, 300 * attempt))
      }
    },
    async stream(call) {
      const response = await open(call)
      const status = response.statusCode
      if (status !== 200) throw refused(call, status, parseJson(await response.body.text()))
      return response.body
    },
  }
}

/** Credentials of the kubeconfig's user, asked for with each call: a token may have ended, an exec plugin gives another. */
async function accessOf(
  config: KubeConfig,
  cluster: Cluster,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly tls: TlsOptions }> {
  const given: RequestOptions = { headers: {} }
  try {
    await config.applyToHTTPSOptions(given)
  } catch (cause) {
    // an exec plugin or an OIDC login failed
    const why = (cause as Error).message // client-node rejects with errors
    throw cliError('WEAVER_CLI_KUBECONFIG', `no credentials for "${cluster.server}": ${why}; log in to the cluster again`, { cause })
  }
  const { ca, cert, key, servername, rejectUnauthorized, auth } = given
  const basic = typeof auth === 'string' ? { authorization: `Basic ${Buffer.from(auth).toString('base64')}` } : {}
  const tls = { ca, cert, key, servername, rejectUnauthorized }
  return {
    headers: { ...(given.headers as Readonly<Record<string, string>>), ...basic }, // client-node sets texts
    tls: Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined && value !== null)), // undici takes a key without a value for one
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // a proxy's page, or a log; `refused` shows its beginning
  }
}

function refused({ what, method = 'GET' }: Pick<KubeCall, 'what' | 'method'>, status: number, body: unknown): Error {
  const said = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : String(body ?? '').slice(0, 200)
  const codes: Readonly<Record<number, readonly [CliErrorCode, string]>> = {
    401: ['WEAVER_CLI_KUBE_UNAUTHORIZED', 'log in to the cluster again, or use another context'],
    403: ['WEAVER_CLI_KUBE_FORBIDDEN', 'ask for the right, or use another context'],
    404: ['WEAVER_CLI_KUBE_NOT_FOUND', 'check the name and the namespace'],
    409: ['WEAVER_CLI_KUBE_CONFLICT', 'try again'],
  }
  const [code, remedy] = codes[status] ?? ['WEAVER_CLI_KUBE_REFUSED', 'correct what it names']
  return cliError(code, `${what}: the API server refused ${method} with ${status}: ${said.trim()}; ${remedy}`, {
    details: { status, body },
  })
}
