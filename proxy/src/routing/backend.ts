import { connect } from 'node:net'
import type { Backend, BackendStats } from '../proxy.js'

/** Something in flight that can be ended from outside: a request, a tunnel. */
export interface InFlight {
  cut(): void
}

export interface BackendEvents {
  /** It serves again, or it is gone: whoever waits for a backend may look. */
  changed(backend: BackendState): void
  down(backend: BackendState, reason: string): void
}

/** Connections that are kept for the next request. */
export interface IdleConnections {
  closeAll(): void
  /** Closes those that have been idle for too long. */
  sweep(now: number): void
}

const FIRST_LOOK_MS = 50
const LONGEST_LOOK_MS = 1_000
const LOOK_TIMEOUT_MS = 1_000

/**
 * What the proxy knows about one process. It is down from the first connection that is refused or
 * breaks, and is then looked at in the background, by a connection of its own, until one is
 * accepted: no request is spent on finding out.
 */
export class BackendState {
  readonly id: string
  readonly host: string
  readonly port: number
  readonly inFlight: Set<InFlight> = new Set()
  requests = 0
  errors = 0
  idle: IdleConnections | undefined

  readonly #events: BackendEvents
  readonly #drained: (() => void)[] = []
  #isDown = false
  #isDraining = false
  #isNamed = true
  #look: NodeJS.Timeout | undefined
  #looking: { destroy(): void } | undefined

  constructor({ id, host, port }: Backend, events: BackendEvents) {
    this.id = id
    this.host = host
    this.port = port
    this.#events = events
  }

  get address(): string {
    return this.host.includes(':') ? `[${this.host}]:${this.port}` : `${this.host}:${this.port}`
  }

  /**
   * May be given a new request. A request that is asked again may still know a backend that no
   * route names any more.
   */
  get isUsable(): boolean {
    return this.#isNamed && !this.#isDown && !this.#isDraining
  }

  begin(request: InFlight): void {
    this.requests++
    this.inFlight.add(request)
  }

  end(request: InFlight): void {
    this.inFlight.delete(request)
    if (this.inFlight.size === 0 && this.#drained.length > 0) for (const resolve of this.#drained.splice(0)) resolve()
  }

  /** It refused a connection, or one broke. */
  markDown(reason: string): void {
    if (this.#isDown || !this.#isNamed) return
    this.#isDown = true
    this.idle?.closeAll()
    this.#events.down(this, reason)
    this.#lookAfter(FIRST_LOOK_MS)
  }

  /** No new request; resolves when the last one has ended. */
  async drain(): Promise<void> {
    this.#isDraining = true
    this.idle?.closeAll()
    if (this.inFlight.size > 0) await new Promise<void>((resolve) => this.#drained.push(resolve))
  }

  cutAll(): number {
    const cut = [...this.inFlight]
    for (const request of cut) request.cut()
    return cut.length
  }

  /** No route names it any more. What is in flight goes on. */
  retire(): void {
    this.#isNamed = false
    clearTimeout(this.#look)
    this.#looking?.destroy()
    this.idle?.closeAll()
  }

  stats(): BackendStats {
    const state = this.#isDraining ? 'draining' : this.#isDown ? 'down' : 'up'
    return { id: this.id, address: this.address, state, requests: this.requests, inFlight: this.inFlight.size, errors: this.errors }
  }

  #lookAfter(pauseMs: number): void {
    this.#look = setTimeout(() => {
      const socket = connect({ host: this.host, port: this.port, timeout: LOOK_TIMEOUT_MS })
      this.#looking = socket
      socket.once('connect', () => {
        this.#isDown = false
        socket.destroy()
        this.#events.changed(this)
      })
      socket.once('timeout', () => socket.destroy())
      socket.once('error', () => socket.destroy())
      socket.once('close', () => {
        this.#looking = undefined
        if (this.#isDown && this.#isNamed) this.#lookAfter(Math.min(LONGEST_LOOK_MS, pauseMs * 2))
      })
    }, pauseMs)
    this.#look.unref()
  }
}
