/**
 * What an agent does, without how: it starts the processes of a deployment, and holds them when the
 * connection to the deployer breaks, until its lease is over. serve.ts has the socket and the files.
 *
 * I1  When the lease is over, or upon `end`, everything that it has started is killed, then it ends.
 * I2  An order is carried out once, however often it is said.
 * I3  A connection gets its reports in order, and only after it has said what it knows (`begin`).
 * I4  A connection that takes no more is not written to: a flood of output delays no sign of life by
 *     more than what is under way.
 */
import type { ProcessListener, WeaveletProcess } from '@weaver/deployer/process'
import type { FromAgent, Order, RemoteCause, RemoteCommand, Report, ToAgent } from './messages.js'
import { Outbox } from './outbox.js'

/** Output that is kept for a deployer that is away, in bytes. */
const MAX_KEPT = 16 * 1024 * 1024

export interface AgentPorts {
  /** Another one for each agent. */
  readonly instance: string
  readonly leaseMs: number
  /** Milliseconds of a clock that is never set. */
  now(): number
  start(command: RemoteCommand, listener: ProcessListener): WeaveletProcess
  writeFile(name: string, text: string): void
  /** The processes that run are others. */
  mark(pids: readonly number[]): void
  /** Kills these with all that they have started, and ends this process. */
  end(why: string, pids: readonly number[]): void
}

/** A connection to the deployer. */
export interface DeployerLink {
  /** @returns whether it takes more; when it does again: {@link Agent.flush} */
  send(frame: FromAgent): boolean
  close(): void
}

interface Child {
  process: WeaveletProcess | undefined
  pid: number | undefined
}

export class Agent {
  readonly #ports: AgentPorts
  readonly #children = new Map<number, Child>()
  readonly #outbox = new Outbox<Report>({ limit: MAX_KEPT, sizeOf: (report) => (report.kind === 'output' ? report.data.length : 0) })
  #seen = 0
  #link: DeployerLink | undefined
  #hasBegun = false
  #isFull = false
  #hasEnded = false
  #leaseEnd: number

  constructor(ports: AgentPorts) {
    this.#ports = ports
    this.#leaseEnd = ports.now() + ports.leaseMs
  }

  /** Of its lease, in milliseconds. */
  get left(): number {
    return this.#leaseEnd - this.#ports.now()
  }

  /** The deployer is here, or again: a connection before has broken, whether or not it has noticed. */
  attach(link: DeployerLink): void {
    this.#link?.close()
    this.#link = link
    this.#hasBegun = this.#isFull = false
    this.#outbox.rewind()
    const { instance } = this.#ports
    link.send({ frame: 'hello', instance, seen: this.#seen, now: this.#ports.now() })
  }

  /** That connection is over. */
  detach(link: DeployerLink): void {
    if (this.#link === link) this.#link = undefined
    else return
    this.#outbox.rewind()
  }

  take(link: DeployerLink, frame: ToAgent): void {
    if (this.#link !== link || this.#hasEnded) return
    switch (frame.frame) {
      case 'begin':
        this.#outbox.acknowledge(frame.seen)
        this.#hasBegun = true // I3
        return this.flush()
      case 'ping':
        this.#leaseEnd = Math.max(this.#leaseEnd, frame.heard + this.#ports.leaseMs)
        this.#outbox.acknowledge(frame.seen)
        link.send({ frame: 'pong', now: this.#ports.now(), seen: this.#seen, dropped: this.#outbox.dropped })
        return
      case 'order':
        if (frame.seq <= this.#seen) return // I2
        this.#seen = frame.seq
        this.#obey(frame.message)
    }
  }

  /** The connection takes more. */
  flush(): void {
    this.#isFull = false
    this.#send()
  }

  /** I1 */
  end(why: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const { process } of this.#children.values()) process?.kill('SIGKILL') // also one whose pid is not known yet
    this.#link?.send({ frame: 'bye', why })
    this.#ports.end(why, this.#pids())
  }

  #obey(order: Order): void {
    switch (order.kind) {
      case 'spawn':
        return this.#start(order.id, order.command)
      case 'kill':
        return this.#children.get(order.id)?.process?.kill(order.signal)
      case 'file':
        return this.#ports.writeFile(order.name, order.text)
      case 'end':
        this.end('its deployer says so')
    }
  }

  #start(id: number, command: RemoteCommand): void {
    const listener: ProcessListener = {
      onSpawned: (pid) => {
        child.pid = pid
        this.#ports.mark(this.#pids())
        this.#report({ kind: 'spawned', id, pid })
      },
      onOutput: (stream, chunk) => this.#report({ kind: 'output', id, stream, data: Buffer.from(chunk).toString('base64') }),
      onEnded: (cause) => {
        this.#children.delete(id)
        if (child.pid !== undefined) this.#ports.mark(this.#pids())
        this.#report({ kind: 'ended', id, cause: remoteCause(cause) })
      },
    }
    const child: Child = { pid: undefined, process: undefined }
    this.#children.set(id, child)
    try {
      child.process = this.#ports.start(command, listener)
    } catch (error) {
      // No memory, say: that is of this process alone.
      listener.onEnded({ kind: 'spawn', error: error as NodeJS.ErrnoException }) // what the system throws
    }
  }

  #report(report: Report): void {
    if (this.#hasEnded) return
    this.#outbox.add(report)
    this.#send()
  }

  /** I4 */
  #send(): void {
    while (this.#link !== undefined && this.#hasBegun && !this.#isFull) {
      const next = this.#outbox.take()
      if (next === undefined) return
      this.#isFull = !this.#link.send({ frame: 'report', ...next })
    }
  }

  #pids(): readonly number[] {
    return [...this.#children.values()].flatMap(({ pid }) => pid ?? [])
  }
}

function remoteCause(cause: Parameters<ProcessListener['onEnded']>[0]): RemoteCause {
  if (cause.kind === 'exit' || cause.kind === 'signal') return cause
  const { message, code }: NodeJS.ErrnoException = cause.kind === 'spawn' ? cause.error : new Error(cause.kind)
  return { kind: 'spawn', message, ...(code === undefined ? {} : { code }) }
}
