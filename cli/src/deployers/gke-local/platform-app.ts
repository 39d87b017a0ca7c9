/**
 * One application on the platform: its versions, their hosts, and the decisions over it.
 * `platform.ts` says when to decide, and programs the load balancer.
 */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { AnalysisReader, type ObservedAnalysis, type RolloutDecision } from '@weaver/rollout'
import { LEASE_MS, reasonOf, shortDeploymentId, type LogEntry } from '@weaver/sdk/contract'
import { askDeployment } from '../local/ask-deployment.js'
import { stopDeployment } from '../local/deployment-control.js'
import { createDeploymentLog, type DeploymentLog } from '../local/deployment-log.js'
import { isRunning } from '../local/process-start.js'
import { endProcess, keyOf, runningDeployments, type RunningDeployment } from '../local/running-deployments.js'
import { decideApp, policyOf, type AppObservation } from './app-rollout.js'
import type { AppState, HistoryEntry } from './app-state.js'
import type { GkeFolders } from './gke-folders.js'
import type { BalancerState } from './load-balancer.js'
import { observeCopy, type Copy } from './observe.js'
import { hostFiles, readSpec, removeApp, removeVersion, writeApp } from './platform-store.js'
import { readRegion } from './read-region.js'
import { keepService, type KeptService } from './service.js'
import type { TrafficRegion } from './traffic-plan.js'
import type { HostView } from './version-host.js'
import type { VersionSpec } from './version-spec.js'

export interface PlatformAppOptions {
  readonly folders: GkeFolders
  readonly env: Readonly<Record<string, string | undefined>>
  /** Something of it has changed: decide again. */
  readonly wake: () => void
  readonly warn: (text: string) => void
}

interface Host extends Copy {
  host: HostView | undefined
  lost: string | undefined
  service: RunningDeployment | undefined
  readonly kept: KeptService
  isStopping: boolean
  /** It ran before this platform did. */
  readonly isAdopted: boolean
}

const STOP_MS = 60_000
const LOOK_MS = 50

export class PlatformApp {
  readonly #options: PlatformAppOptions
  readonly #specs = new Map<string, VersionSpec>()
  /** By key: what runs, is to run, or is being stopped. */
  readonly #hosts = new Map<string, Host>()
  readonly #logs = new Map<string, DeploymentLog>()
  /** By region: until when another copy than the present one may still believe that it leads. */
  readonly #leadUntil = new Map<string, number>()
  /** By region. */
  readonly #analyses = new Map<string, AnalysisReader>()
  #decisions: Readonly<Record<string, RolloutDecision>> = {}
  #state: AppState

  /** Takes over the hosts that run. */
  constructor(state: AppState, options: PlatformAppOptions) {
    this.#state = state
    this.#options = options
    for (const id of state.versions) this.#learn(id)
    for (const { app, deploymentId, location } of runningDeployments(options.folders.hosts)) {
      const spec = this.#specs.get(deploymentId)
      if (app === state.app && spec !== undefined && location !== undefined) this.#keep(spec, location, true)
    }
  }

  get state(): AppState {
    return this.#state
  }

  get specs(): ReadonlyMap<string, VersionSpec> {
    return this.#specs
  }

  get copies(): readonly Copy[] {
    return [...this.#hosts.values()]
  }

  get decisions(): Readonly<Record<string, RolloutDecision>> {
    return this.#decisions
  }

  /** By region: what a comparison of the two versions has found. */
  get analyses(): Readonly<Record<string, ObservedAnalysis | undefined>> {
    return Object.fromEntries([...this.#analyses].map(([region, reader]) => [region, reader.observed(this.#state.engines[region])]))
  }

  /** Its processes have ended, and it is being ended: nothing of it is left. */
  get isOver(): boolean {
    return this.#state.isEnding === true && this.#hosts.size === 0
  }

  /** Another state, because a user asked for it. Written down before anything follows from it. */
  set(state: AppState): void {
    this.#remember(state)
    for (const id of state.versions) this.#learn(id)
    this.#options.wake()
  }

  /**
   * Every host has said how it is, or is known not to be there: what is seen is all that there is.
   */
  get isSeen(): boolean {
    return [...this.#hosts.values()].every(({ host, lost, isAdopted }) => !isAdopted || host !== undefined || lost !== undefined)
  }

  /**
   * Decides, writes it down, and starts and stops hosts.
   * @returns when to look again at the latest
   */
  decide(balancer: BalancerState | undefined, times: Pick<AppObservation, 'watchingSince' | 'clockSetAt' | 'now'>): number | undefined {
    if (this.#state.isEnding === true) {
      for (const host of this.#hosts.values()) void this.#stop(host)
      return undefined
    }
    const spec = this.#specs.get(this.#state.desired)
    if (spec === undefined) return undefined // its file is gone: what runs goes on
    const { state, regions, news, requeueAfterMs } = decideApp(this.#state, spec, {
      ...times,
      versions: Object.fromEntries(
        this.#state.regions.map((region) => [
          region,
          this.copies.filter((copy) => copy.region === region).map((copy) => observeCopy(copy, balancer)),
        ]),
      ),
      analyses: this.analyses,
      ...(balancer === undefined ? { trafficBlame: 'the load balancer is not there' } : {}),
    })
    if (JSON.stringify(state) !== JSON.stringify(this.#state)) this.#remember(state)
    this.#decisions = regions
    for (const entry of news) this.#say(entry)
    for (const [region, { keep, remove }] of Object.entries(regions)) {
      for (const id of keep) this.#keep(this.#specs.get(id), region)
      for (const id of remove) void this.#stop(this.#hosts.get(keyOf({ deploymentId: id, location: region })))
      this.#lead(region)
    }
    const looks = this.#analyse(spec, times.now)
    this.#forget()
    const waits = [requeueAfterMs, ...looks].filter((wait) => wait !== undefined)
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  /** Compares the two versions of each region. @returns when to look again */
  #analyse(spec: VersionSpec, now: number): readonly (number | undefined)[] {
    const { regions, engines, isGoingBack = false } = this.#state
    const policy = policyOf(spec, { isGoingBack, paused: false })
    return regions.map((region) => {
      const analysis = this.#analyses.get(region) ?? new AnalysisReader()
      this.#analyses.set(region, analysis)
      const host = (id: string): RunningDeployment | undefined => this.#hosts.get(keyOf({ deploymentId: id, location: region }))?.service
      return analysis.look({
        state: engines[region],
        policy,
        now,
        steadyMs: performance.now(),
        read: (task) => readRegion(task, host),
        onRead: this.#options.wake,
      })
    })
  }

  /** Who should have which traffic, as it was decided last. */
  get traffic(): readonly TrafficRegion[] {
    const { app, regions, engines, isEnding } = this.#state
    return regions.map((region) => {
      const { active, preview, draining = [], weights = {} } = (isEnding === true ? undefined : engines[region]) ?? {}
      const named = [active, preview, ...draining.map(({ id, letGo }) => (letGo === true ? undefined : id))]
      return {
        app,
        region,
        versions: this.copies
          .filter(({ spec, region: at }) => at === region && named.includes(spec.deploymentId))
          .sort((a, b) => a.spec.submittedAt - b.spec.submittedAt)
          .map(({ spec, host }) => ({
            id: spec.deploymentId,
            weight: weights[spec.deploymentId] ?? 0,
            listeners: spec.listeners,
            ...(spec.affinity === undefined ? {} : { affinity: spec.affinity }),
            backends: host?.backends ?? {},
          })),
      }
    })
  }

  /** What is left of it on disk, once it {@link isOver}. */
  erase(): void {
    this.release()
    for (const id of this.#specs.keys()) removeVersion(this.#options.folders, id)
    removeApp(this.#options.folders, this.#state.app)
  }

  /** Looks after it no longer; what runs goes on. */
  release(): void {
    for (const { kept } of this.#hosts.values()) void kept.release() // what is being started is left to the next platform
    for (const log of this.#logs.values()) log.close()
    this.#logs.clear()
  }

  #learn(id: string): void {
    const spec = this.#specs.get(id) ?? readSpec(this.#options.folders, id)
    if (spec !== undefined) this.#specs.set(id, spec)
  }

  #remember(state: AppState): void {
    writeApp(this.#options.folders, state)
    this.#state = state
  }

  #keep(spec: VersionSpec | undefined, region: string, isAdopted = false): void {
    if (spec === undefined) return
    const { folders, env, wake } = this.#options
    const key = keyOf({ deploymentId: spec.deploymentId, location: region })
    if (this.#hosts.has(key)) return
    const { lock: lockFile, log: logFile } = hostFiles(folders, key)
    const host: Host = {
      spec,
      region,
      host: undefined,
      lost: undefined,
      service: undefined,
      isStopping: false,
      isAdopted,
      kept: keepService<RunningDeployment, HostView>({
        command: { args: ['host', spec.deploymentId, region], env, logFile, lockFile },
        find: () => runningDeployments(folders.hosts).find((one) => keyOf(one) === key),
        onView(view, service) {
          // One that cannot start is there again and again for a moment.
          const hasBegun = view.view.groups.some(({ replicas }) => replicas.length > 0)
          Object.assign(host, { host: view, service, ...(hasBegun ? { lost: undefined } : {}) })
          wake()
        },
        onLost: (why) => {
          if (host.host?.isActive === true) this.#leadUntil.set(region, performance.now() + LEASE_MS)
          Object.assign(host, { host: undefined, service: undefined, lost: why })
          wake()
        },
      }),
    }
    this.#hosts.set(key, host)
  }

  async #stop(host: Host | undefined): Promise<void> {
    if (host === undefined || host.isStopping) return
    host.isStopping = true
    await host.kept.release() // one that is being started is on the list by then
    const { spec, region } = host
    const key = keyOf({ deploymentId: spec.deploymentId, location: region })
    try {
      const running = runningDeployments(this.#options.folders.hosts).find((one) => keyOf(one) === key)
      if (running !== undefined) await endHost(running)
      rmSync(hostFiles(this.#options.folders, key).lock, { force: true }) // of one that was killed
    } catch (error) {
      this.#options.warn(`${key} could not be stopped: ${reasonOf(error)}`)
    }
    this.#hosts.delete(key)
    this.#options.wake()
  }

  /**
   * In each region the active version may have leaders with the scope `app`; after a change when no
   * other one can think that it leads.
   */
  #lead(region: string): void {
    const active = this.#decisions[region]?.state.active
    const hosts = [...this.#hosts.values()].filter((host) => host.region === region && host.host !== undefined)
    for (const { host, service, spec } of hosts)
      if (host?.isActive === true && spec.deploymentId !== active && service !== undefined) {
        this.#leadUntil.set(region, performance.now() + LEASE_MS)
        this.#tellLead(service, false)
      }
    const next = hosts.find(({ spec }) => spec.deploymentId === active)
    if (next?.service === undefined || next.host?.isActive === true) return
    const { service } = next
    const pauseMs = (this.#leadUntil.get(region) ?? 0) - performance.now()
    if (pauseMs <= 0) this.#tellLead(service, true)
    else setTimeout(this.#options.wake, pauseMs).unref()
  }

  #tellLead(service: RunningDeployment, isActive: boolean): void {
    const request = { kind: 'lead', isActive }
    askDeployment(service, { request, expect: 'ok' }).catch((error: unknown) =>
      this.#options.warn(`"${this.#state.app}": leaders are not told: ${reasonOf(error)}`),
    ) // the next decision tells it again
  }

  /** Versions of which nothing runs, and to which nobody can go back. */
  #forget(): void {
    const { desired, settled, before, failure, versions } = this.#state
    const wanted = new Set([desired, settled, before, failure?.version, ...this.copies.map(({ spec }) => spec.deploymentId)])
    const gone = versions.filter((id) => !wanted.has(id))
    if (gone.length === 0) return
    this.#remember({ ...this.#state, versions: versions.filter((id) => wanted.has(id)) })
    for (const id of gone) {
      this.#specs.delete(id)
      this.#logs.get(id)?.close()
      this.#logs.delete(id)
      removeVersion(this.#options.folders, id)
    }
  }

  /** In the log of the version. */
  #say({ at, region, version, kind, isWarning, message }: HistoryEntry): void {
    const { app } = this.#state
    const { submittedAt = Date.parse(at) } = this.#specs.get(version) ?? {}
    let log = this.#logs.get(version)
    if (log === undefined) {
      const { folders, warn } = this.#options
      log = createDeploymentLog({ folder: folders.logs, app, startedAt: submittedAt, deploymentId: version }, (error) =>
        warn(reasonOf(error)),
      )
      this.#logs.set(version, log)
    }
    const level: LogEntry['level'] = kind === 'RolloutFailed' ? 'error' : isWarning ? 'warn' : 'info'
    const of = { app, version: shortDeploymentId(version), deploymentId: version, replica: 'platform' }
    log.write({ time: at, level, message, attributes: { region, event: kind }, ...of })
  }
}

/** Asks it to end, and waits until it has. */
async function endHost(running: RunningDeployment): Promise<void> {
  await stopDeployment(running).catch(() => endProcess(running))
  const until = performance.now() + STOP_MS
  while (isRunning(running)) {
    if (performance.now() > until) process.kill(running.pid, 'SIGKILL') // its processes end with it
    await sleep(LOOK_MS)
  }
}
