/** A deployment of this command as others see it: on the list, with a log in files, answering on its socket. */
import { randomUUID } from 'node:crypto'
import { prettyPrinter, reasonOf, shortDeploymentId, type ComponentGraph, type LogEntry } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import { launchOf, localAppName } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { KEEP_LOGS_MS, removeOldLogs } from '../../logs/log-files.js'
import { isSystem } from '../../logs/system-entries.js'
import { answerDeploymentRequest } from './deployment-control.js'
import { createDeploymentLog } from './deployment-log.js'
import type { ListenerSide } from './listener-side.js'
import { foldersOf, type LocalDeployer } from './local-deployer.js'
import { ProcessDeployment, type ProcessDeploymentOptions } from './process-deployment.js'
import type { ProcessGroup } from './process-groups.js'
import type { ProcessSite } from './process-site.js'
import { controlSocketPath, listDeployment, removeControlSocket, runningDeployments, type ChildProcessMark } from './running-deployments.js'

/** What a deployer says of a deployment, however it is run. */
export interface DeploymentPlan {
  readonly deployer: LocalDeployer
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly groups: readonly ProcessGroup[]
  readonly restart: ProcessDeploymentOptions['restart']
  site(of: SiteOf): ProcessSite
  /** Processes of this machine that belong to it, in waves. */
  childrenOf(deployment: ProcessDeployment, binary: string): readonly (readonly ChildProcessMark[])[]
}

/** The site's files are in `folder`, under names that begin with the deployment's id. */
export interface SiteOf {
  readonly app: string
  readonly deploymentId: string
  readonly folder: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly say: (level: 'info' | 'warn', message: string) => void
}

export interface OpenedDeployment {
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

/**
 * The log of all processes is printed to stdout as one stream, and kept in files for `weaver … logs`.
 * @param owner.onStopAsked another command asks for its end
 */
export function openDeployment(
  plan: DeploymentPlan,
  { listeners, onStopAsked }: { readonly listeners: ListenerSide; readonly onStopAsked: () => void },
  { env, output }: CliContext,
): OpenedDeployment {
  const { deployer, config, graph, groups, restart } = plan
  const folders = foldersOf(deployer, env)
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
  const onEntry = (entry: LogEntry): void => {
    if (!isSystem(entry)) output.raw('stdout', pretty(entry)) // what the runtime says below the level warn is only kept
    log.write(entry)
  }
  const of = { app, version: shortDeploymentId(deploymentId), deploymentId, replica: 'deployer' }
  const say: SiteOf['say'] = (level, message) => onEntry({ time: new Date().toISOString(), level, message, attributes: {}, ...of })
  const deployment: ProcessDeployment = new ProcessDeployment({
    tool: deployer.name,
    app,
    deploymentId,
    startedAt,
    configPath: config.path,
    graph,
    groups,
    listeners,
    config: config.components,
    launch,
    site: plan.site({ app, deploymentId, folder: folders.list, env: launch.env, say }),
    restart,
    onEntry,
    onChange() {
      const addresses = Object.fromEntries(deployment.view.listeners.map(({ name, address }) => [name, address]))
      const children = plan.childrenOf(deployment, launch.binary)
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
