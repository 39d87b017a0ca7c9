/**
 * A deployer in one file: a process for each group of components, over a broker that is there. To begin your own with; it uses what `@weaver/sdk/contract` has
 * for deployers, and keeps what docs/deployers.md says. It runs on one machine, has no proxy (one process of Main), and splits no traffic.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { captureLines, createMemoryLeases, startAssignmentController, startLeaderController, type ControllerPort } from '@weaver/deployer'
import {
  balanceIn,
  BOOTSTRAP_ENV,
  controlSubject,
  deployerInboxPrefix,
  MAIN_COMPONENT,
  type Bootstrap,
  type ComponentGraph,
  type LogEntry,
  type WeaveletStatus,
} from '@weaver/sdk/contract'
import { connect, type NatsConnection } from 'nats'

const READY_MS = 30_000
const GRACE_MS = 10_000

export interface SmallDeployment {
  /** Where the listeners of Main are. */
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>
  readonly logs: readonly LogEntry[]
  /** @returns what went wrong with it; `undefined`: nothing */
  stop(): Promise<string | undefined>
}

export interface SmallDeployerOptions {
  readonly app: string
  /** The compiled module that has `run(App, weaver)`. */
  readonly entry: string
  readonly graph: ComponentGraph
  readonly natsUrl: string
  readonly config: Readonly<Record<string, unknown>>
  /** Components that share a process. */
  readonly colocate: readonly (readonly string[])[]
  /** Of every group but that of Main. */
  readonly replicas: number
}

/** Resolves when every process is ready. @throws Error with what the first one said that ended before */
export async function deploy(options: SmallDeployerOptions): Promise<SmallDeployment> {
  const deployment = new Deployment(options)
  try {
    return await deployment.start()
  } catch (error) {
    await deployment.stop()
    throw error
  }
}

class Deployment implements SmallDeployment {
  readonly logs: LogEntry[] = []
  listeners: SmallDeployment['listeners'] = {}
  readonly #options: SmallDeployerOptions
  /** A token of every subject: what makes sure that no two deployments ever talk to each other. */
  readonly #deploymentId = `probe-${randomUUID().slice(0, 13)}`
  readonly #children = new Map<string, ChildProcess>()
  readonly #closers: (() => void)[] = []
  #nats: NatsConnection | undefined
  #isStopping = false
  #isStarted = false

  constructor(options: SmallDeployerOptions) {
    this.#options = options
  }

  async start(): Promise<this> {
    const { colocate, graph, natsUrl, replicas } = this.#options
    const deploymentId = this.#deploymentId
    const nats = await connect({ servers: [natsUrl], inboxPrefix: deployerInboxPrefix(deploymentId, 'small') })
    this.#nats = nats
    const port = portOf(nats)
    // Who serves which keys, and who leads: the one deciding it is the deployer.
    const keys = startAssignmentController({ deploymentId, port, balanceOf: balanceIn(graph) })
    const components = graph.components.flatMap(({ name, leader }) => (leader === undefined ? [] : [{ name, leader }]))
    const leaders = startLeaderController({ deploymentId, port, components, leases: createMemoryLeases() })
    this.#closers.push(() => keys.close(), () => leaders.close()) // prettier-ignore

    const together = new Set(colocate.flat())
    // The graph has Main among them.
    const alone = graph.components.flatMap(({ name }) => (together.has(name) ? [] : [[name]]))
    const bootstraps = [...colocate, ...alone].flatMap((group) =>
      Array.from({ length: group.includes(MAIN_COMPONENT) ? 1 : replicas }, (_, replica) => this.#bootstrap(group, replica)),
    )
    // All at once: each waits for those that it refers to.
    for (const bootstrap of bootstraps) this.#spawn(bootstrap)
    const statuses = await Promise.all(bootstraps.map((bootstrap) => this.#ready(bootstrap)))
    this.listeners = Object.assign({}, ...statuses.map(({ listeners }) => listeners)) as SmallDeployment['listeners']
    this.#isStarted = true
    return this
  }

  async stop(): Promise<string | undefined> {
    this.#isStopping = true
    // Main first: what it still answers needs the others.
    const wrong = [...(await this.#end((replica) => replica.startsWith('main-'))), ...(await this.#end(() => true))]
    for (const close of this.#closers.splice(0)) close()
    await this.#nats?.close()
    return wrong.length === 0 ? undefined : wrong.join('; ')
  }

  #bootstrap(components: readonly string[], replica: number): Bootstrap {
    const { app, config, natsUrl } = this.#options
    const isMain = components.includes(MAIN_COMPONENT)
    const group = isMain ? 'main' : components.join('-').replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase() // prettier-ignore
    return {
      version: 1,
      app,
      deploymentId: this.#deploymentId,
      versionId: this.#deploymentId.slice(-6),
      group,
      replica: `${group}-${replica}`,
      components,
      listeners: isMain ? { probe: { address: '127.0.0.1:0' } } : {},
      nats: { servers: [natsUrl] },
      // To each only what is meant for it.
      config: Object.fromEntries(Object.entries(config).filter(([name]) => components.includes(name))),
      shutdownGraceMs: GRACE_MS,
    }
  }

  #spawn(bootstrap: Bootstrap): void {
    const { deploymentId, versionId: version, app, group, replica } = bootstrap
    const child = spawn(process.execPath, [this.#options.entry], {
      env: { ...process.env, NODE_OPTIONS: '', [BOOTSTRAP_ENV]: JSON.stringify(bootstrap) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#children.set(replica, child)
    for (const stream of ['stdout', 'stderr'] as const) {
      const capture = captureLines({
        stream,
        of: { app, version, deploymentId, group, replica },
        onEntry: (entry) => this.logs.push(entry),
      })
      child[stream].on('data', (chunk: Buffer) => capture.write(chunk)).on('end', () => capture.end())
    }
    child.on('exit', () => {
      // One that dies at once would be started for ever: a real deployer waits longer each time.
      if (this.#isStarted && !this.#isStopping) setTimeout(() => this.#isStopping || this.#spawn(bootstrap), 100)
    })
  }

  async #ready({ deploymentId, replica }: Bootstrap): Promise<WeaveletStatus> {
    const question = JSON.stringify({ kind: 'status' })
    for (const until = Date.now() + READY_MS; ; await sleep(50)) {
      const child = this.#children.get(replica)
      if (child === undefined || !isUp(child)) throw new Error(`"${replica}" ended before it was ready: ${this.#said(replica)}`)
      const answer = await this.#nats?.request(controlSubject(deploymentId, replica), question, { timeout: 1_000 }).catch(() => undefined) // not there yet
      const status = answer?.json<WeaveletStatus>()
      if (status?.ready === true) return status
      if (Date.now() > until) throw new Error(`"${replica}" was not ready after ${READY_MS / 1_000} s: ${this.#said(replica)}`)
    }
  }

  #said(replica: string): string {
    return this.logs
      .filter((entry) => entry.replica === replica && entry.level !== 'info')
      .map(({ message, attributes }) => `${message} ${JSON.stringify(attributes)}`)
      .join('\n')
  }

  async #end(isMeant: (replica: string) => boolean): Promise<readonly string[]> {
    const ended = [...this.#children].filter(([replica]) => isMeant(replica)).map(async ([replica, child]) => {
      this.#children.delete(replica)
      const isKilled = !isUp(child)
      if (!isKilled) {
        child.kill('SIGTERM')
        const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
        await once(child, 'close') // after its last line
        clearTimeout(timer)
      }
      return child.exitCode === 0 ? [] : [`"${replica}" ended with ${child.exitCode ?? child.signalCode}`]
    }) // prettier-ignore
    return (await Promise.all(ended)).flat()
  }
}

function isUp(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function portOf(nats: NatsConnection): ControllerPort {
  return {
    publish: (subject, data, reply) => nats.publish(subject, data, reply === undefined ? {} : { reply }),
    subscribe: (subject, handler) =>
      nats.subscribe(subject, {
        callback: (error, { data, reply }) => error ?? handler({ data, reply: reply === '' ? undefined : reply }),
      }),
  }
}
