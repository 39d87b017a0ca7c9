/**
 * One machine of a deployment: connects by ssh, brings what is needed, and connects its agent there
 * with what the deployer knows of it (remote-agent.ts), again and again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProcessListener, WeaveletProcess } from '@weaver/deployer'
import { reasonOf } from '@weaver/sdk/contract'
import type { MachineView } from '../local/deployment-view.js'
import type { FromAgent, RemoteCommand } from './agent/messages.js'
import { readFrames } from './agent/read-frames.js'
import { AGENT_MAIN } from './agent-files.js'
import { connectSsh, type SshConnection } from './open-ssh.js'
import { PROBE, provision, type Provisioned, type Provisions } from './provision.js'
import { PING_MS, RemoteAgent } from './remote-agent.js'

export interface MachineOptions {
  readonly host: string
  /** By which the others reach it. @default by which ssh has reached it */
  readonly address?: string | undefined
  readonly provisions: Provisions
  readonly leaseMs: number
  /** It was connected to by ssh, and something is left there from now on. */
  readonly onReached: (host: string) => void
  readonly say: (level: 'info' | 'warn', message: string) => void
}

const RETRY_MS = 1_000
const END_MS = 5_000
/** Of a line, in characters. */
const MAX_SHOWN = 100

export class Machine {
  readonly #options: MachineOptions
  readonly #agent: RemoteAgent
  readonly #over = new AbortController()
  #there: Provisioned | undefined
  #kept: Promise<void> | undefined
  #isClosing = false

  constructor(options: MachineOptions) {
    this.#options = options
    this.#agent = new RemoteAgent({
      name: options.host,
      leaseMs: options.leaseMs,
      now: () => performance.now(),
      say: (level, message) => (this.#isClosing ? undefined : options.say(level, message)),
    })
  }

  get name(): string {
    return this.#options.host
  }

  get canTake(): boolean {
    return this.#agent.state === 'connected'
  }

  /** Of its agent: that of another machine is another one. */
  get instance(): string | undefined {
    return this.#agent.instance
  }

  get view(): MachineView {
    const { address } = this
    const { state, reason } = this.#agent
    return { name: this.name, ...(address === undefined ? {} : { address }), state, ...(reason === undefined ? {} : { reason }) }
  }

  get address(): string | undefined {
    return this.#options.address ?? this.#there?.address
  }

  /** What was brought there. Only once it was connected. */
  get there(): Provisioned {
    if (this.#there === undefined) throw new Error(`"${this.name}" was never connected`)
    return this.#there
  }

  /** Resolves when it is connected for the first time, and keeps it so. @throws Error with the reason */
  async open(): Promise<void> {
    const { signal } = this.#over
    let onFirst = (): void => undefined
    const first = new Promise<void>((resolve) => (onFirst = resolve))
    const connection = this.#connect(onFirst)
    this.#kept = Promise.race([first, connection]).then(() => this.#keep(connection))
    this.#kept.catch(() => undefined) // it is awaited in the next line, or rejected there
    await Promise.race([first, connection.then((why) => Promise.reject(new Error(why)))])
    if (signal.aborted) return
    const watch = setInterval(() => this.#agent.watch(), PING_MS)
    signal.addEventListener('abort', () => clearInterval(watch))
  }

  /** Of the deployment's folder there. */
  write(name: string, text: string): void {
    this.#agent.write(name, text)
  }

  start(command: RemoteCommand, listener: ProcessListener): WeaveletProcess {
    return this.#agent.start(command, listener)
  }

  /** Ends what still runs there, and the agent. Idempotent. */
  async close(): Promise<void> {
    const isFirst = !this.#isClosing
    this.#isClosing = true
    if (isFirst && this.#agent.end())
      // The connection ends with the agent; without an answer its lease does.
      for (const limit = performance.now() + END_MS; this.canTake && performance.now() < limit;) await sleep(20)
    this.#over.abort()
    await this.#kept?.catch(() => undefined)
  }

  async #keep(first: Promise<unknown>): Promise<void> {
    const { signal } = this.#over
    await first.catch(() => undefined)
    while (!signal.aborted) {
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined) // the loop's condition sees it
      if (signal.aborted) return
      await this.#connect(() => undefined).catch((error: unknown) => this.#agent.failed(reasonOf(error)))
    }
  }

  /** One connection, until it is over. @returns why it is */
  async #connect(onReady: () => void): Promise<string> {
    const { host, provisions, leaseMs, onReached, say } = this.#options
    const ssh: SshConnection = await connectSsh(host, PROBE, { env: provisions.env, signal: this.#over.signal })
    try {
      onReached(host)
      this.#there = await provision(ssh, provisions, (what) => say('info', `sent to ${host}: ${what}`))
      const { run, node, agent } = this.#there
      const child = ssh.open(`umask 077\nmkdir -p "${run}" && cd "${run}" && exec "${node}" "${agent}/${AGENT_MAIN}" attach ${leaseMs}`)
      child.stdin.on('error', () => undefined) // its end is awaited
      let problem = ''
      let ended: string | undefined
      const end = (why: string): void => {
        ended ??= why
        ssh.close()
      }
      child.stderr.setEncoding('utf8').on('data', (text: string) => (problem = text))
      const link = this.#agent.attach((frame) => void child.stdin.write(`${JSON.stringify(frame)}\n`), { onReady, onRefused: end })
      const ping = setInterval(() => {
        if (!link.ping()) end('it does not answer')
      }, PING_MS)
      // What a login shell prints, say.
      const onBroken = (line: string): void => end(`its output is not that of the agent: "${line.slice(0, MAX_SHOWN)}"`)
      readFrames<FromAgent>(child.stdout, (frame) => link.take(frame), onBroken)
      const closed = new Promise<string>((resolve) =>
        child.on('error', (error) => resolve(error.message)).on('close', () => resolve(problem.trim())),
      )
      const said = await Promise.race([closed, ssh.ended])
      const why = ended ?? (said || 'the connection was closed')
      clearInterval(ping)
      child.kill()
      link.close(why)
      return why
    } finally {
      ssh.close()
      await ssh.ended
    }
  }
}
