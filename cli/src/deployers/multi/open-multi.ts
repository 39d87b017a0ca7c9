/** A deployment of `weaver multi` as other commands see it: on the list, with a log in files, answering on its socket. */
import { randomUUID } from 'node:crypto'
import { prettyPrinter, reasonOf, type ComponentGraph } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import { launchOf, localAppName } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { KEEP_LOGS_MS, removeOldLogs } from '../../logs/log-files.js'
import { isSystem } from '../../logs/system-entries.js'
import { answerDeploymentRequest } from '../local/deployment-control.js'
import { createDeploymentLog } from '../local/deployment-log.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import type { ListenerSide } from '../local/listener-side.js'
import { foldersOf } from '../local/local-deployer.js'
import { ProcessDeployment } from '../local/process-deployment.js'
import { controlSocketPath, listDeployment, removeControlSocket, runningDeployments } from '../local/running-deployments.js'
import { multiDeployer } from './multi-deployer.js'
import type { MultiPlan } from './multi-plan.js'

export interface OpenMultiOptions {
  /** Of the command, in messages. */
  readonly tool: string
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly plan: MultiPlan
  readonly broker: FoundBroker
  readonly listeners: ListenerSide
  /** Another command asks for its end. */
  readonly onStopAsked: () => void
}

export interface OpenedMulti {
  readonly app: string
  readonly deploymentId: string
  readonly startedAt: number
  /** Not started yet. */
  readonly deployment: ProcessDeployment
  /** Answers other commands from now on. */
  serve(): Promise<void>
  /** When the deployment has ended. */
  close(): Promise<void>
}

/** The log of all processes is printed to stdout as one stream, and kept in files for `weaver multi logs`. */
export function openMulti(options: OpenMultiOptions, { env, output }: CliContext): OpenedMulti {
  const { tool, config, graph, plan, broker, listeners, onStopAsked } = options
  const folders = foldersOf(multiDeployer, env)
  const launch = launchOf(config, env)
  const app = localAppName(config)
  const [deploymentId, startedAt] = [randomUUID(), Date.now()]
  removeOldLogs(folders.logs, startedAt - KEEP_LOGS_MS)
  const controlSocket = controlSocketPath(folders.list, deploymentId)
  const log = createDeploymentLog({ folder: folders.logs, app, startedAt, deploymentId }, (error) =>
    output.warn(`the log cannot be kept: ${reasonOf(error)}`),
  )
  const pretty = prettyPrinter({ isColored: output.isColored, isDated: true })
  let isUnlisted = false
  let unlist = (): void => removeControlSocket(folders.list, controlSocket)
  runningDeployments(folders.list) // what a command that was killed has left is cleared away
  const deployment: ProcessDeployment = new ProcessDeployment({
    tool,
    app,
    deploymentId,
    startedAt,
    configPath: config.path,
    graph,
    groups: plan.groups,
    listeners,
    config: config.components,
    launch,
    broker,
    folder: folders.list,
    restart: { kind: config.multi.restart ?? 'restart' },
    onEntry(entry) {
      if (!isSystem(entry)) output.raw('stdout', pretty(entry)) // what the runtime says below the level warn is only kept
      log.write(entry)
    },
    onChange() {
      const { replicas, broker: server } = deployment.processes
      const addresses = Object.fromEntries(deployment.view.listeners.map(({ name, address }) => [name, address]))
      const children = [replicas.map((pid) => ({ pid, commandHas: launch.binary })), server === undefined ? [] : [server]]
      const entry = {
        version: 1,
        app,
        deploymentId,
        pid: process.pid,
        startedAt,
        config: config.path,
        controlSocket,
        children,
        listeners: addresses,
      } as const
      try {
        unlist = listDeployment(folders.list, entry)
      } catch (error) {
        // A full disk, say: what runs goes on.
        if (!isUnlisted) output.warn(`other commands may not find this deployment: ${reasonOf(error)}`)
        isUnlisted = true
      }
    },
  })
  let control: { close(): Promise<void> } | undefined
  return {
    app,
    deploymentId,
    startedAt,
    deployment,
    async serve() {
      control = await serveControlSocket(controlSocket, {
        answer: (body) => answerDeploymentRequest(body, deployment, onStopAsked),
        onProblem: (error) => output.warn(`a request of another command could not be answered: ${reasonOf(error)}`),
      })
    },
    async close() {
      await control?.close()
      unlist()
      log.close()
    },
  }
}

/** What is said of the broker before it is used. */
export function brokerText(broker: FoundBroker): string {
  return broker.kind === 'url' ? SHARED_BROKER : `broker: ${broker.path} (${broker.from})`
}

const SHARED_BROKER =
  'broker: your own (--nats). It has no accounts for deployments: their subjects differ, but nothing keeps a process from those of another'
