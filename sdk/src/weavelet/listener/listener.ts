import type { Server as HttpServer, ServerResponse } from 'node:http'
import type { AddressInfo, Server, Socket } from 'node:net'
import type { Listener } from '../../component/listener.js'
import { WeaverError } from '../../contract/errors.js'
import { processNow } from '../../context/process-clock.js'
import { createGoodbye, type Goodbye } from './goodbye.js'

/**
 * Proxies keep connections to a pod open; if the pod closes one first, a request is lost. Node's
 * default of 5 s is far below theirs.
 */
const KEEP_ALIVE_MS = 75_000
const NODE_KEEP_ALIVE_MS = 5_000
/** How long responses ask clients to open a new connection after a goodbye. */
const GOODBYE_MS = 5_000
/** The share of a listener's stop time after which it asks clients to leave. */
const GOODBYE_SHARE = 0.5

/** A listener with the weavelet's operations on it. */
export interface BoundListener extends Listener {
  readonly isBound: boolean
  /**
   * From now on every response whose head is not written yet asks its client to open a new
   * connection, elsewhere.
   */
  beginDrain(): void
  /**
   * Asks clients whose connections do not end by themselves to reconnect elsewhere (goodbye.ts),
   * and for some seconds all others that receive a response. The listener keeps serving; no
   * connection is asked twice.
   * @returns the number of connections asked
   */
  goodbye(): number
  /**
   * Resolves when the last connection has ended. After half of `withinMs` milliseconds remaining
   * clients are asked to leave; after all of it, connections are cut off.
   * @default no limit
   * @returns false if any was cut off
   */
  close(limit?: { readonly withinMs?: number }): Promise<boolean>
}

export interface ListenerHooks {
  /** Called before the server is bound. */
  onServe?(server: Server): void
  onBound?(at: { readonly host: string; readonly port: number }): void
}

export function createListener(name: string, address: string, hooks: ListenerHooks = {}): BoundListener {
  return new ServerListener(name, address, hooks)
}

class ServerListener implements BoundListener {
  readonly name: string
  readonly #address: string
  readonly #hooks: ListenerHooks
  #server: Server | undefined
  #isBound = false
  #isDraining = false
  #isClosed = false
  #binding: Promise<void> | undefined
  /** Open connections, including WebSockets and the like, which an HTTP server no longer tracks. */
  readonly #sockets = new Set<Socket>()
  /**
   * Responses that have not ended. Whether the connection stays open is stated in the head, which
   * may be written long after the request arrived.
   */
  readonly #answers = new Set<ServerResponse>()
  #parting: Goodbye | undefined
  #partingUntil = 0

  constructor(name: string, address: string, hooks: ListenerHooks) {
    this.name = name
    this.#address = address
    this.#hooks = hooks
  }

  get isBound(): boolean {
    return this.#isBound
  }

  async serve(server: Server): Promise<{ readonly host: string; readonly port: number }> {
    const { name } = this
    if (this.#isClosed)
      throw new WeaverError(
        'WEAVER_LISTENER_CLOSED',
        `listener "${name}" is not bound any more: the process is stopping; serve it earlier in main()`,
      )
    if (this.#server !== undefined)
      throw new WeaverError('WEAVER_LISTENER_TWICE', `listener "${name}" serves already; declare one listener for each server`)
    this.#server = server
    this.#parting = createGoodbye(server, this.#answers)
    this.#hooks.onServe?.(server)
    this.#follow(server)
    if (isHttp(server) && server.keepAliveTimeout === NODE_KEEP_ALIVE_MS) {
      server.keepAliveTimeout = KEEP_ALIVE_MS
      server.headersTimeout = Math.max(server.headersTimeout, KEEP_ALIVE_MS + 1_000)
    }
    try {
      this.#binding = listen(server, name, this.#address)
      await this.#binding
    } catch (error) {
      this.#server = undefined // another server, or the same one again, may still be passed
      throw error
    }
    this.#isBound = true
    const bound = server.address() as AddressInfo // a TCP server that listens has one
    const at = { host: bound.address, port: bound.port }
    this.#hooks.onBound?.(at)
    return at
  }

  /** Tracks what is open, and asks clients that receive a response to leave, when required. */
  #follow(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    server.prependListener('request', (_request: unknown, response: ServerResponse) => {
      if (this.#isDraining || (this.#partingUntil > 0 && processNow() < this.#partingUntil)) response.shouldKeepAlive = false
      this.#answers.add(response)
      response.once('close', () => this.#answers.delete(response))
    })
  }

  beginDrain(): void {
    this.#drain()
    if (this.#server !== undefined && isHttp(this.#server)) this.#server.closeIdleConnections()
  }

  goodbye(): number {
    this.#partingUntil = processNow() + GOODBYE_MS
    for (const answer of this.#answers) answer.shouldKeepAlive = false
    return this.#parting?.say() ?? 0
  }

  async close({ withinMs = Infinity }: { readonly withinMs?: number } = {}): Promise<boolean> {
    this.#drain()
    this.#isClosed = true
    // A stop may come between listen() and its success: the bound server would otherwise stay open.
    await this.#binding?.catch(() => undefined) // serve() rejects with it
    const server = this.#server
    if (server === undefined || !server.listening) return true
    this.#isBound = false
    let isClean = true
    const cut = (): void => {
      isClean = this.#sockets.size === 0
      for (const socket of this.#sockets) socket.destroy()
    }
    const timers = withinMs === Infinity ? [] : [setTimeout(() => this.goodbye(), withinMs * GOODBYE_SHARE), setTimeout(cut, withinMs)]
    await this.#closed(server)
    for (const timer of timers) clearTimeout(timer)
    return isClean
  }

  #drain(): void {
    this.#isDraining = true
    for (const answer of this.#answers) answer.shouldKeepAlive = false
  }

  /** Accepts no new connection; resolves when the last one is closed. */
  async #closed(server: Server): Promise<void> {
    await new Promise<void>((resolve) => {
      server.close(() => resolve())
      if (!isHttp(server)) return
      const closeIdle = (): void => {
        server.closeIdleConnections()
        // Browsers open connections ahead of requests, which Node does not count as idle.
        for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
      }
      closeIdle()
      // A kept-alive connection becomes idle a moment after its last response.
      const sweep = setInterval(closeIdle, 50)
      server.once('close', () => clearInterval(sweep))
    })
  }
}

function isHttp(server: Server): server is HttpServer {
  return 'closeIdleConnections' in server
}

async function listen(server: Server, name: string, address: string): Promise<void> {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '')
  const port = Number(address.slice(colon + 1))
  if (colon < 0 || !Number.isInteger(port) || port < 0 || port > 65_535)
    throw new WeaverError(
      'WEAVER_LISTENER_BIND',
      `listener "${name}": "${address}" is not an address; write "host:port", with port 0 for any free one`,
    )
  await new Promise<void>((resolve, reject) => {
    const onError = (cause: Error & { readonly code?: string }): void => {
      const why = cause.code === 'EADDRINUSE' ? 'another process uses it; choose another port, or 0 for any free one' : cause.message
      reject(new WeaverError('WEAVER_LISTENER_BIND', `listener "${name}" cannot bind ${address}: ${why}`, { cause }))
    }
    server.once('error', onError)
    server.listen(host === '' ? { port } : { port, host }, () => {
      server.off('error', onError) // from here on errors are the application's
      resolve()
    })
  })
}
