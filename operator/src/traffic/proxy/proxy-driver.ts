/**
 * Traffic driver `proxy`: a managed HAProxy per app, programmed while it runs.
 *
 * Siblings: `slots` (bindings, plan entries), `haproxy-config` (files), `proxy-target` (what a
 * proxy must look like), `proxy-commands` (from what it shows to commands), `proxy-report` (what
 * the rollout learns), `haproxy-admin` and `proxy-link` (the connection), `certificates`,
 * `proxy-manifests`, `proxy-objects`, `service-addresses` (Kubernetes). This is the loop between
 * them; it decides nothing about weights.
 *
 * I1  Files first: what a proxy would serve after a restart is in the ConfigMap before a running
 *     proxy receives it.
 * I2  A version's weight is raised only when every ready proxy has a pod of it up; until then all
 *     proxies keep the plan in force.
 * I3  A proxy's gate, closed at each start of the process, is opened only after the plan was read
 *     back and every slot with weight has a pod up.
 * I4  What is reported was read from the proxies after the last command.
 * I5  Bindings and weights are in the ConfigMap alone; its resourceVersion stops a second leader.
 */
import { proxyName } from '@weaver/crds'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { reasonOf } from '@weaver/sdk/contract'
import type { KubeApi, ResourceKind } from '@weaver/kube'
import { isNameTaken } from '../../kube/name-taken.js'
import { systemClock, type Clock } from '../../clock/clock.js'
import { SeenSince } from '../../clock/seen-since.js'
import type { Logger } from '../../log/logger.js'
import type { LiveChild } from '../../kube/child-applier.js'
import type { ProxyCertificates } from './certificates.js'
import { dialProxy } from './dial-proxy.js'
import { createHaproxyAdmin, type HaproxyAdmin } from './haproxy-admin.js'
import { listenersOf, MAPS, renderProxyFiles } from './haproxy-config.js'
import { planProxySteps, type ProxyView } from './proxy-commands.js'
import { ProxyCounters } from './proxy-counters.js'
import { readProxy, sendCommands } from './proxy-link.js'
import { createProxyObjects, type EnsuredObjects, type ProxyObjects, type StoredFiles } from './proxy-objects.js'
import { isCommitted, isServable, raiseBlockers, reportTraffic, type ProgrammedProxy } from './proxy-report.js'
import { proxyTargets, type ListenerTarget } from './proxy-target.js'
import { serviceAddresses, type KnownServices } from './service-addresses.js'
import { bindSlots, commitWeights, emptyState, freeSlots, parseState, recoverState, stampDropped, type ProxyState } from './slots.js'
import type { TrafficApp, TrafficDriver, TrafficObservation, TrafficPlan } from '../driver.js'

const STATE_KEY = 'state.json'
const DEFAULT_FAIL_OPEN_SECONDS = 120
const DEFAULT_SETTLE_MS = 1_500
const SETTLE_STEP_MS = 100
const DEFAULT_CUT_AFTER_MS = 5_000
/** After its grace period and some, a terminating proxy counts as gone, whatever its node says. */
const ENDING_LIMIT_MS = 75_000

/** A pod of the app's proxy, as the caches have it; unready and terminating ones too. */
export interface ProxyPod {
  readonly name: string
  readonly uid: string
  /** Empty: none yet. */
  readonly ip: string
  readonly ready: boolean
  readonly terminating: boolean
}
export interface ProxyDriverOptions {
  readonly kube: KubeApi
  readonly proxyPods: (app: { readonly namespace: string; readonly name: string }) => readonly ProxyPod[] | Promise<readonly ProxyPod[]>
  /** Children as the caches have them. @default none is watched */
  readonly child?: (namespace: string, kind: ResourceKind, name: string) => LiveChild
  /** HAProxy 2.6 or newer with OpenSSL and Prometheus exporter; stop signal SIGUSR1. */
  readonly image: string
  readonly log: Logger
  /** @default the system's */
  readonly clock?: Clock
  /** Dials a proxy's administration port. @default mutual TLS to port 9443 */
  readonly dial?: (pod: ProxyPod, certificates: ProxyCertificates) => Promise<Socket>
  /** Namespace of the operator; absent: no NetworkPolicy around proxies. */
  readonly operatorNamespace?: string
  /** Seconds until a proxy that no operator programs serves by its files. @default 120 */
  readonly failOpenSeconds?: number
  /**
   * How long the files must not have named a version before it is released. Below the kubelet's
   * delay with ConfigMaps (90 s) a container that restarts could serve it. @default failOpenSeconds
   */
  readonly forgetAfterMs?: number
  /** How long one `sync` waits for servers to pass their first check. @default 1500 */
  readonly settleMs?: number
  /** How long sessions of a released version may last before they are ended. @default 5000 */
  readonly cutAfterMs?: number
  /** Longest wait for one batch of commands. @default 5000 */
  readonly adminTimeoutMs?: number
}

interface Link {
  readonly admin: HaproxyAdmin
  /** The client certificate it was made with. */
  readonly certificate: string
}
/** Memory of one app between two passes. */
interface AppMemory {
  /** The result of the last check of the objects between users and proxies. */
  ensured: EnsuredObjects
  readonly links: Map<string, Link>
  /** Proxies that are terminating, by pod uid. */
  readonly ending: SeenSince
  /** Versions that are leaving, by version id. */
  readonly leaving: SeenSince
  readonly services: KnownServices
  readonly counters: ProxyCounters
}

/** @see ProxyDriverOptions. One pass of one app at a time; passes of different apps may overlap. */
export function createProxyDriver(options: ProxyDriverOptions): TrafficDriver {
  const failOpenSeconds = options.failOpenSeconds ?? DEFAULT_FAIL_OPEN_SECONDS
  const clock = options.clock ?? systemClock()
  const objects = createProxyObjects({ ...options, clock, failOpenSeconds })
  const apps = new Map<string, AppMemory>()
  const keyOf = (app: { readonly namespace: string; readonly name: string }) => `${app.namespace}/${app.name}`
  const memoryOf = (app: TrafficApp): AppMemory => {
    const memory = apps.get(keyOf(app)) ?? {
      ensured: { missing: [], pending: [] },
      links: new Map(),
      ending: new SeenSince(clock.steady),
      leaving: new SeenSince(clock.steady),
      services: new Map(),
      counters: new ProxyCounters(),
    }
    apps.set(keyOf(app), memory)
    return memory
  }
  const deps: PassDeps = { ...options, clock, failOpenSeconds, objects }
  const forget = (key: string) => {
    for (const { admin } of apps.get(key)?.links.values() ?? []) admin.close()
    apps.delete(key)
  }
  return {
    capabilities: { countsRequests: true },
    sync: (plan, { isFrozen = false, signal } = {}) => new Pass(deps, { plan, memory: memoryOf(plan.app), signal }).run({ isFrozen }),
    async remove(app, signal) {
      forget(keyOf(app))
      await objects.remove(app, signal)
    },
    forget(app) {
      forget(keyOf(app))
      objects.forget(app)
    },
    async close() {
      for (const key of apps.keys()) forget(key)
    },
  }
}

type PassDeps = ProxyDriverOptions & { readonly clock: Clock; readonly failOpenSeconds: number; readonly objects: ProxyObjects }

/** One pass over one app; discarded after it. */
class Pass {
  readonly #deps: PassDeps
  readonly #plan: TrafficPlan
  readonly #memory: AppMemory
  readonly #signal: AbortSignal | undefined
  readonly #log: Logger
  #stored: StoredFiles | undefined
  #state: ProxyState = emptyState()
  #problems: readonly string[] = []

  constructor(deps: PassDeps, at: { readonly plan: TrafficPlan; readonly memory: AppMemory; readonly signal: AbortSignal | undefined }) {
    this.#deps = deps
    this.#plan = at.plan
    this.#memory = at.memory
    this.#signal = at.signal
    this.#log = deps.log.child({ app: at.plan.app.name, namespace: at.plan.app.namespace })
  }

  async run({ isFrozen }: { readonly isFrozen: boolean }): Promise<TrafficObservation> {
    // The files first: a proxy pod cannot start without them.
    await this.#bind()
    const taken = isFrozen ? undefined : await this.#ensureObjects()
    const seen = await this.#follow()
    return taken === undefined ? seen : { ...seen, taken, inSync: false, waitingFor: taken, unreachable: taken, weightObserved: {} }
  }

  /** @returns the name that an object of others has, in a sentence; everything else is done. */
  async #ensureObjects(): Promise<string | undefined> {
    const pods = await this.#pods()
    this.#memory.ensured = { missing: [], pending: [] }
    try {
      const isServing = pods.some((p) => p.ready && !p.terminating)
      this.#memory.ensured = await this.#deps.objects.ensure(this.#plan, { isServing, signal: this.#signal })
      return undefined
    } catch (error) {
      if (!isNameTaken(error)) throw error
      return error.message
    }
  }

  /** Reads the stored state, binds what is new, stores it. */
  async #bind(): Promise<void> {
    const { app } = this.#plan
    this.#stored = await this.#deps.objects.readFiles(app, this.#signal)
    const text = this.#stored?.data[STATE_KEY]
    this.#state =
      text === undefined ? await this.#recovered() : parseState(text, `ConfigMap "${proxyName(app.name)}" in namespace "${app.namespace}"`)
    const services = await serviceAddresses(this.#deps.kube, this.#plan, {
      known: this.#memory.services,
      now: this.#deps.clock.steady(),
      signal: this.#signal,
    })
    const bound = bindSlots(this.#state, this.#plan, (listener, id) => services.get(`${listener} ${id}`))
    this.#problems = bound.problems
    await this.#store(bound.state)
  }

  /** Brings the proxies to the plan and reads back. */
  async #follow(): Promise<TrafficObservation> {
    const plan = this.#plan
    const until = this.#deps.clock.steady() + (this.#deps.settleMs ?? DEFAULT_SETTLE_MS)
    let proxies: ProgrammedProxy[]
    let blockers: string[]
    for (let isStored = false; ;) {
      const targets = this.#targets()
      proxies = await this.#program(targets)
      blockers = isCommitted(plan, this.#state) ? [] : raiseBlockers(plan, { state: this.#state, targets, proxies })
      if (blockers.length === 0 && !isStored && !isCommitted(plan, this.#state)) {
        await this.#commit()
        isStored = true
        continue
      }
      // A proxy that does not answer is not awaited; the next pass retries.
      const isSettled = proxies.every((p) => p.view === undefined || p.waiting.length === 0)
      if (isSettled || this.#deps.clock.steady() >= until) break
      await sleep(SETTLE_STEP_MS, undefined, this.#signal === undefined ? {} : { signal: this.#signal })
    }
    await this.#free(proxies)
    const ending = this.#ending(await this.#pods())
    const { ensured, counters } = this.#memory
    const { missing, pending } = ensured
    return reportTraffic(plan, {
      missing,
      pending,
      state: this.#state,
      proxies,
      ending,
      problems: this.#problems,
      blockers,
      baseline: (key, requests) => counters.baseline(key, requests),
      lostPins: counters.lostPins(proxies),
      forgetAfterMs: this.#deps.forgetAfterMs ?? this.#deps.failOpenSeconds * 1_000,
      now: this.#deps.clock.now(),
      clockSetAt: this.#deps.clock.setAt(),
    })
  }

  /** I1. */
  async #commit(): Promise<void> {
    await this.#store(commitWeights(this.#state, this.#plan))
    this.#log.info('weights set', {
      generation: this.#state.generation,
      weights: Object.fromEntries(Object.entries(this.#state.listeners).map(([name, own]) => [name, own.weights])),
    })
  }

  /** Slots of versions that left are freed once no proxy has servers of them. */
  async #free(proxies: readonly ProgrammedProxy[]): Promise<void> {
    if (proxies.some((p) => p.isReady && p.view === undefined)) return
    const views = proxies.flatMap((p) => p.view ?? [])
    const isClean = (backend: string) =>
      views.every((v) =>
        (v.backends.get(backend)?.servers ?? []).every((s) => s.name === 'svc' && s.status === 'maint' && s.sessions === 0),
      )
    await this.#store(freeSlots(this.#state, isClean))
  }

  async #store(next: ProxyState): Promise<void> {
    this.#state = stampDropped(this.#state, next, this.#deps.clock.now())
    const listeners = listenersOf(this.#plan)
    const data = { ...renderProxyFiles(listeners, this.#state, this.#deps.failOpenSeconds), [STATE_KEY]: JSON.stringify(this.#state) }
    if (this.#stored !== undefined && isDeepStrictEqual(this.#stored.data, data)) return
    this.#stored = await this.#deps.objects.writeFiles(this.#plan.app, data, {
      before: this.#stored,
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
    })
  }

  #targets(): ListenerTarget[] {
    const cutAfterMs = this.#deps.cutAfterMs ?? DEFAULT_CUT_AFTER_MS
    const burned = new Set(this.#plan.burned)
    const leaving = new Set(
      Object.values(this.#state.listeners).flatMap((l) => Object.values(l.slots).flatMap((b) => (b.leaving === true ? [b.versionId] : []))),
    )
    this.#memory.leaving.keepOnly(leaving)
    for (const id of leaving) this.#memory.leaving.elapsedMs(id) // its time begins
    return proxyTargets(this.#state, this.#plan, {
      cut: (id) => leaving.has(id) && (burned.has(id) || this.#memory.leaving.elapsedMs(id) >= cutAfterMs),
    })
  }

  /** Brings every live proxy as near to the targets as possible now, in parallel. */
  async #program(targets: readonly ListenerTarget[]): Promise<ProgrammedProxy[]> {
    const pods = await this.#pods()
    const alive = pods.filter((p) => !p.terminating && p.ip !== '')
    // An open administration connection would keep an ending process from ending.
    for (const [uid, { admin }] of this.#memory.links)
      if (!alive.some((p) => p.uid === uid)) {
        admin.close()
        this.#memory.links.delete(uid)
      }
    return Promise.all(alive.map((pod) => this.#programOne(pod, targets)))
  }

  async #programOne(pod: ProxyPod, targets: readonly ListenerTarget[]): Promise<ProgrammedProxy> {
    const names = targets.map((t) => t.name)
    try {
      const admin = await this.#link(pod)
      let view = await readProxy(admin, pod.name, names)
      let steps = planProxySteps(view, targets)
      if (steps.commands.length > 0) {
        for (const { text } of steps.commands)
          if (text.startsWith('shutdown sessions'))
            this.#log.warn('requests cut: the version was let go', { proxy: pod.name, command: text })
        await sendCommands(admin, pod.name, steps.commands)
        view = await this.#reread(admin, pod, names, view.process)
        steps = planProxySteps(view, targets)
      }
      if (!view.isConfirmed && isServable(view, this.#state, targets)) {
        // I3
        await sendCommands(admin, pod.name, [{ text: `set map ${MAPS.gate} confirmed 1` }])
        view = await this.#reread(admin, pod, names, view.process)
        this.#log.info('proxy confirmed', { proxy: pod.name, process: view.process })
      }
      return { name: pod.name, isReady: pod.ready, view, waiting: steps.waiting }
    } catch (error) {
      if (this.#signal?.aborted === true) throw error
      const failure = reasonOf(error)
      this.#log.debug('proxy could not be programmed', { proxy: pod.name, err: error })
      return { name: pod.name, isReady: pod.ready, failure, waiting: [] }
    }
  }

  async #reread(admin: HaproxyAdmin, pod: ProxyPod, listeners: readonly string[], process: string): Promise<ProxyView> {
    const view = await readProxy(admin, pod.name, listeners)
    if (view.process !== process)
      throw new Error(`proxy "${pod.name}": it was restarted while it was programmed; the next pass begins again`)
    return view
  }

  async #link(pod: ProxyPod): Promise<HaproxyAdmin> {
    const certificates = await this.#deps.objects.certificates(this.#plan.app, this.#signal)
    const known = this.#memory.links.get(pod.uid)
    if (known?.certificate === certificates['client.pem']) return known.admin
    known?.admin.close()
    const dial = this.#deps.dial ?? dialProxy
    const admin = createHaproxyAdmin({
      name: pod.name,
      dial: () => dial(pod, certificates),
      ...(this.#deps.adminTimeoutMs === undefined ? {} : { timeoutMs: this.#deps.adminTimeoutMs }),
    })
    this.#memory.links.set(pod.uid, { admin, certificate: certificates['client.pem'] })
    return admin
  }

  async #pods(): Promise<readonly ProxyPod[]> {
    return this.#deps.proxyPods(this.#plan.app)
  }

  #ending(pods: readonly ProxyPod[]): string[] {
    const { ending } = this.#memory
    ending.keepOnly(new Set(pods.map((p) => p.uid)))
    return pods.flatMap((p) => (p.terminating && ending.elapsedMs(p.uid) < ENDING_LIMIT_MS ? [p.name] : []))
  }

  /** State recovered from running proxies, for when the stored state was deleted. */
  async #recovered(): Promise<ProxyState> {
    const pods = (await this.#pods()).filter((p) => !p.terminating && p.ip !== '').sort((a, b) => Number(b.ready) - Number(a.ready))
    const names = this.#plan.listeners.map((l) => l.listener.name)
    for (const pod of pods) {
      try {
        const view = await readProxy(await this.#link(pod), pod.name, names)
        const state = recoverState(this.#plan, view)
        if (Object.values(state.listeners).every((l) => Object.keys(l.slots).length === 0)) continue
        this.#log.warn('the stored slots are gone; took the bindings and weights of a running proxy', { proxy: pod.name })
        return state
      } catch (error) {
        if (this.#signal?.aborted === true) throw error
        this.#log.warn('the stored slots are gone, and a proxy could not be asked; goes on with the others', {
          proxy: pod.name,
          err: error,
        })
      }
    }
    return emptyState()
  }
}
