/**
 * A deployer in one file: a process for each group of components, over a broker that is there. To
 * begin your own with; it uses what `@weaver/sdk/contract` has for deployers, and keeps what
 * docs/deployers.md says. It runs on one machine, has no proxy (one process of Main), and splits no
 * traffic.
 */
import { randomUUID } from 'node:crypto'
import {
  brokerControl,
  createMemoryLeases,
  problemOf,
  startAssignmentController,
  startEnvelope,
  startLeaderController,
  type ControllerPort,
  type Envelope,
} from '@weaver/deployer'
import { balanceIn, deployerInboxPrefix, MAIN_COMPONENT, type Bootstrap, type ComponentGraph, type LogEntry } from '@weaver/sdk/contract'
import { connect, type NatsConnection } from '@nats-io/transport-node'

const GRACE_MS = 10_000
/**
 * A group has the name of its components, none of which is called "main": there is a `/` in each.
 */
const MAIN_REPLICA = 'main-0'

export interface SmallDeployment {
  /** Where the listeners of Main are; elsewhere when another process has taken its place. */
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

/**
 * Resolves when every process is ready.
 * @throws WeaverError `WEAVER_WEAVELET_FAILED` with what the first one said that ended before
 */
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
  readonly #envelopes: Envelope[] = []
  readonly #closers: (() => void)[] = []
  #nats: NatsConnection | undefined

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
    for (const bootstrap of bootstraps) this.#envelopes.push(this.#start(bootstrap, port))
    await Promise.all(this.#envelopes.map((envelope) => envelope.ready()))
    return this
  }

  async stop(): Promise<string | undefined> {
    // Main first: what it still answers needs the others.
    const isMain = ({ name }: Envelope): boolean => name === MAIN_REPLICA
    const problems = [...(await this.#end(isMain)), ...(await this.#end((envelope) => !isMain(envelope)))]
    for (const close of this.#closers.splice(0)) close()
    await this.#nats?.close()
    return problems.length === 0 ? undefined : problems.join('; ')
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

  #start(bootstrap: Bootstrap, port: ControllerPort): Envelope {
    return startEnvelope({
      name: bootstrap.replica,
      command: { file: process.execPath, args: [this.#options.entry], env: { ...process.env, NODE_OPTIONS: '' }, hasLifeline: true },
      bootstrap,
      control: brokerControl(port, bootstrap),
      restart: { kind: 'restart' },
      output: { entry: (entry) => void this.logs.push(entry) },
      onEvent: (event) => {
        if (event.kind === 'ready') this.listeners = { ...this.listeners, ...event.status?.listeners }
      },
    })
  }

  async #end(isMeant: (envelope: Envelope) => boolean): Promise<readonly string[]> {
    const ended = this.#envelopes.filter(isMeant).map(async (envelope) => problemOf(envelope.name, await envelope.stop()) ?? [])
    return (await Promise.all(ended)).flat()
  }
}

function portOf(nats: NatsConnection): ControllerPort {
  return {
    publish: (subject, data, reply) => nats.publish(subject, data, reply === undefined ? {} : { reply }),
    subscribe: (subject, handler) =>
      nats.subscribe(subject, {
        callback: (error, { data, reply }) => void (error ?? handler({ data, reply: reply === '' ? undefined : reply })),
      }),
  }
}
