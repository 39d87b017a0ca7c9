import { randomUUID } from 'node:crypto'
import { banner, isWeaverError, prettyPrinter, reasonOf, type ComponentGraph } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import { launchOf, localAppName } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError, EXIT } from '../../errors/catalogue.js'
import { KEEP_LOGS_MS, removeOldLogs } from '../../logs/log-files.js'
import { isSystem } from '../../logs/select-entries.js'
import { answerDeploymentRequest } from '../local/deployment-control.js'
import { createDeploymentLog } from '../local/deployment-log.js'
import type { FoundBroker } from '../local/find-nats-server.js'
import { foldersOf } from '../local/local-deployer.js'
import { holderOf } from '../local/port-in-use.js'
import { ProcessDeployment } from '../local/process-deployment.js'
import { controlSocketPath, listDeployment, removeControlSocket, runningDeployments } from '../local/running-deployments.js'
import { singleDeployer } from '../single/single-deployer.js'
import { multiDeployer } from './multi-deployer.js'
import { MultiListeners } from './multi-listeners.js'
import type { MultiPlan } from './multi-plan.js'

export interface RunMultiOptions {
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly plan: MultiPlan
  readonly broker: FoundBroker
}

/**
 * Runs a deployment in this terminal until Ctrl-C, `weaver multi kill`, or a death with the policy "stop-all". The log of all processes is printed to stdout as one
 * stream, and kept in files for `weaver multi logs`.
 * @returns the exit code
 */
export async function runMulti(options: RunMultiOptions, context: CliContext): Promise<number> {
  const { config, graph, plan, broker } = options
  const { output } = context
  const folders = foldersOf(multiDeployer, context.env)
  const launch = launchOf(config, context.env)
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
    tool: 'weaver multi',
    app,
    deploymentId,
    startedAt,
    configPath: config.path,
    graph,
    groups: plan.groups,
    listeners: new MultiListeners({
      addresses: plan.addresses,
      holderOf: (address) => holderOf(address, [multiDeployer, singleDeployer], context.env),
    }),
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
      const listeners = Object.fromEntries(deployment.view.listeners.map(({ name, address }) => [name, address]))
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
        listeners,
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
  let isAsked = false
  let isUnread = false
  const stop = (): void => {
    isAsked = true
    void deployment.stop() // awaited below
  }
  const release = context.onSignal((signal) => {
    if (signal === 'SIGPIPE') {
      isUnread = true
      output.progress('nobody reads the log any more; stopping, and what is in flight is answered')
      stop()
    } else if (deployment.isStopping) {
      output.progress('ending at once')
      deployment.kill()
    } else {
      output.progress('stopping; what is in flight is answered. Again: ends at once')
      stop()
    }
  })
  let control: { close(): Promise<void> } | undefined
  try {
    output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
    output.progress(broker.kind === 'url' ? SHARED_BROKER : `broker: ${broker.path} (${broker.from})`)
    control = await serveControlSocket(controlSocket, {
      answer: (body) => answerDeploymentRequest(body, deployment, stop),
      onProblem: (error) => output.warn(`a request of another command could not be answered: ${reasonOf(error)}`),
    })
    await deployment.start()
    for (const { name, address } of deployment.view.listeners) output.progress(`listener ${name}: http://${address}`)
    const processes = plan.groups.reduce((sum, { replicas }) => sum + replicas, 0)
    output.progress(`ready: ${processes} processes in ${((Date.now() - startedAt) / 1_000).toFixed(1)} s. Ctrl-C ends it`)
    const why = await deployment.over
    const problems = await deployment.stop()
    for (const problem of problems) output.warn(problem)
    if (why !== undefined) throw cliError('WEAVER_CLI_DEPLOYMENT_ENDED', `the deployment was stopped: ${why}`)
    if (isUnread) return EXIT.unread
    return problems.length === 0 ? EXIT.ok : EXIT.failed
  } catch (error) {
    await deployment.stop()
    if (isAsked && isWeaverError(error) && error.code === 'WEAVER_CLI_INTERRUPTED') return isUnread ? EXIT.unread : EXIT.ok // before it was ready
    throw error
  } finally {
    release()
    await control?.close()
    unlist()
    log.close()
  }
}

const SHARED_BROKER =
  'broker: your own (--nats). It has no accounts for deployments: their subjects differ, but nothing keeps a process from those of another'
