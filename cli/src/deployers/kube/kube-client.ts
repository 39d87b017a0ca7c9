/**
 * The Kubernetes API for command-line users. `@weaver/kube` makes the calls, through the proxies of
 * the environment; this module words failures for users, and retries what may be transient.
 */
import {
  createKubeRequests,
  isKubeError,
  KubeAccess,
  loadKubeconfig,
  type KubeconfigOptions,
  type KubeError,
  type KubeRequest,
} from '@weaver/kube'
import { reasonOf } from '@weaver/sdk/contract'
import { cliError, type CliErrorCode } from '../../errors/catalogue.js'
import { createHttpClient } from '../../http/http-client.js'
import { parseProxy } from '../../http/proxy-environment.js'

export interface KubeCall {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: unknown
  /** @default "application/json" */
  readonly contentType?: string
  /** Statuses besides 2xx that the caller handles. */
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
  /** The namespace of the kubeconfig's context. */
  readonly namespace: string
  readonly server: string
  call(call: KubeCall): Promise<KubeAnswer>
  /** The body as it arrives, for logs. */
  stream(call: Pick<KubeCall, 'path' | 'query' | 'what' | 'signal'>): Promise<AsyncIterable<Uint8Array>>
}

const TIMEOUT_MS = 15_000
const ATTEMPTS = 3
const TIMEOUTS: readonly (string | undefined)[] = ['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']

/** @throws WeaverError `WEAVER_CLI_KUBECONFIG` when there is no usable kubeconfig */
export async function createKubeClient(options: KubeconfigOptions): Promise<KubeClient> {
  const config = await loadKubeconfig(options).catch((cause: unknown) => {
    const why = `${reasonOf(cause)}. Name a kubeconfig with --kubeconfig or in KUBECONFIG; \`kubectl config view\` shows what is in use`
    throw cliError('WEAVER_CLI_KUBECONFIG', why, { cause })
  })
  // Credentials are loaded for each call: a token may have expired, and an exec plugin provides
  // another.
  const access = new KubeAccess(config, { maxAgeMs: 0 })
  const http = createHttpClient(options.env)
  const { proxyUrl, server } = access
  const proxy = proxyUrl === undefined ? undefined : parseProxy(proxyUrl, '"proxy-url" of the kubeconfig')
  const requests = createKubeRequests(access, {
    timeoutMs: TIMEOUT_MS,
    limits: 'silence',
    userAgent: 'weaver-cli',
    transport: {
      request: (url, request) => http.request(url, { ...request, ...(proxy === undefined ? {} : { proxy }) }),
      close: () => http.close(),
    },
  })

  const failed = (call: KubeCall, error: KubeError): Error => {
    const { cause } = error
    if (error.status !== 0) return refused(call, error.status, error.body)
    if (error.reason === 'NoCredentials')
      return cliError('WEAVER_CLI_KUBECONFIG', `no credentials for "${server}": ${reasonOf(cause)}; log in to the cluster again`, { cause })
    const { message, code } = cause as NodeJS.ErrnoException // undici rejects with errors, and sets a code where there is no message
    const why = TIMEOUTS.includes(code) ? `no answer within ${TIMEOUT_MS / 1000} s` : message || String(code)
    const via = http.via(new URL(server), proxy)
    return cliError('WEAVER_CLI_KUBE_UNREACHABLE', `${call.what}: the API server "${server}" cannot be reached${via}: ${why}`, { cause })
  }

  return {
    namespace: access.namespace,
    server,
    async call(call) {
      for (let attempt = 1; ; attempt++) {
        try {
          const { status, text, at } = await requests.answer(requestOf(call))
          return { status, body: text === '' ? undefined : parseJson(text), at }
        } catch (error) {
          if (!isKubeError(error)) throw error
          const { status, reason, body } = error
          if (call.accept?.includes(status) === true) return { status, body: body === '' ? undefined : body, at: Date.now() }
          const isTransient = status === 0 ? reason !== 'NoCredentials' : status === 429 || status >= 500
          if (!isTransient || attempt === ATTEMPTS) throw failed(call, error)
        }
        await new Promise((resolve) => setTimeout(resolve, 300 * attempt))
      }
    },
    async stream(call) {
      return requests.stream(requestOf(call)).catch((error: unknown) => {
        throw isKubeError(error) ? failed(call, error) : error
      })
    },
  }
}

function requestOf({ accept: _accept, signal, ...call }: KubeCall): KubeRequest {
  return { ...call, ...(signal === undefined ? {} : { options: { signal } }) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text // of `/readyz`, for example
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
