/**
 * The port through which requests leave, and the default transport: straight to the API server. The
 * command line passes one that knows the proxies of its environment.
 */
import type { ConnectionOptions } from 'node:tls'
import type { Agent } from 'undici'

export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly tls?: TlsOptions
  readonly signal?: AbortSignal
  /** Until the answer begins. */
  readonly headersTimeoutMs: number
  /** Between two pieces of the answer; 0: no limit. */
  readonly bodyTimeoutMs: number
}
export interface TransportResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AsyncIterable<Uint8Array> & { text(): Promise<string> }
}
export interface KubeTransport {
  /** Redirects are not followed. Rejects with the error of undici when there is no answer. */
  request(url: URL, request: TransportRequest): Promise<TransportResponse>
  /** Ends all connections, also those in use. */
  close(): Promise<void>
}

const CONNECT_TIMEOUT_MS = 5_000

/**
 * Keeps connections alive, and replaces them when certificates change. HTTP/1.1: undici may end the
 * process with an unhandled error when it is closed while an HTTP/2 session is open. Their number
 * has no limit: each watch holds one.
 */
export class DirectTransport implements KubeTransport {
  #current: { readonly agent: Promise<Agent>; readonly key: string } | undefined

  async request(
    url: URL,
    { method, headers, body, tls, signal, headersTimeoutMs, bodyTimeoutMs }: TransportRequest,
  ): Promise<TransportResponse> {
    const dispatcher = await this.#agentWith(tls)
    const { request } = await import('undici')
    return request(url, {
      method,
      dispatcher,
      headers,
      signal: signal ?? null,
      headersTimeout: headersTimeoutMs,
      bodyTimeout: bodyTimeoutMs,
      ...(body === undefined ? {} : { body }),
    })
  }

  async close(): Promise<void> {
    await (await this.#current?.agent)?.destroy()
  }

  #agentWith(tls: TlsOptions | undefined): Promise<Agent> {
    const key = JSON.stringify(tls ?? {}, (_, value: unknown) => (Buffer.isBuffer(value) ? value.toString('base64') : value))
    if (this.#current?.key === key) return this.#current.agent
    // Requests in flight on the old agent finish.
    void this.#current?.agent.then((agent) => agent.close())
    const agent = import('undici').then(
      ({ Agent }) =>
        new Agent({
          allowH2: false,
          connect: { ...tls, timeout: CONNECT_TIMEOUT_MS },
          keepAliveTimeout: 30_000,
        }),
    )
    this.#current = { agent, key }
    return agent
  }
}
