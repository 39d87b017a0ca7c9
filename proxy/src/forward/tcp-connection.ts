/** A connection of a TCP listener: passed on whole to one backend. Refused connections are tried elsewhere: nothing of the client's was sent yet. */
import { connect, type Socket } from 'node:net'
import type { BackendState, InFlight } from '../routing/backend.js'
import type { Engine } from './engine.js'
import { tunnel, tunnelEnd } from './tunnel.js'

export class TcpConnection implements InFlight {
  readonly #engine: Engine
  readonly #client: Socket
  #backend: Socket | undefined
  #giveUp: () => void = () => {}
  #waitUntil: number
  #connectUntil = Infinity

  constructor(engine: Engine, client: Socket) {
    this.#engine = engine
    this.#client = client
    this.#waitUntil = engine.now + engine.limits.queueMs
    client.pause()
    client.on('error', () => client.destroy())
    client.on('close', () => {
      this.#giveUp()
      this.#backend?.destroySoon()
    })
    const route = engine.table.find(undefined)
    const turn = route?.next()
    const tried: BackendState[] = []
    const attempt = (): void => {
      const picked = route?.pick(turn, tried)
      if (picked === undefined) {
        this.#connectUntil = Infinity
        this.#giveUp = engine.table.onceChanged(() => {
          tried.length = 0
          attempt()
        })
        return
      }
      const { target, backend } = picked
      this.#waitUntil = Infinity
      this.#connectUntil = engine.now + engine.limits.connectMs
      if (!tried.some((earlier) => target.backends.includes(earlier))) target.requests++
      target.inFlight++
      backend.begin(this)
      const socket = connect({ host: backend.host, port: backend.port, noDelay: true, keepAlive: true, allowHalfOpen: true })
      this.#backend = socket
      const leave = (isError: boolean): void => {
        target.inFlight--
        if (isError) backend.errors++
        backend.end(this)
      }
      const failed = (error: Error): void => {
        leave(true)
        backend.markDown(error.message)
        tried.push(backend)
        engine.retries++
        if (!client.destroyed) attempt()
      }
      socket.once('error', failed)
      socket.once('connect', () => {
        socket.off('error', failed)
        this.#connectUntil = Infinity
        if (client.destroyed) {
          socket.destroy()
          return leave(false)
        }
        tunnel(tunnelEnd(client), tunnelEnd(socket), () => leave(false))
      })
    }
    attempt()
  }

  sweep(now: number): void {
    if (now >= this.#connectUntil) this.#backend?.destroy(new Error(`no connection within ${this.#engine.limits.connectMs} ms`))
    else if (now >= this.#waitUntil) {
      this.#engine.refused++
      this.#client.destroy()
    }
  }

  close(): void {
    // A connection says nothing of when it is done.
  }

  destroy(): void {
    this.#client.destroy()
    this.#backend?.destroy()
  }

  cut(): void {
    this.destroy()
  }
}
