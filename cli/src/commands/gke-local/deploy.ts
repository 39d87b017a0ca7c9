import { randomUUID } from 'node:crypto'
import { banner, isWeaverError, prettyPrinter, shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import { launchOf, localAppName } from '../../config/launch.js'
import type { CliContext } from '../../context.js'
import { copyBuild } from '../../deployers/gke-local/build-copy.js'
import { gkeFolders } from '../../deployers/gke-local/gke-folders.js'
import { gkeProblems, planGke } from '../../deployers/gke-local/gke-plan.js'
import { askPlatform, needPlatform, watchPlatform, type Platform } from '../../deployers/gke-local/platform-control.js'
import { buildFolder, makerLock, removeVersion, specFile, writeJson } from '../../deployers/gke-local/platform-store.js'
import type { AppView } from '../../deployers/gke-local/platform-view.js'
import { takeLock } from '../../deployers/local/process-lock.js'
import type { VersionSpec } from '../../deployers/gke-local/version-spec.js'
import { findNatsServer } from '../../deployers/local/find-nats-server.js'
import { loadApplication } from '../../deployers/local/load-application.js'
import { cliError } from '../../errors/catalogue.js'
import { noGraph } from '../../generate/build-steps.js'
import { createLogReader } from '../../logs/read-logs.js'
import { isSystem } from '../../logs/system-entries.js'
import { parsePort } from './port.js'
import { rolloutTable } from './tables.js'

interface DeployFlags {
  readonly port?: string
  readonly detach?: true
}

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run a new version of the application in the background, and move traffic to it step by step, region by region')
    .argument('<weaver.toml>', 'configuration of the application')
    .option('--port <port>', 'port of the load balancer, while nothing runs yet (default: its last one, at first 8000)')
    .option('--detach', 'end when the version has started, without its log')
    .action(async (file: string, flags: DeployFlags) => {
      const port = flags.port === undefined ? undefined : parsePort(flags.port)
      const { spec, made } = await makeVersion(file, context)
      const { app, deploymentId } = spec
      context.output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
      let platform: Platform | undefined
      try {
        platform = await needPlatform(context.env, { port })
        await askPlatform(platform, { kind: 'deploy', deploymentId }, { expect: 'done' })
        made.release()
      } catch (error) {
        // Whatever else went wrong, it may have been accepted; the platform sweeps what was not.
        const isRefused = isWeaverError(error) && error.code === 'WEAVER_CLI_REFUSED'
        if (platform === undefined || isRefused) removeVersion(gkeFolders(context.env), deploymentId)
        throw error
      }
      const interrupt = new AbortController()
      const release = context.onSignal(() => interrupt.abort())
      try {
        await hasStarted(platform, spec, context, interrupt.signal)
        if (flags.detach !== true) {
          context.output.progress('It runs in the background: Ctrl-C ends this command and its log, and not the application.')
          await tail(spec, context, interrupt.signal)
        }
      } catch (error) {
        if (!interrupt.signal.aborted) throw error
      } finally {
        release()
      }
      context.output.progress(`"${app}" goes on. Its log: weaver gke-local logs --follow 'version == "${shortDeploymentId(deploymentId)}"'`)
    })
}

/**
 * Checks the application, and puts all that is needed to run this version where the platform finds
 * it. Nothing of it is left when it fails.
 * @returns also what is to be released when the platform has accepted it
 */
async function makeVersion(file: string, context: CliContext): Promise<{ readonly spec: VersionSpec; readonly made: { release(): void } }> {
  const { env, cwd, output } = context
  const broker = findNatsServer({ env, cwd })
  const { config, folder, graph } = await loadApplication(file, context, gkeProblems)
  if (graph === undefined) throw noGraph(folder, cwd)
  const plan = planGke(config, graph)
  const folders = gkeFolders(env)
  const deploymentId = randomUUID()
  const made = takeLock(makerLock(folders, deploymentId), process.pid)
  if ('holder' in made) throw cliError('WEAVER_CLI_STATE', `process ${made.holder} makes version "${deploymentId}"`)
  const interrupt = new AbortController()
  const interrupted = cliError('WEAVER_CLI_INTERRUPTED', 'the version was not deployed')
  const release = context.onSignal(() => interrupt.abort(interrupted))
  try {
    const launch = await copyBuild(
      { folder, launch: launchOf(config, env), onLeftOut: (what) => output.warn(what) },
      buildFolder(folders, deploymentId),
      interrupt.signal,
    )
    const spec: VersionSpec = {
      format: 1,
      app: localAppName(config),
      deploymentId,
      submittedAt: Date.now(),
      configPath: config.path,
      ...plan,
      graph,
      config: config.components,
      launch,
      broker,
    }
    interrupt.signal.throwIfAborted()
    writeJson(specFile(folders, deploymentId), spec)
    return { spec, made }
  } catch (error) {
    removeVersion(folders, deploymentId)
    throw error
  } finally {
    release()
  }
}

/**
 * Resolves when every process of the version is ready in every region.
 * @throws WeaverError `WEAVER_CLI_ROLLOUT_FAILED`
 */
async function hasStarted(
  platform: Platform,
  { app, deploymentId, regions, listeners }: VersionSpec,
  { output }: CliContext,
  signal: AbortSignal,
): Promise<void> {
  const since = performance.now()
  let told = ''
  for await (const { apps, address = '' } of watchPlatform(platform, signal)) {
    const view = apps.find((one) => one.app === app)
    const version = view?.versions.find((one) => one.deploymentId === deploymentId)
    const failure = view?.rollout.failure
    if (failure?.version === deploymentId) throw cliError('WEAVER_CLI_ROLLOUT_FAILED', failure.message)
    if (view === undefined || version === undefined)
      throw cliError('WEAVER_CLI_ROLLOUT_FAILED', `version ${deploymentId} of "${app}" was ended`)
    if (!version.isReady) {
      if (/last words|is not there/.test(version.blame ?? '') && version.blame !== told) output.warn((told = version.blame ?? ''))
      continue
    }
    if (isFirst(view) && !isServed(view, listeners)) continue
    const seconds = ((performance.now() - since) / 1_000).toFixed(1)
    output.result(`version ${deploymentId} of "${app}" has started in ${regions.join(', ')} (${seconds} s)`)
    for (const { name, host } of listeners) output.progress(`listener ${name}: curl --header 'Host: ${host}' http://${address}`)
    for (const line of rolloutLines(view)) output.progress(line)
    return
  }
}

/** Nobody is served by another version meanwhile: it is there when its hosts are. */
function isFirst({ versions }: AppView): boolean {
  return versions.length === 1
}

function isServed({ traffic }: AppView, listeners: VersionSpec['listeners']): boolean {
  return listeners.every((listener) => traffic.some(({ host, fraction }) => host === listener.host && fraction > 0))
}

function rolloutLines({ rollout: { projected } }: AppView): readonly string[] {
  return projected.length < 2 ? [] : ['', 'Planned:', ...rolloutTable(projected), '']
}

async function tail({ deploymentId }: VersionSpec, { env, output }: CliContext, signal: AbortSignal): Promise<void> {
  const pretty = prettyPrinter({ isColored: output.isColored, showsReplica: true, isDated: true })
  const reader = createLogReader(gkeFolders(env).logs, (one) => one.deploymentId === deploymentId)
  for await (const entry of reader.follow(signal)) if (!isSystem(entry)) output.raw('stdout', pretty(entry))
}
