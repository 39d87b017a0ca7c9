/**
 * The host of one version in one region: a process of its own, with the broker and the processes of
 * that copy. It is what `weaver multi deploy` is to a deployment, but for two things: nothing
 * stands before its listeners here, and a process that was never ready is started again. The
 * platform may go and come back; the host goes on.
 */
import { rmSync } from 'node:fs'
import type { Backend } from '@weaver/proxy'
import { reasonOf, shortDeploymentId, type WeaveletStatus } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { answerDeploymentRequest } from '../local/deployment-control.js'
import { createDeploymentLog } from '../local/deployment-log.js'
import type { DeploymentView } from '../local/deployment-view.js'
import type { ListenerSide } from '../local/listener-side.js'
import { ProcessDeployment } from '../local/process-deployment.js'
import { localSite } from '../local/local-site.js'
import { controlSocketPath, keyOf, listDeployment, removeControlSocket, runningDeployments } from '../local/running-deployments.js'
import { gkeFolders } from './gke-folders.js'
import { hostFiles, readSpec } from './platform-store.js'
import { takeLock } from '../local/process-lock.js'
import { createWatched } from './service.js'

export interface HostView {
  readonly view: DeploymentView
  /** By listener: who serves it. */
  readonly backends: Readonly<Record<string, readonly Backend[]>>
  /** Whether components with `leader: 'app'` may lead here. */
  readonly isActive: boolean
  /** Why this copy could not be started: it is ending. */
  readonly problem?: string
}

type HostRequest = { readonly kind: 'watch'; readonly seen: number } | { readonly kind: 'lead'; readonly isActive: boolean }

/** Runs it until it is stopped. @returns the exit code */
export async function runHost(deploymentId: string, location: string, { env, output, onSignal }: CliContext): Promise<number> {
  const folders = gkeFolders(env)
  const spec = readSpec(folders, deploymentId)
  if (spec === undefined) throw cliError('WEAVER_CLI_NOT_RUNNING', `nothing is known of version "${deploymentId}"`)
  const { app, configPath, groups, graph, config, launch, broker } = spec
  const startedAt = Date.now()
  const key = keyOf({ deploymentId, location })
  const lock = takeLock(hostFiles(folders, key).lock, process.pid)
  if ('holder' in lock) throw cliError('WEAVER_CLI_STATE', `process ${lock.holder} runs it already`)
  const other = runningDeployments(folders.hosts).find((one) => keyOf(one) === key) // and what one that was killed has left is cleared away
  if (other !== undefined) throw cliError('WEAVER_CLI_STATE', `process ${other.pid} runs it already`)
  const controlSocket = controlSocketPath(folders.hosts, key)
  rmSync(controlSocket, { force: true })
  const log = createDeploymentLog({ folder: folders.logs, app, startedAt: spec.submittedAt, deploymentId }, (error) =>
    output.warn(`the log cannot be kept: ${reasonOf(error)}`),
  )
  const listeners = new ListenerTable()
  let isActive = false
  let problem: string | undefined
  let unlist = (): void => removeControlSocket(folders.hosts, controlSocket)
  const list = (): void => {
    const { replicas, broker: server } = deployment.processes
    const children = [replicas.map((pid) => ({ pid, commandHas: launch.binary })), server === undefined ? [] : [server]]
    const entry = {
      version: 1,
      app,
      deploymentId,
      location,
      pid: process.pid,
      startedAt,
      config: configPath,
      controlSocket,
      children,
    } as const
    try {
      unlist = listDeployment(folders.hosts, entry)
    } catch (error) {
      output.warn(`the list of running copies cannot be written: ${reasonOf(error)}`)
    }
  }
  const watched = createWatched((): HostView => ({
    view: deployment.view,
    backends: listeners.backends,
    isActive,
    ...(problem === undefined ? {} : { problem }),
  }))
  const deployment: ProcessDeployment = new ProcessDeployment({
    tool: 'gke-local',
    app,
    deploymentId,
    location,
    startedAt,
    configPath,
    graph,
    groups,
    listeners,
    config,
    launch,
    site: localSite({ found: broker, folder: folders.hosts, key, env: launch.env }),
    restart: { kind: 'restart', fromFirstStart: true },
    isActive: () => isActive,
    onEntry: (entry) => log.write(entry),
    onChange() {
      list()
      watched.changed()
    },
  })
  let stop = (): void => undefined
  const over = new Promise<void>((resolve) => (stop = resolve))
  const control = await serveControlSocket(controlSocket, {
    async answer(body) {
      const request = JSON.parse(Buffer.from(body).toString('utf8')) as HostRequest // of this user's own platform or command
      if (request.kind === 'watch') return watched.watch(request.seen)
      if (request.kind !== 'lead') return answerDeploymentRequest(body, deployment, stop)
      if (isActive !== request.isActive) {
        ;({ isActive } = request)
        deployment.pollLeaders()
        watched.changed()
      }
      return { kind: 'ok' }
    },
    onProblem: (error) => output.warn(`a request could not be answered: ${reasonOf(error)}`),
  })
  const release = onSignal(stop)
  list()
  let isStopping = false
  void over.then(() => (isStopping = true))
  deployment.start().catch((error: unknown) => {
    if (isStopping) return
    problem = reasonOf(error)
    log.write({
      time: new Date().toISOString(),
      level: 'error',
      message: `the copy in ${location} cannot be started: ${problem}`,
      attributes: { region: location },
      app,
      version: shortDeploymentId(deploymentId),
      deploymentId,
      replica: 'host',
    })
    output.error(problem) // the platform reads it, and tries again
    watched.changed()
    stop()
  })
  await over
  for (const wrong of await deployment.stop()) output.warn(wrong)
  release()
  await control.close()
  unlist()
  log.close()
  lock.release()
  return problem === undefined ? 0 : 1
}

/** Knows who serves which listener; the load balancer is elsewhere. */
class ListenerTable implements ListenerSide {
  readonly #backends = new Map<string, Map<string, Backend>>()

  get backends(): HostView['backends'] {
    return Object.fromEntries([...this.#backends].map(([name, replicas]) => [name, [...replicas.values()]]))
  }

  async open(): Promise<void> {}

  addressOf(name: string): string {
    return [...(this.#backends.get(name)?.values() ?? [])].map(({ host, port }) => `${host}:${port}`).join(', ')
  }

  backendsOf(name: string): number {
    return this.#backends.get(name)?.size ?? 0
  }

  add(replica: string, pid: number, { listeners = {} }: WeaveletStatus): void {
    for (const [name, { host, port }] of Object.entries(listeners)) {
      const replicas = this.#backends.get(name) ?? new Map<string, Backend>()
      this.#backends.set(name, replicas.set(replica, { id: `${replica}/${pid}`, host, port }))
    }
  }

  remove(replica: string): void {
    for (const replicas of this.#backends.values()) replicas.delete(replica)
  }

  /**
   * They are served until their processes stop: who gets requests is the platform's to say, before
   * it ends anything.
   */
  async close(): Promise<void> {}
}
