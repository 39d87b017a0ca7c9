import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream'
import { proxyError } from './errors/catalogue.js'
import { resolveProxyLimits, type ProxyLimits } from './limits.js'
import type { CloseOptions, DrainOptions, ListenerProxy, ProxyOptions, ProxyStats, Route } from './proxy.js'
import type { BackendState, InFlight } from './routing/backend.js'
import type { Picked, RouteState, TargetState } from './routing/route-state.js'
import { RouteTable } from './routing/route-table.js'

/**
 * Starts a proxy and resolves when it listens.
 *
 * @throws WEAVER_PROXY_LISTEN, WEAVER_PROXY_ROUTES
 */
export async function startProxy(options: ProxyOptions): Promise<ListenerProxy> {
  const proxy = new Proxy(options)
  await proxy.listen()
  return proxy
}

class Proxy implements ListenerProxy {
  readonly #options: ProxyOptions
  readonly #limits: ProxyLimits
  readonly #table: RouteTable
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #refused = 0
  #retries = 0
  #closed: Promise<void> | undefined

  constructor(options: ProxyOptions) {
    this.#options = options
    this.#limits = resolveProxyLimits(options.limits)
    this.#table = new RouteTable(options.log)
    this.#table.set(options.routes ?? [], options.protocol ?? 'http')
    this.#server = createServer(
      { headersTimeout: this.#limits.headMs, keepAliveTimeout: this.#limits.idleMs },
      (req, res) => void this.#serve(req, res),
    )
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.#server.on('upgrade', (req, socket, head) => void this.#upgrade(req, socket as Socket, head))
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (cause) =>
        reject(
          proxyError('WEAVER_PROXY_LISTEN', `a proxy cannot listen on ${host}:${port}: ${cause.message}`, {
            cause,
            details: { host, port },
          }),
        ),
      )
      this.#server.listen({ host, port }, resolve)
    })
  }

  get port(): number {
    // A server that listens on TCP has an address of this kind.
    return (this.#server.address() as AddressInfo).port
  }

  get address(): string {
    const { host } = this.#options
    return host.includes(':') ? `[${host}]:${this.port}` : `${host}:${this.port}`
  }

  setRoutes(routes: readonly Route[]): void {
    this.#table.set(routes, this.#options.protocol ?? 'http')
  }

  stats(): ProxyStats {
    return { routes: this.#table.stats(), connections: this.#sockets.size, refused: this.#refused, retries: this.#retries }
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
      const timer = setTimeout(() => {
        this.#table.close()
        for (const socket of this.#sockets) socket.destroy()
      }, graceMs)
      this.#server.close(() => {
        clearTimeout(timer)
        this.#table.close()
        resolve()
      })
    })
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const fail = (status: number, text: string): void => {
      if (res.headersSent) res.destroy()
      else res.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${status} ${text}\n`)
    }
    const route = this.#table.find(req.headers.host)
    if (route === undefined) {
      this.#refused++
      return this.#table.isEmpty ? fail(503, 'this proxy has no routes yet') : fail(421, 'this proxy does not serve that host')
    }
    const turn = route.next()
    const tried: BackendState[] = []
    for (;;) {
      const picked = await this.#pick(route, turn, tried)
      if (picked === undefined) return fail(503, 'no backend of this listener is alive')
      const outcome = await this.#attempt(picked, req, res)
      if (outcome !== 'not sent') return outcome === 'done' ? undefined : fail(502, 'the backend broke the connection')
      tried.push(picked.backend)
      this.#retries++
    }
  }

  async #pick(route: RouteState, turn: TargetState | undefined, tried: readonly BackendState[]): Promise<Picked | undefined> {
    const until = performance.now() + this.#limits.queueMs
    for (;;) {
      const picked = route.pick(turn, tried) ?? route.pick(turn, [])
      if (picked !== undefined) return picked
      const left = until - performance.now()
      if (left <= 0) return undefined
      await new Promise<void>((resolve) => {
        const off = this.#table.onceChanged(resolve)
        setTimeout(() => (off(), resolve()), left)
      })
    }
  }

  #attempt({ target, backend }: Picked, req: IncomingMessage, res: ServerResponse): Promise<'done' | 'not sent' | 'failed'> {
    return new Promise((resolve) => {
      const out = httpRequest({
        host: backend.host,
        port: backend.port,
        agent: false,
        method: req.method,
        path: req.url,
        headers: this.#forwarded(req, 'close'),
      })
      const entry: InFlight = { cut: () => (out.destroy(), res.destroy()) }
      this.#count(target, backend, entry)
      const settle = (outcome: 'done' | 'not sent' | 'failed'): void => {
        this.#uncount(target, backend, entry, outcome !== 'done')
        resolve(outcome)
      }
      out.once('socket', (socket) =>
        socket.once('connect', () =>
          pipeline(req, out, (error) => {
            if (error !== null && error !== undefined) out.destroy()
          }),
        ),
      )
      out.once('response', (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.statusMessage, endToEnd(answer))
        pipeline(answer, res, () => settle('done'))
      })
      out.once('error', (error: NodeJS.ErrnoException) => {
        const isRefused = error.syscall === 'connect'
        backend.markDown(error.message)
        settle(isRefused ? 'not sent' : 'failed')
      })
    })
  }

  async #upgrade(req: IncomingMessage, client: Socket, head: Buffer): Promise<void> {
    client.once('error', () => client.destroy())
    const route = this.#table.find(req.headers.host)
    const picked = route === undefined ? undefined : await this.#pick(route, route.next(), [])
    if (picked === undefined) return void client.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    const { target, backend } = picked
    const headers = { ...this.#forwarded(req, 'Upgrade'), upgrade: req.headers.upgrade ?? '' }
    const out = httpRequest({ host: backend.host, port: backend.port, agent: false, method: req.method, path: req.url, headers })
    const entry: InFlight = { cut: () => (out.destroy(), client.destroy()) }
    this.#count(target, backend, entry)
    out.once('upgrade', (answer, server: Socket, rest: Buffer) => {
      const lines = answer.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1] ?? ''}\r\n`] : []))
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`)
      client.write(rest)
      server.write(head)
      pipeline(client, server, client, () => (server.destroy(), client.destroy()))
    })
    out.once('response', (answer) => {
      client.end(`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      answer.destroy()
    })
    out.once('error', () => client.destroy())
    client.once('close', () => (out.destroy(), this.#uncount(target, backend, entry, false)))
    out.end()
  }

  #forwarded(req: IncomingMessage, connection: string): OutgoingHttpHeaders {
    return {
      ...endToEnd(req),
      host: req.headers.host ?? '',
      connection,
      'x-forwarded-for': req.socket.remoteAddress ?? '',
      'x-forwarded-host': req.headers.host ?? '',
      'x-forwarded-proto': 'http',
    }
  }

  #count(target: TargetState, backend: BackendState, entry: InFlight): void {
    target.requests++
    target.inFlight++
    backend.begin(entry)
  }

  #uncount(target: TargetState, backend: BackendState, entry: InFlight, isError: boolean): void {
    target.inFlight--
    if (isError) {
      target.errors++
      backend.errors++
    }
    backend.end(entry)
  }
}

const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

function endToEnd({ headersDistinct }: IncomingMessage): OutgoingHttpHeaders {
  const kept: OutgoingHttpHeaders = {}
  for (const [name, values] of Object.entries(headersDistinct)) if (values !== undefined && !HOP_BY_HOP.has(name)) kept[name] = values
  return kept
}
