/**
 * The platform of `weaver gke-local`: one process per user that outlives commands. It keeps a host
 * for each version in each region and the load balancer, and decides, over and over, what becomes
 * of each application. One pass: read what there is, decide (`app-rollout.ts`), write it down, act.
 * Passes follow each other; whatever changes asks for another one.
 *
 *     commands ──socket──► platform ──► decideApp (the rollout engine, per region)
 *                              ├──► hosts (version-host.ts), watched
 *                              └──► load balancer (load-balancer.ts), told and read back
 *
 * I1  What is decided is on disk before it is done: a platform that is killed goes on where it was.
 * I2  Hosts and load balancer are processes of their own: they serve while there is no platform,
 *     and the next one takes them over.
 * I3  Copies of a version are stopped when no plan in force names them; `kill` alone ends what has
 *     traffic.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { reasonOf } from '@weaver/sdk/contract'
import { serveControlSocket } from '@weaver/sdk/internal'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { KEEP_LOGS_MS, removeOldLogs } from '../../logs/log-files.js'
import { controlSocketPath, removeControlSocket } from '../local/running-deployments.js'
import { gkeFolders } from './gke-folders.js'
import {
  balancerState,
  findBalancer,
  stopBalancer,
  tellBalancer,
  type Balancer,
  type BalancerState,
  type BalancerView,
} from './load-balancer.js'
import { PlatformApp } from './platform-app.js'
import {
  platformLock,
  platformMark,
  platformSettings,
  type Platform,
  type PlatformReply,
  type PlatformRequest,
  type PlatformSettings,
} from './platform-control.js'
import { readApps, readSpec, sweepVersions, writeJson } from './platform-store.js'
import { takeLock } from '../local/process-lock.js'
import { carryOut, newApp } from './platform-verbs.js'
import { showApp } from './show-app.js'
import { createWatched, keepService, ownMark, startService } from './service.js'
import { planTraffic } from './traffic-plan.js'
import type { PlatformView } from './platform-view.js'

/** An idle platform looks this often, whatever it was told. */
const IDLE_MS = 60_000
const RETRY_MS = 1_000
/** How long a host that ran before may take to say how it is. */
const SEEN_MS = 10_000
const LOOK_MS = 50

/** Runs it until no application is left, or it is stopped. @returns the exit code */
export async function runPlatform(port: number, { env, output, onSignal }: CliContext): Promise<number> {
  const folders = gkeFolders(env)
  const lock = takeLock(platformLock(folders), process.pid)
  if ('holder' in lock) throw cliError('WEAVER_CLI_STATE', `a platform runs already: process ${lock.holder}`)
  const controlSocket = controlSocketPath(folders.root, 'platform')
  rmSync(controlSocket, { force: true })
  const clock = createWatch()
  removeOldLogs(folders.logs, Date.now() - KEEP_LOGS_MS)

  const startedAt = Date.now()
  let wakeUp = (): void => undefined
  let isAsked = true
  const wake = (): void => {
    isAsked = true
    wakeUp()
  }
  const over = new AbortController()
  const warn = (text: string): void => output.warn(`${new Date().toISOString()} ${text}`)
  const apps = new Map<string, PlatformApp>()
  const appOptions = { folders, env, wake, warn }
  const runningBalancer = (): Balancer | undefined => findBalancer(folders)
  const truePort = runningBalancer()?.port ?? port
  const balancerCommand = { args: ['balancer', '--port', String(truePort)], env, logFile: join(folders.root, 'balancer.log') }
  // A port that is in use is told to whoever starts the platform.
  let balancer: Balancer | undefined = runningBalancer() ?? (await startService(balancerCommand, runningBalancer))
  writeJson(platformSettings(folders), { format: 1, port: truePort } satisfies PlatformSettings)
  const keptBalancer = keepService<Balancer, BalancerView>({
    command: balancerCommand,
    find: runningBalancer,
    onView(_view, service) {
      balancer = service
      wake()
    },
    onLost(why) {
      warn(`the load balancer: ${why}`)
      balancer = undefined
      wake()
    },
  })
  /** No application is left: nothing that is accepted from now on would be seen. */
  let isEnding = false
  let inForce: BalancerState | undefined
  const view = (): PlatformView => ({
    pid: process.pid,
    ...(balancer === undefined ? {} : { address: balancer.address }),
    apps: [...apps.values()].map((app) => showApp(app, inForce, clock.look())),
  })
  const watched = createWatched(view)

  /** @returns when to look again */
  const pass = async (): Promise<number> => {
    inForce = balancer === undefined ? undefined : await balancerState(balancer)
    const times = clock.look()
    if (times.now - startedAt < SEEN_MS && ![...apps.values()].every(({ isSeen }) => isSeen)) return LOOK_MS // what was not seen yet must not be taken for dead
    let waitMs = IDLE_MS
    for (const app of apps.values())
      try {
        waitMs = Math.min(waitMs, app.decide(inForce, times) ?? IDLE_MS)
      } catch (error) {
        warn(reasonOf(error))
        waitMs = Math.min(waitMs, RETRY_MS)
      }
    const plan = planTraffic([...apps.values()].flatMap(({ traffic }) => traffic))
    if (balancer !== undefined && inForce !== undefined && !isInForce(plan, told)) {
      await tellBalancer(balancer, plan)
      told = { text: JSON.stringify(plan), pid: balancer.pid }
      isAsked = true // to see it in force
    }
    for (const [name, app] of apps)
      if (app.isOver) {
        app.erase()
        apps.delete(name)
        isAsked = true
      }
    if (!isMarked) writeJson(platformMark(folders), mark) // it can tell now how things are
    isMarked = true
    watched.changed()
    return waitMs
  }
  let told: { readonly text: string; readonly pid: number } | undefined
  const isInForce = (plan: unknown, last: typeof told): boolean => last?.pid === balancer?.pid && last?.text === JSON.stringify(plan)

  const answer = async (request: PlatformRequest): Promise<PlatformReply> => {
    switch (request.kind) {
      case 'watch':
        return watched.watch(request.seen)
      case 'deploy': {
        if (isEnding || over.signal.aborted) return { kind: 'refused', message: 'the platform is ending; deploy again' }
        const spec = readSpec(folders, request.deploymentId)
        if (spec === undefined) return { kind: 'error', message: `version "${request.deploymentId}" is not there` }
        const states = [...apps.values()].map(({ state, specs }) => ({ state, specs }))
        const made = newApp(spec, states)
        if ('refused' in made) return { kind: 'refused', message: made.refused }
        const app = apps.get(spec.app) ?? new PlatformApp(made.state, appOptions)
        apps.set(spec.app, app)
        app.set(made.state)
        sweepVersions(folders)
        return { kind: 'done', said: spec.deploymentId }
      }
      case 'verb': {
        const app = apps.get(request.app)
        if (app === undefined) return { kind: 'refused', message: `"${request.app}" does not run by \`weaver gke-local\`` }
        const made = carryOut(request.verb, app.state, request)
        if ('refused' in made) return { kind: 'refused', message: made.refused }
        if (request.isRehearsal !== true) app.set(made.state)
        return { kind: 'done', said: made.said, version: made.state.desired }
      }
      case 'stop':
        for (const app of apps.values()) app.set({ ...app.state, isEnding: true })
        return { kind: 'done', said: '' }
    }
  }
  const control = await serveControlSocket(controlSocket, {
    answer: (body) => answer(JSON.parse(Buffer.from(body).toString('utf8')) as PlatformRequest), // of this user's own command
    onProblem: (error) => warn(`a request could not be answered: ${reasonOf(error)}`),
  })
  const release = onSignal(() => {
    over.abort() // what runs goes on
    wake()
  })
  for (const state of readApps(folders)) apps.set(state.app, new PlatformApp(state, appOptions))
  sweepVersions(folders)
  const mark: Platform = { format: 1, ...ownMark('the platform'), controlSocket, port: truePort }
  let isMarked = false

  let hadApps = apps.size > 0
  while (!over.signal.aborted) {
    isAsked = false
    const waitMs = await pass().catch((error: unknown) => {
      warn(reasonOf(error))
      return RETRY_MS
    })
    hadApps ||= apps.size > 0
    // Without an application there is nothing to do; a new platform waits for its first one.
    if (apps.size === 0 && (hadApps || Date.now() - startedAt > IDLE_MS)) {
      isEnding = true
      rmSync(platformMark(folders), { force: true }) // the next command waits for another one
      if (balancer !== undefined) await stopBalancer(balancer).catch((error: unknown) => warn(reasonOf(error)))
      break
    }
    if (isAsked || over.signal.aborted) continue
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
  void keptBalancer.release() // what is being started is left to the next platform
  for (const app of apps.values()) app.release()
  release()
  await control.close()
  rmSync(platformMark(folders), { force: true })
  removeControlSocket(folders.root, controlSocket)
  lock.release()
  return 0
}

/** A difference between the two clocks that is no drift: the one was set, or the machine slept. */
const CLOCK_JUMP_MS = 2_000

/** The time, and since when it goes on without a gap. */
function createWatch(): { look(): { readonly now: number; readonly watchingSince: number; readonly clockSetAt: number } } {
  let watchingSince = Date.now()
  let clockSetAt = 0
  let offset = Date.now() - performance.now()
  return {
    look() {
      const now = Date.now()
      const present = now - performance.now()
      if (Math.abs(present - offset) > CLOCK_JUMP_MS) clockSetAt = watchingSince = now
      offset = present
      return { now, watchingSince, clockSetAt }
    },
  }
}
