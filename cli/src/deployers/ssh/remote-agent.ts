/**
 * The agent of one machine, as its deployer knows it: what it was ordered, what was heard of it, and
 * when what it ran is over. Connections and the clock are handed in (machine.ts).
 *
 *     connecting ──► connected ◄──► unreachable ──lease over──► lost ──► connected
 *
 * I1  A process is said to be lost only when the lease of the agent, and time to kill, are over
 *     (agent/messages.ts), or when another agent has taken its place: nothing runs twice.
 * I2  An agent whose processes were said to be lost is told to end, should it ever answer again.
 * I3  What a connection says after another one has followed it is not heard.
 * I4  An agent that begins here has obeyed nobody: two that order the same one would lose orders.
 */
import type { DeathCause, ProcessListener, WeaveletProcess } from '@weaver/deployer'
import type { MachineView } from '../local/deployment-view.js'
import type { FromAgent, Order, RemoteCommand, Report, ToAgent } from './agent/messages.js'
import { Outbox } from './agent/outbox.js'

export interface RemoteAgentOptions {
  /** Of the machine. */
  readonly name: string
  readonly leaseMs: number
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number
  readonly say: (level: 'info' | 'warn', message: string) => void
}

/** One connection to the agent. */
export interface AgentLink {
  take(frame: FromAgent): void
  /** To be called every {@link PING_MS}. @returns whether it goes on; it does not where nothing was heard for too long */
  ping(): boolean
  /** It is over. */
  close(reason: string): void
}

export interface AttachListener {
  /** It is the agent that runs what this one knows. */
  onReady(): void
  /** It is one that must not be used; the connection is to be closed. */
  onRefused(why: string): void
}

type Hello = Extract<FromAgent, { readonly frame: 'hello' }>

export const PING_MS = 1_000
/** An agent whose lease is over kills; a killed process needs a moment. */
const KILL_MS = 2_000
/** An agent begins in that time, or another connection is tried. */
const HELLO_MS = 30_000
/** So much output is acknowledged at once, rather than with the next ping: the agent keeps what is not. */
const ACKNOWLEDGE_BYTES = 1024 * 1024

export class RemoteAgent {
  readonly #options: RemoteAgentOptions
  readonly #processes = new Map<number, ProcessListener>()
  /** Every agent gets them first. */
  readonly #files = new Map<string, string>()
  readonly #condemned = new Set<string>()
  #outbox = new Outbox<Order>()
  #seen = 0
  #dropped = 0
  #lastId = 0
  #instance: string | undefined
  #send: ((frame: ToAgent) => void) | undefined
  #link: AgentLink | undefined
  #heardAt: number
  #state: MachineView['state'] = 'connecting'
  #reason: string | undefined

  constructor(options: RemoteAgentOptions) {
    this.#options = options
    this.#heardAt = options.now()
  }

  get state(): MachineView['state'] {
    return this.#state
  }

  /** Of the agent that is obeyed by, or was before it was unreachable. */
  get instance(): string | undefined {
    return this.#instance
  }

  /** Why it is not connected. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Of the deployment's folder there. */
  write(name: string, text: string): void {
    this.#files.set(name, text)
    this.#order({ kind: 'file', name, text })
  }

  start(command: RemoteCommand, listener: ProcessListener): WeaveletProcess {
    const id = (this.#lastId += 1)
    this.#processes.set(id, listener)
    this.#order({ kind: 'spawn', id, command })
    return { kill: (signal) => (this.#processes.has(id) ? this.#order({ kind: 'kill', id, signal }) : undefined) }
  }

  /** Ends what it runs, and itself. @returns whether it is connected, so that this reaches it */
  end(): boolean {
    if (this.#send === undefined) return false
    this.#order({ kind: 'end' })
    return true
  }

  attach(send: (frame: ToAgent) => void, { onReady, onRefused }: AttachListener): AgentLink {
    const { now, leaseMs } = this.#options
    const openedAt = now()
    let heard: number | undefined
    let unacknowledged = 0
    const ping = (): void => {
      unacknowledged = 0
      if (heard !== undefined) send({ frame: 'ping', heard, seen: this.#seen })
    }
    const link: AgentLink = {
      take: (frame) => {
        if (this.#link !== link) return // I3
        switch (frame.frame) {
          case 'hello':
            if (this.#condemned.has(frame.instance)) return send(END) // I2
            if (frame.instance !== this.#instance && frame.seen > 0)
              return onRefused('its agent obeys another one: the machine has two names') // I4
            heard = this.#hear(frame.now)
            this.#begin(frame, send)
            return onReady()
          case 'pong':
            heard = this.#hear(frame.now)
            return this.#pong(frame)
          case 'report':
            if (frame.seq <= this.#seen) return
            this.#seen = frame.seq
            if (frame.message.kind === 'output') unacknowledged += frame.message.data.length
            if (unacknowledged > ACKNOWLEDGE_BYTES) ping()
            return this.#report(frame.message)
          case 'bye':
            this.#reason = frame.why
        }
      },
      ping: () => {
        // Silence: perhaps only this connection is broken, and another one gets through in time.
        if (heard === undefined ? now() - openedAt > HELLO_MS : now() - this.#heardAt > leaseMs / 2) return false
        ping()
        return true
      },
      close: (reason) => {
        if (this.#link !== link) return
        this.#link = this.#send = undefined
        this.#reason = this.#state === 'connected' ? (this.#reason ?? reason) : reason
        if (this.#state === 'connected') this.#become('unreachable', this.#reason)
      },
    }
    this.#link = link
    this.#send = undefined
    return link
  }

  /** A connection could not be made. */
  failed(reason: string): void {
    this.#reason = reason
  }

  /** To be called every {@link PING_MS}. */
  watch(): void {
    if (this.#state !== 'unreachable' && this.#state !== 'connected') return
    if (this.#options.now() - this.#heardAt <= this.#options.leaseMs + KILL_MS) return
    if (this.#instance !== undefined) this.#condemned.add(this.#instance)
    this.#link = undefined // I3: what it may still say is of what is lost
    this.#become('lost', this.#reason ?? 'it does not answer')
    this.#lose()
  }

  #hear(now: number): number {
    this.#heardAt = this.#options.now()
    return now
  }

  #begin({ instance, seen }: Hello, send: (frame: ToAgent) => void): void {
    if (instance !== this.#instance) {
      this.#lose() // I1: of the agent before
      this.#instance = instance
    }
    this.#send = send
    send({ frame: 'begin', seen: this.#seen })
    this.#outbox.acknowledge(seen)
    this.#outbox.rewind()
    this.#flush()
    this.#become('connected')
  }

  #pong({ seen, dropped }: Extract<FromAgent, { readonly frame: 'pong' }>): void {
    this.#outbox.acknowledge(seen)
    const { name, say } = this.#options
    // Four characters of Base64 are three bytes.
    if (dropped > this.#dropped) say('warn', `${Math.round(((dropped - this.#dropped) * 3) / 4)} bytes of output of ${name} are lost`)
    this.#dropped = dropped
  }

  #report(report: Report): void {
    const listener = this.#processes.get(report.id)
    if (listener === undefined) return
    if (report.kind === 'spawned') return listener.onSpawned(report.pid)
    if (report.kind === 'output') return listener.onOutput(report.stream, Buffer.from(report.data, 'base64'))
    this.#processes.delete(report.id)
    const { cause } = report
    listener.onEnded(
      cause.kind === 'spawn' ? { kind: 'spawn', error: Object.assign(new Error(cause.message), { code: cause.code }) } : cause,
    )
  }

  /** I1 */
  #lose(): void {
    const lost = [...this.#processes.values()]
    this.#processes.clear()
    this.#outbox = new Outbox()
    this.#send = undefined
    this.#seen = 0
    this.#dropped = 0
    this.#instance = undefined
    for (const [name, text] of this.#files) this.#outbox.add({ kind: 'file', name, text })
    const cause: DeathCause = { kind: 'lost', machine: this.#options.name }
    for (const listener of lost) listener.onEnded(cause)
  }

  #order(order: Order): void {
    this.#outbox.add(order)
    this.#flush()
  }

  #flush(): void {
    if (this.#send === undefined) return
    for (let next = this.#outbox.take(); next !== undefined; next = this.#outbox.take()) this.#send({ frame: 'order', ...next })
  }

  #become(state: MachineView['state'], reason?: string): void {
    const before = this.#state
    this.#state = state
    this.#reason = reason
    if (before === state) return
    const why = reason === undefined ? '' : `: ${reason}`
    if (before !== 'connecting')
      this.#options.say(state === 'connected' ? 'info' : 'warn', `machine ${this.#options.name} is ${state}${why}`)
  }
}

/** To an agent that has no part in it any more, whatever it has seen. */
const END: ToAgent = { frame: 'order', seq: Number.MAX_SAFE_INTEGER, message: { kind: 'end' } }
