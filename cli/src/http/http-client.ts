/**
 * Sends every request of the command to another machine: registries, their token services, the
 * Kubernetes API. The only module that knows how to get out: by which proxy, with which
 * certificates.
 *
 * undici's `request`, not `fetch`, which follows the rules of browsers: it refuses ports such as
 * 6000, and follows redirects by itself. Nor its `EnvHttpProxyAgent`, which supports no CIDR
 * ranges, sends HTTPS through `HTTP_PROXY`, and uses a proxy for loopback.
 */
import type { Readable } from 'node:stream'
import type { ConnectionOptions } from 'node:tls'
import type { Dispatcher } from 'undici'
import { proxiesOf, type FindProxy, type Proxy } from './proxy-environment.js'

export type TlsOptions = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'servername' | 'rejectUnauthorized'>

export interface HttpRequest {
  /** @default "GET" */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string | Readable
  readonly signal?: AbortSignal
  readonly tls?: TlsOptions
  /** Overrides the environment. */
  readonly proxy?: Proxy
  /** Until the response starts. @default 300000 */
  readonly headersTimeoutMs?: number
  /** Between two chunks of the response; 0 for no limit. @default 300000 */
  readonly bodyTimeoutMs?: number
}

export interface HttpClient {
  /**
   * Sends one request, without following redirects. Rejects if there is no response, and with the
   * signal's reason if it is aborted.
   */
  request(url: URL, options?: HttpRequest): Promise<Dispatcher.ResponseData>
  /**
   * For messages of failures: ` through the proxy "http://proxy.corp:3128" (HTTPS_PROXY)`, or
   * nothing.
   */
  via(url: URL, proxy?: Proxy): string
  /** Closes the connections that are kept alive. Idle ones do not keep a process alive. */
  close(): Promise<void>
}

/** @throws WeaverError `WEAVER_CLI_USAGE` when an environment variable is not the URL of a proxy */
export function createHttpClient(env: Readonly<Record<string, string | undefined>>): HttpClient {
  const findProxy: FindProxy = proxiesOf(env)
  const dispatchers = new Map<string, Dispatcher>()

  const dispatcherFor = async (proxy: Proxy | undefined, tls: TlsOptions | undefined): Promise<Dispatcher> => {
    const key = JSON.stringify([proxy?.url, proxy?.authorization, tls])
    const known = dispatchers.get(key)
    if (known !== undefined) return known
    const { Agent, ProxyAgent } = await import('undici') // not loaded by commands that send nothing
    const made =
      proxy === undefined
        ? new Agent(tls === undefined ? {} : { connect: tls })
        : new ProxyAgent({
            uri: proxy.url.href,
            ...(proxy.authorization === undefined ? {} : { token: proxy.authorization }),
            ...(tls === undefined ? {} : { requestTls: tls }),
            // proxies allow CONNECT to port 443 and few others; plain HTTP they accept as it is
            proxyTunnel: false,
          })
    dispatchers.set(key, made)
    return made
  }

  return {
    async request(url, options = {}) {
      const { request } = await import('undici')
      const dispatcher = await dispatcherFor(options.proxy ?? findProxy(url), options.tls)
      return request(url, {
        dispatcher,
        method: (options.method ?? 'GET') as Dispatcher.HttpMethod, // ours are all in its list
        headers: { 'user-agent': 'weaver', ...options.headers },
        ...(options.body === undefined ? {} : { body: options.body }),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        ...(options.headersTimeoutMs === undefined ? {} : { headersTimeout: options.headersTimeoutMs }),
        ...(options.bodyTimeoutMs === undefined ? {} : { bodyTimeout: options.bodyTimeoutMs }),
      })
    },
    via(url, given) {
      const proxy = given ?? findProxy(url)
      return proxy === undefined
        ? ''
        : ` through the proxy "${proxy.url.origin === 'null' ? proxy.url.href : proxy.url.origin}" (${proxy.source})`
    },
    async close() {
      const open = [...dispatchers.values()]
      dispatchers.clear()
      await Promise.all(open.map((dispatcher) => dispatcher.close()))
    },
  }
}
