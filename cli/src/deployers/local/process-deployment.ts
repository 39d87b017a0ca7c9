/**
 * One deployment of an application as processes: one for each group and replica, and a broker, on its site. What stands before its listeners is its owner's.
 *
 *     start ──all ready──► ready ──stop, or a death with the policy stop-all──► stopping ──► ended
 *
 * I1  Whatever was started is stopped, in whatever state a stop comes: listeners take nothing new, callers end before those they call, the broker is the last.
 * I2  A process is behind a listener only from its readiness to its death, or to its word that it closes.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  brokerControl,
  causeText,
  createMemoryLeases,
  problemOf,
  startAssignmentController,
  startEnvelope,
  startLeaderController,
  type Death,
  type EnvelopeEvent,
  type LeaderController,
  type RestartPolicy,
} from '@weaver/deployer'
import {
  balanceIn,
  deployerInboxPrefix,
  eventSubject,
  parseClosingEvent,
  shortDeploymentId,
  type ComponentGraph,
  type ControlReply,
  type ControlRequest,
  type LogEntry,
  type LogLevel,
} from '@weaver/sdk/contract'
import { connectNats, createLogger, entrySink, type Transport } from '@weaver/sdk/internal'
import { buildCommandFor } from '../../packages/build-command.js'
import type { Launch } from '../../config/launch.js'
import { cliError } from '../../errors/catalogue.js'
import type { DeploymentView } from './deployment-view.js'
import type { ListenerSide } from './listener-side.js'
import { orGiveUp } from './or-give-up.js'
import { stopWaves, type ProcessGroup } from './process-groups.js'
import { bootstrapOf, GRACE_MS, startFailure, viewOf, type Replica } from './process-replica.js'
import type { DeploymentBroker, ProcessSite } from './process-site.js'

export interface ProcessDeploymentOptions {
  /** As it is typed: `weaver <tool> deploy`. */
  readonly tool: string
  readonly app: string
  readonly deploymentId: string
  /** Where several copies of one deployment run: which one this is. */
  readonly location?: string | undefined
  readonly startedAt: number
  readonly configPath: string
  readonly graph: ComponentGraph
  readonly groups: readonly ProcessGroup[]
  readonly listeners: ListenerSide
  /** By component. */
  readonly config: Readonly<Record<string, unknown>>
  readonly launch: Launch
  readonly site: ProcessSite
  readonly restart: RestartPolicy
  /** Whether components with `leader: 'app'` may lead in this deployment; after a change: `pollLeaders()`. @default always */
  readonly isActive?: () => boolean
  /** What processes write, and what there is to say of them. */
  readonly onEntry: (entry: LogEntry) => void
  /** Processes have begun or ended, or the state is another. */
  readonly onChange: () => void
}

export interface AllReplies {
  readonly replies: readonly ControlReply[]
  /** Replicas that did not answer. */
  readonly silent: readonly string[]
}

const READY_MS = 120_000 // many processes start at once, on a machine with other things to do
const CONNECT_MS = 10_000
const ASK_MS = 5_000
/** What a process may take, beyond the time of a profile, to write it down. */
const PROFILE_WRITE_MS = 50_000

export class ProcessDeployment {
  readonly #options: ProcessDeploymentOptions
  #config: ProcessDeploymentOptions['config']
  #replicas: readonly Replica[] = []
  readonly #closers: (() => void)[] = []
  #broker: DeploymentBroker | undefined
  #leaders: LeaderController | undefined
  #transport: Transport | undefined
  #state: DeploymentView['state'] = 'starting'
  #starting: Promise<void> | undefined
  #stopping: Promise<readonly string[]> | undefined
  #onOver: (why: string | undefined) => void = () => undefined
  /** When it is to end: with the reason when its policy says so, without one upon {@link stop}. */
  readonly over: Promise<string | undefined>

  constructor(options: ProcessDeploymentOptions) {
    this.#options = options
    this.#config = options.config
    this.over = new Promise((resolve) => (this.#onOver = resolve))
  }

  /**
   * Resolves when every process is ready and every listener is reached.
   * @throws WeaverError with the reason when it cannot be; nothing runs then
   */
  async start(): Promise<void> {
    try {
      this.#starting = this.#start()
      await this.#starting
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /**
   * Starts processes of these groups beside the old ones, which end when all of the new ones serve: nothing is lost.
   * @param options.config of all components, from now on
   * @throws WeaverError when one cannot be started, and the reason of `signal`; the old ones go on
   */
  async replaceGroups(
    names: readonly string[],
    { config, signal }: { readonly config: ProcessDeploymentOptions['config']; readonly signal: AbortSignal },
  ): Promise<void> {
    const port = this.#transport
    this.#goesOn()
    signal.throwIfAborted()
    if (port === undefined || this.#state !== 'ready') throw new Error('groups are replaced once the deployment is ready')
    this.#config = config
    const old = this.#replicas.filter(({ group }) => names.includes(group.name))
    const fresh = this.#options.groups
      .filter(({ name }) => names.includes(name))
      .flatMap((group) => Array.from({ length: group.replicas }, () => this.#spawn(group, port)))
    await orGiveUp(
      () => Promise.all(fresh.map((replica) => this.#ready(replica))),
      () => this.#retire(fresh),
      signal,
    )
    this.#retire(old)
  }

  /** They take nothing new, and end when what they have is answered. */
  #retire(replicas: readonly Replica[]): void {
    for (const { name, group, envelope } of replicas) {
      this.#options.listeners.remove(name)
      void envelope.stop().then((end) => {
        const problem = end.why === 'stopped' ? problemOf(`${group.name} ${name}`, end) : undefined
        if (problem !== undefined && !this.isStopping) this.#say('warn', problem, { group: group.name, replica: name })
        this.#replicas = this.#replicas.filter((replica) => replica.name !== name)
        this.#options.onChange()
      })
    }
  }

  /** Ends it, once. @returns what was wrong with the ends of its processes */
  stop(): Promise<readonly string[]> {
    return (this.#stopping ??= this.#stop())
  }

  /** Does not wait for anything in flight. */
  kill(): void {
    for (const { envelope } of this.#replicas) envelope.kill('SIGKILL')
  }

  /** Who leads may be another from now on. */
  pollLeaders(): void {
    this.#leaders?.poll()
  }

  get isStopping(): boolean {
    return this.#stopping !== undefined
  }

  get view(): DeploymentView {
    const { app, deploymentId, location, startedAt, configPath, groups, listeners: side, site } = this.#options
    return {
      app,
      deploymentId,
      ...(location === undefined ? {} : { location }),
      startedAt: new Date(startedAt).toISOString(),
      config: configPath,
      pid: process.pid,
      state: this.#state,
      broker: this.#broker?.shown ?? '',
      ...(site.machines === undefined ? {} : { machines: site.machines }),
      groups: groups.map(({ name, hosts }) => ({
        name,
        components: hosts,
        replicas: this.#replicas
          .filter(({ group }) => group.name === name)
          .map((replica) => viewOf(replica, site.machineOf?.(replica.name))),
      })),
      listeners: groups.flatMap(({ name: group, listeners }) =>
        listeners.map((name) => ({
          name,
          group,
          address: side.addressOf(name),
          backends: side.backendsOf(name),
        })),
      ),
    }
  }

  /** Of its components, as processes that start now are given it. */
  get config(): ProcessDeploymentOptions['config'] {
    return this.#config
  }

  /** Processes of the application, and of the broker, that run now. */
  get processes(): {
    readonly replicas: readonly number[]
    readonly broker: { readonly pid: number; readonly commandHas: string } | undefined
  } {
    const { pid, commandHas = '' } = this.#broker?.process ?? {}
    return {
      replicas: this.#replicas.flatMap(({ envelope }) => envelope.pid ?? []),
      broker: pid === undefined ? undefined : { pid, commandHas },
    }
  }

  /** Asks every process that is ready. */
  async askAll(request: ControlRequest, signal?: AbortSignal): Promise<AllReplies> {
    const port = this.#transport
    const timeoutMs = request.kind === 'profile' ? request.seconds * 1_000 + PROFILE_WRITE_MS : ASK_MS
    const answers = await Promise.all(
      this.#replicas
        .filter(({ envelope }) => envelope.state.kind === 'ready')
        .map(async ({ name: replica }) => {
          const { deploymentId } = this.#options
          const options = { timeoutMs, ...(signal === undefined ? {} : { signal }) }
          const reply = port === undefined ? undefined : await brokerControl(port, { deploymentId, replica }).ask(request, options)
          return { replica, reply }
        }),
    )
    return {
      replies: answers.flatMap(({ reply }) => reply ?? []),
      silent: answers.flatMap(({ replica, reply }) => (reply === undefined ? [replica] : [])),
    }
  }

  async #start(): Promise<void> {
    const { tool, deploymentId, graph, groups, listeners, site } = this.#options
    await listeners.open()
    this.#goesOn()
    await site.open?.()
    this.#goesOn()
    const layout = graph.subjects ?? 1
    this.#broker = await site.startBroker({ deploymentId, groups, layout, onEvent: (event) => this.#onBrokerEvent(event) })
    this.#goesOn()
    const port = await connectNats({
      ...this.#broker.natsOf(),
      name: `weaver ${tool}`,
      inboxPrefix: deployerInboxPrefix(deploymentId, 'local'),
      connectTimeoutMs: CONNECT_MS,
      log: createLogger(entrySink((entry) => this.#options.onEntry(this.#own(entry)), 'warn')),
    })
    this.#transport = port
    this.#goesOn()
    const keys = startAssignmentController({ deploymentId, port, balanceOf: balanceIn(graph), startMs: 0 }) // nobody was there before
    const components = graph.components.flatMap(({ name, leader }) => (leader === undefined ? [] : [{ name, leader }]))
    const { isActive = () => true } = this.#options
    const leaders = startLeaderController({ deploymentId, port, components, leases: createMemoryLeases(), isActive })
    this.#leaders = leaders
    const closing = port.subscribe(eventSubject(deploymentId), ({ data }) => {
      const event = parseClosingEvent(data)
      if (event !== undefined) listeners.remove(event.replica) // I2
    })
    this.#closers.push(() => keys.close(), () => leaders.close(), () => closing.unsubscribe()) // prettier-ignore
    await port.flush()
    this.#goesOn()
    // One of each group first: an answer needs no more. All of these at once, as each waits for those that it refers to.
    for (const countOf of [() => 1, ({ replicas }: ProcessGroup) => replicas - 1]) {
      for (const group of groups) for (let i = countOf(group); i > 0; i--) this.#spawn(group, port)
      await Promise.all(this.#replicas.map((replica) => this.#ready(replica)))
      this.#goesOn()
    }
    this.#state = 'ready'
    this.#options.onChange()
  }

  /** @throws WeaverError `WEAVER_CLI_INTERRUPTED` when it was stopped meanwhile */
  #goesOn(): void {
    if (this.isStopping) throw cliError('WEAVER_CLI_INTERRUPTED', 'the deployment was stopped before it was ready')
  }

  #spawn(group: ProcessGroup, port: Transport): Replica {
    const { app, deploymentId, launch, restart, site } = this.#options
    const { command, cwd, env } = launch
    const [first = launch.binary, ...args] = command
    const name = randomBytes(4).toString('hex')
    const startProcess = site.starterOf?.(name, group.name)
    const nats = this.#broker?.natsOf(group.name) ?? { servers: [] }
    const bootstrap = bootstrapOf(group, { replica: name, app, deploymentId, nats, config: this.#config })
    const envelope = startEnvelope({
      name,
      command: { file: first === 'node' ? process.execPath : first, args, cwd, env, hasLifeline: true, hasOwnGroup: true },
      bootstrap,
      control: brokerControl(port, { deploymentId, replica: name }),
      restart,
      readyMs: READY_MS,
      output: { entry: this.#options.onEntry },
      onEvent: (event) => this.#onEvent(replica, event),
      ...(startProcess === undefined ? {} : { startProcess }),
    })
    const replica: Replica = { group, name, envelope, restarts: 0, lastDeath: undefined }
    this.#replicas = [...this.#replicas, replica]
    return replica
  }

  async #ready({ group, name, envelope }: Replica): Promise<void> {
    const { graph, launch } = this.#options
    try {
      const status = await envelope.ready()
      if (status === undefined || status.fingerprint === graph.fingerprint) return
    } catch (error) {
      this.#goesOn()
      throw startFailure({ group, name }, (await envelope.ended).death, error)
    }
    throw cliError(
      'WEAVER_CLI_GENERATED_STALE',
      `"${launch.binary}" was built from other sources than its component graph; build again (\`${buildCommandFor(launch.binary)}\`)`,
    )
  }

  #onEvent(replica: Replica, event: EnvelopeEvent): void {
    const { group, name } = replica
    const { listeners } = this.#options
    switch (event.kind) {
      case 'spawned':
        break
      case 'ready':
        if (event.status !== undefined) listeners.add(name, event.pid, event.status) // I2
        break
      case 'died':
        listeners.remove(name) // I2
        if (event.next !== undefined) this.#onDied(replica, event.death)
        if (event.next?.kind === 'restart') replica.restarts++
        if (event.next?.kind === 'stop-all')
          this.#onOver(
            `process ${name} of group "${group.name}" ${causeText(event.death.cause)}, and ${this.#options.tool}.restart is "stop-all"`,
          )
        break
      case 'ended':
    }
    this.#options.onChange()
  }

  #onDied(replica: Replica, { cause, pid, lastEntries }: Death): void {
    if (this.isStopping) return
    replica.lastDeath = { at: new Date().toISOString(), cause: causeText(cause), lines: lastEntries.map(({ message }) => message) }
    const { state } = replica.envelope
    const next = state.kind === 'waiting' ? { restartMs: Math.max(0, Math.round(state.restartAt - Date.now())) } : {}
    this.#say('warn', `the process ${causeText(cause)}`, { group: replica.group.name, replica: replica.name, attributes: { pid, ...next } })
  }

  #onBrokerEvent(event: EnvelopeEvent): void {
    this.#options.onChange()
    if (event.kind === 'died' && this.#broker !== undefined && !this.isStopping)
      this.#say('error', `the broker ${causeText(event.death.cause)}; it is started again`)
  }

  #say(level: LogLevel, message: string, more: Partial<LogEntry> = {}): void {
    this.#options.onEntry(this.#own({ time: new Date().toISOString(), level, message, attributes: {}, ...more }))
  }

  /** An entry of the deployer itself. */
  #own(entry: LogEntry): LogEntry {
    const { app, deploymentId } = this.#options
    return { app, version: shortDeploymentId(deploymentId), deploymentId, replica: 'deployer', ...entry }
  }

  /** I1 */
  async #stop(): Promise<readonly string[]> {
    this.#onOver(undefined)
    this.#state = 'stopping'
    this.#options.onChange()
    const { listeners } = this.#options
    const problems: string[] = []
    const closing = listeners.close(GRACE_MS)
    for (const wave of stopWaves(this.#options.groups)) {
      const ended = this.#replicas
        .filter(({ group }) => wave.includes(group.name))
        .map(async ({ name, group, envelope }) => problemOf(`${group.name} ${name}`, await envelope.stop()) ?? [])
      problems.push(...(await Promise.all(ended)).flat())
    }
    await closing
    if (this.#broker === undefined) await this.#options.site.close?.() // nothing runs on it yet, and it may still be opening
    // What was being made when the stop came is there by now, and ends too; a broker that never answers is not waited for.
    await Promise.race([this.#starting?.catch(() => undefined), sleep(CONNECT_MS, undefined, { ref: false })])
    await listeners.close(0)
    for (const close of this.#closers.splice(0)) close()
    await this.#transport?.close()
    await this.#broker?.close()
    await this.#options.site.close?.()
    return problems
  }
}
