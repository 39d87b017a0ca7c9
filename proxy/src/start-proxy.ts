import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { proxyError } from './errors/catalogue.js'
import { ClientConnection } from './forward/client-connection.js'
import { SWEEP_MS, type Engine } from './forward/engine.js'
import { createHttp2Side } from './forward/http2-side.js'
import { TcpConnection } from './forward/tcp-connection.js'
import { resolveProxyLimits } from './limits.js'
import type { CloseOptions, DrainOptions, ListenerProxy, ProxyOptions, ProxyStats, Route } from './proxy.js'
import { RouteTable } from './routing/route-table.js'

/**
 * Starts a proxy and resolves when it listens.
 *
 * @throws WEAVER_PROXY_LISTEN, WEAVER_PROXY_ROUTES
 */
export async function startProxy(options: ProxyOptions): Promise<ListenerProxy> {
  const proxy = new ListeningProxy(options)
  await proxy.listen()
  return proxy
}

interface Connection {
  sweep(now: number): void
  /** As soon as nothing is in flight on it. */
  close(): void
  destroy(): void
}

class ListeningProxy implements ListenerProxy {
  readonly #options: ProxyOptions
  readonly #engine: Engine
  readonly #table: RouteTable
  readonly #server: Server
  readonly #connections = new Map<Socket, Connection>()
  readonly #http2: ReturnType<typeof createHttp2Side>
  #sweeper: NodeJS.Timeout | undefined
  #wasHeldUp = false
  #address = ''
  #port = 0
  #closed: Promise<void> | undefined

  constructor(options: ProxyOptions) {
    const { log, routes = [], protocol = 'http', trustForwarded: isTrusted = false } = options
    this.#options = options
    this.#table = new RouteTable(log)
    this.#table.set(routes, protocol)
    this.#engine = {
      table: this.#table,
      limits: resolveProxyLimits(options.limits),
      isTrusted,
      log,
      now: performance.now(),
      isClosing: false,
      refused: 0,
      retries: 0,
      lostPins: 0,
    }
    this.#http2 = createHttp2Side(this.#engine)
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) => {
      this.#connections.set(socket, protocol === 'tcp' ? new TcpConnection(this.#engine, socket) : this.#speakHttp(socket))
      socket.on('close', () => this.#connections.delete(socket))
    })
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void => {
        this.#table.close()
        reject(
          proxyError('WEAVER_PROXY_LISTEN', `a proxy cannot listen on ${host}:${port}: ${cause.message}`, {
            cause,
            details: { host, port },
          }),
        )
      }
      this.#server.once('error', failed)
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed)
        this.#server.on('error', (err) => this.#options.log?.warn('a connection could not be accepted', { err }))
        resolve()
      })
    })
    // A server that listens on TCP has an address of this kind.
    this.#port = (this.#server.address() as AddressInfo).port
    this.#address = host.includes(':') ? `[${host}]:${this.#port}` : `${host}:${this.#port}`
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS)
    this.#sweeper.unref()
  }

  get port(): number {
    return this.#port
  }

  get address(): string {
    return this.#address
  }

  setRoutes(routes: readonly Route[]): void {
    this.#table.set(routes, this.#options.protocol ?? 'http')
  }

  stats(): ProxyStats {
    const { refused, retries, lostPins } = this.#engine
    return { routes: this.#table.stats(), connections: this.#connections.size, refused, retries, lostPins }
  }

  async drain(backendId: string, { graceMs }: DrainOptions = {}): Promise<{ readonly cut: number }> {
    const backend = this.#table.backend(backendId)
    if (backend === undefined) return { cut: 0 }
    let cut = 0
    const timer = graceMs === undefined ? undefined : setTimeout(() => (cut = backend.cutAll()), graceMs)
    await backend.drain()
    clearTimeout(timer)
    return { cut }
  }

  close({ graceMs = 10_000 }: CloseOptions = {}): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#engine.isClosing = true
      const timer = setTimeout(() => {
        for (const connection of this.#connections.values()) connection.destroy()
        this.#http2.destroy()
      }, graceMs)
      this.#server.close(() => {
        clearTimeout(timer)
        clearInterval(this.#sweeper)
        this.#table.close()
        resolve()
      })
      for (const connection of this.#connections.values()) connection.close()
      this.#http2.close()
    })
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #speakHttp(socket: Socket): Connection {
    return new ClientConnection({ engine: this.#engine, socket, onHttp2: (taken) => this.#http2.take(taken) })
  }

  #sweep(): void {
    const now = performance.now()
    // A process that was held up has not read yet what came meanwhile: nobody is late before it
    // has.
    const isHeldUp = !this.#wasHeldUp && now - this.#engine.now > 2 * SWEEP_MS
    this.#engine.now = now
    this.#wasHeldUp = isHeldUp
    if (isHeldUp) return
    for (const connection of this.#connections.values()) connection.sweep(now)
    this.#http2.sweep(now)
    this.#table.sweep(now)
  }
}
