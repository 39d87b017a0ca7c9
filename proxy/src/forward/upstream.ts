/** A connection to a backend: one exchange at a time, and between them a place among the idle ones. */
import { connect, type Socket } from 'node:net'
import { BodyReader } from '../http1/body.js'
import { keepAliveSeconds } from '../http1/fields.js'
import { Refusal } from '../http1/refusal.js'
import { parseResponseHead, type ResponseHead } from '../http1/response-head.js'
import type { BackendState, IdleConnections } from '../routing/backend.js'
import { SMALL_PIECE, type Asker } from './asker.js'
import type { Engine } from './engine.js'
import type { TunnelEnd } from './tunnel.js'

const MOST_INTERIMS = 32
const NOTHING = Buffer.alloc(0)
/** All connections read into this, one after the other: what outlives a read is copied. It saves Node's stream a buffer and two turns for each read. */
const READ = Buffer.allocUnsafe(64 * 1_024)

/** The exchange that a connection works for. */
export interface UpstreamUser {
  readonly asker: Asker
  readonly request: { readonly method: string; readonly upgrade: string | undefined }
  /** The whole request has been handed on. */
  readonly isSent: boolean
  connected(): void
  writable(): void
  /** The head of the final answer has come. */
  answered(): void
  complete(): void
  /** The tunnel that it became has closed. */
  tunnelled(): void
  /** What has come is not an answer. */
  broken(reason: string): void
  /** The connection has ended before the answer was complete. */
  lost(upstream: Upstream, error: NodeJS.ErrnoException | undefined): void
}

export class Upstream implements TunnelEnd {
  readonly socket: Socket
  readonly backend: BackendState
  exchange: UpstreamUser | undefined
  isConnected = false
  /** It has answered before. */
  isReused = false
  /** When it was put among the idle ones, and how long it stays. */
  idleSince = 0
  idleMs: number

  readonly #engine: Engine
  #pending: Buffer = NOTHING
  #head: ResponseHead | undefined
  #reader: BodyReader | undefined
  #interims = 0
  #tunnel: ((bytes: Buffer) => void) | undefined

  constructor(engine: Engine, backend: BackendState, exchange: UpstreamUser) {
    this.#engine = engine
    this.backend = backend
    this.exchange = exchange
    this.idleMs = engine.limits.backendIdleMs
    const socket = connect({
      host: backend.host,
      port: backend.port,
      noDelay: true,
      keepAlive: true,
      allowHalfOpen: true,
      onread: {
        buffer: READ,
        callback: (length) => {
          this.#read(length)
          return true // pauses are by `pause`
        },
      },
    })
    this.socket = socket
    socket.on('connect', () => {
      this.isConnected = true
      this.exchange?.connected()
    })
    socket.on('drain', () => this.exchange?.writable())
    socket.on('end', () => this.#ended(undefined))
    socket.on('error', (error) => this.#ended(error))
    socket.on('close', () => this.#ended(undefined))
  }

  get isAlive(): boolean {
    return !this.socket.destroyed && !this.socket.readableEnded && this.socket.writable
  }

  /** An answer has begun to come. */
  get hasAnswered(): boolean {
    return this.#head !== undefined || this.#pending.length > 0 || this.#interims > 0
  }

  /** From now on all that comes goes there. */
  readBy(listener: (bytes: Buffer) => void): void {
    this.#tunnel = listener
  }

  destroy(): void {
    this.exchange = undefined
    this.socket.destroy()
  }

  #read(length: number): void {
    if (this.#tunnel !== undefined) return this.#tunnel(Buffer.from(READ.subarray(0, length)))
    const { exchange } = this
    // Nothing was asked: whatever it says cannot be an answer, and must never become one to the next request.
    if (exchange === undefined) return this.destroy()
    // Pieces up to that size are written as text, which is a copy; longer ones are written as they are.
    let bytes = length > SMALL_PIECE ? Buffer.from(READ.subarray(0, length)) : READ
    let end = length
    if (this.#pending.length > 0) {
      bytes = Buffer.concat([this.#pending, READ.subarray(0, length)])
      end = bytes.length
      this.#pending = NOTHING
    }
    try {
      this.#take(bytes, end, exchange)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      this.destroy()
      exchange.broken(`an answer that is not proper HTTP: ${error.message}`)
    }
  }

  #take(bytes: Buffer, end: number, exchange: UpstreamUser): void {
    const { asker } = exchange
    let at = 0
    while (this.#head === undefined) {
      const head = parseResponseHead(bytes, at, end, exchange.request.method)
      if (head === undefined) {
        this.#pending = Buffer.from(bytes.subarray(at, end))
        return asker.flush()
      }
      if (head.status >= 200) {
        this.#head = head
        if (!this.isReused) {
          const seconds = keepAliveSeconds(bytes, head.fields)
          if (seconds !== undefined) this.idleMs = Math.min(this.idleMs, seconds * 1_000 - 1_000)
        }
        this.#reader = new BodyReader(head.body, head.fields.contentLength, { decode: asker.isDecoding })
        exchange.answered()
        asker.head(bytes, at, head)
      } else if (head.status === 101) return this.#switch(bytes.subarray(0, end), at, head, exchange)
      else {
        if (++this.#interims > MOST_INTERIMS) throw new Refusal(`more than ${MOST_INTERIMS} interim answers`)
        asker.interim(bytes, at, head)
      }
      at = head.end
    }
    const reader = this.#reader
    if (reader === undefined) return
    at = reader.read(bytes, at, end, asker)
    if (!reader.isDone) return asker.flush()
    this.#finish(exchange, at === end)
  }

  #switch(bytes: Buffer, at: number, head: ResponseHead, exchange: UpstreamUser): void {
    if (exchange.request.upgrade === undefined || head.fields.upgrade === undefined)
      throw new Refusal('a switch of protocols that was not asked for')
    const { asker } = exchange
    exchange.answered()
    asker.interim(bytes, at, head)
    asker.flush()
    this.exchange = undefined
    asker.tunnel(this, Buffer.from(bytes.subarray(head.end)), () => exchange.tunnelled())
  }

  #finish(exchange: UpstreamUser, isExact: boolean): void {
    const isKept = isExact && this.#head?.isKeptAlive === true && exchange.isSent && this.backend.isUsable && this.isAlive
    this.#head = undefined
    this.#reader = undefined
    this.#interims = 0
    this.exchange = undefined
    if (isKept && this.idleMs > 0) {
      this.isReused = true
      if (this.socket.isPaused()) this.socket.resume()
      idleOf(this.backend).put(this, this.#engine.now)
    } else this.socket.destroy()
    exchange.complete()
  }

  #ended(error: Error | undefined): void {
    const { exchange } = this
    this.exchange = undefined
    if (exchange !== undefined) {
      if (error === undefined && this.#reader?.end() === true) this.#finish(exchange, false)
      else exchange.lost(this, error)
    } else if (this.isReused) idleOf(this.backend).remove(this)
    this.socket.destroy()
  }
}

/** Last in, first out: those that are not needed grow old and are closed. */
class IdlePool implements IdleConnections {
  readonly #idle: Upstream[] = []

  put(upstream: Upstream, now: number): void {
    upstream.idleSince = now
    this.#idle.push(upstream)
  }

  take(now: number): Upstream | undefined {
    for (;;) {
      const upstream = this.#idle.pop()
      if (upstream === undefined) return undefined
      if (upstream.isAlive && now - upstream.idleSince < upstream.idleMs) return upstream
      upstream.destroy()
    }
  }

  remove(upstream: Upstream): void {
    const at = this.#idle.indexOf(upstream)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  sweep(now: number): void {
    while (this.#idle[0] !== undefined && now - this.#idle[0].idleSince >= this.#idle[0].idleMs) this.#idle.shift()?.destroy()
  }

  closeAll(): void {
    for (const upstream of this.#idle.splice(0)) upstream.destroy()
  }
}

export function idleOf(backend: BackendState): IdlePool {
  // Only this module sets it.
  return (backend.idle ??= new IdlePool()) as IdlePool
}
