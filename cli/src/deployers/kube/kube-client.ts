// Calls of the Kubernetes API for people at a terminal: each has a time limit, and each failure says what to do. client-node reads the kubeconfig and gives the
// credentials (certificates, tokens, exec plugins); the calls are made here.
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import type { Cluster } from '@kubernetes/client-node'
import { WeaverError } from '@weaver/sdk/contract'
import { cliError, type CliErrorCode } from '../../errors/catalogue.js'
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
}
export interface KubeClient {
  /** Of the kubeconfig's context. */
  readonly namespace: string
  readonly server: string
  call(call: KubeCall): Promise<KubeAnswer>
  /** The body as it comes; for logs. */
  stream(call: Pick<KubeCall, 'path' | 'query' | 'what' | 'signal'>): Promise<AsyncIterable<Buffer>>
}

const TIMEOUT_MS = 15_000
const ATTEMPTS = 3

/** @throws WeaverError `WEAVER_CLI_KUBECONFIG` when there is no usable kubeconfig */
export async function createKubeClient(options: KubeconfigOptions): Promise<KubeClient> {
  const config = await loadKubeconfig(options)
  const cluster = config.getCurrentCluster() as Cluster // loadKubeconfig saw to it
  const context = config.getContextObject(config.getCurrentContext())

  const open = async ({
    method = 'GET',
    path,
    query = {},
    body,
    contentType = 'application/json',
    what,
    signal,
  }: KubeCall): Promise<IncomingMessage> => {
    const url = new URL(cluster.server.replace(/\/$/, '') + path)
    for (const [key, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(key, value)
    const payload = body === undefined ? undefined : JSON.stringify(body)
    const request: RequestOptions = {
      method,
      ...(signal === undefined ? {} : { signal }),
      headers: {
        accept: 'application/json',
        'user-agent': 'weaver-cli',
        ...(payload === undefined ? {} : { 'content-type': contentType, 'content-length': Buffer.byteLength(payload) }),
      },
    }
    try {
      // plain HTTP (`kubectl proxy`) carries no credentials, and client-node refuses it
      if (url.protocol === 'https:') await config.applyToHTTPSOptions(request)
    } catch (cause) {
      throw cliError(
        'WEAVER_CLI_KUBECONFIG',
        `no credentials for "${cluster.server}": ${(cause as Error).message}; log in to the cluster again`,
        { cause },
      ) // an exec plugin or an OIDC login failed
    }
    return new Promise((resolve, reject) => {
      const made = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, request, resolve)
      // Until the answer begins; what follows has the caller's signal, for a log may be silent for hours.
      made.setTimeout(TIMEOUT_MS, () => made.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
      made.on('response', () => made.setTimeout(0))
      made.on('error', (cause) =>
        reject(
          signal?.aborted === true
            ? (signal.reason as Error) // as every aborted wait rejects
            : cliError(
                'WEAVER_CLI_KUBE_UNREACHABLE',
                `${what}: the API server "${cluster.server}" cannot be reached: ${cause.message || String((cause as NodeJS.ErrnoException).code)}`,
                { cause },
              ), // Node sets a code where there is no message
        ),
      )
      made.end(payload)
    })
  }

  return {
    namespace: context?.namespace ?? 'default',
    server: cluster.server,
    async call(call) {
      for (let attempt = 1; ; attempt++) {
        try {
          const response = await open(call)
          const text = await readText(response)
          const status = response.statusCode ?? 0
          const answer: unknown = text === '' ? undefined : parseJson(text)
          if ((status >= 200 && status < 300) || call.accept?.includes(status) === true) return { status, body: answer }
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
      const status = response.statusCode ?? 0
      if (status !== 200) throw refused(call, status, parseJson(await readText(response)))
      return response
    },
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer) // no encoding is set
  return Buffer.concat(chunks).toString()
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
    401: ['WEAVER_CLI_KUBE_FORBIDDEN', 'log in to the cluster again'],
    403: ['WEAVER_CLI_KUBE_FORBIDDEN', 'ask for the right, or use another context'],
    404: ['WEAVER_CLI_KUBE_NOT_FOUND', 'check the name and the namespace'],
    409: ['WEAVER_CLI_KUBE_CONFLICT', 'try again'],
  }
  const [code, remedy] = codes[status] ?? ['WEAVER_CLI_KUBE_REFUSED', 'correct what it names']
  return cliError(code, `${what}: the API server refused ${method} with ${status}: ${said.trim()}; ${remedy}`, {
    details: { status, body },
  })
}
