/**
 * One pass over one WeaverApp: read everything, compute, act, write the status. Level-based: no
 * event's content is used, so any pass may be lost, repeated, or interrupted between two writes.
 *
 * Siblings: `desired-version` (spec, describe), `live-versions` (snapshots, plans, observation),
 * `version-children` (create and remove), `traffic-plan`, `traffic-step`, `compare-versions`,
 * `finalize-app` (deletion).
 *
 * I1  The app is read live, not from a cache, so a pass never decides on a status older than its
 *     own last write.
 * I2  New weights are in the persisted status before any proxy receives them. After a crash in
 *     between, the next pass begins by bringing the proxies to the persisted weights.
 * I3  A version gets objects only while the engine keeps it, and loses them only when the engine
 *     releases it.
 * I4  An invalid or not yet described spec changes nothing for live versions: the engine continues
 *     with what it had.
 * I5  The status is replaced under its resourceVersion; a second operator loses the race, not the
 *     data.
 */
import { ANNOTATIONS, canonicalJson, type WeaverAppSpec, type WeaverAppStatus } from '@weaver/crds'
import { reasonOf } from '@weaver/sdk/contract'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import { operatorError } from '../errors/catalogue.js'
import type { Broker } from '../broker/broker.js'
import type { Clock } from '../clock/clock.js'
import { SeenSince } from '../clock/seen-since.js'
import type { AppControl } from '../control/app-control.js'
import type { AppIdentity } from '../desired/manifest.js'
import { isNameTaken } from '../kube/name-taken.js'
import type { Logger } from '../log/logger.js'
import { brokenInvariants, decide, versionsLetGo, type RolloutPolicy, type RolloutState } from '@weaver/rollout'
import { wordDecision, type WordedDecision } from '../status/rollout-words.js'
import { newlyStalled } from './newly-stalled.js'
import { statusOf, withoutCounts, type AppEvent, type AppObject, type PassFacts } from './pass-status.js'
import type { TrafficObservation } from '../traffic/driver.js'
import { forgetApp, type TrafficDrivers } from '../traffic/drivers.js'
import { createChildApplier } from '../kube/child-applier.js'
import { beginPass, type AppMemory } from './app-memory.js'
import { ownObjects, type AppObjects, type ClusterView, type Revision } from './cluster-view.js'
import { isSuspended, withFinalizer } from './app-object.js'
import { commandsOf, takeCommandsBack } from './commands.js'
import { analysisFacts, compareVersions } from './compare-versions.js'
import { findDesiredVersion, policyOf, type DesiredVersion } from './desired-version.js'
import { finalizeApp } from './finalize-app.js'
import { withTraffic } from './version-traffic.js'
import { forgetRevisions, inOrder, isRetired, versionOf } from './known-versions.js'
import { observeVersions, readSnapshots } from './live-versions.js'
import { lostRevisions, restoreRevisions } from './lost-revisions.js'
import { buildTrafficPlan, trafficAffinity } from './traffic-plan.js'
import { rolloutEnds, type RolloutEnd } from './rollout-end.js'
import { syncTraffic, withLetGo } from './traffic-step.js'
import { ensureVersionChildren, removeVersionChildren, type ChildrenDeps } from './version-children.js'
import { forEngine, type PlacedVersion, type Version } from './version.js'
import { blamedFor, errorOf, textOf, type VersionFailure } from './version-failures.js'

/** While anything moves, observations are polled: proxies cannot be watched. */
const POLL_MS = 1_000
/** Weights were just changed; proxies answer within milliseconds. */
const CONFIRM_MS = 200
/**
 * Objects of others are not watched: each pass checks whether the name is free or the object was
 * given to the app.
 */
const TAKEN_MS = 5_000
const RESYNC_MS = 300_000
/** How often status is written when nothing but requests in flight has changed. */
const COUNTS_MS = 10_000

export interface ReconcilerDeps {
  readonly api: KubeApi
  readonly view: ClusterView
  readonly broker: Broker
  readonly drivers: TrafficDrivers
  /** Control inside versions: leaders, and owners of keys. */
  readonly control: Pick<AppControl, 'sync' | 'forget'>
  readonly events: { emit(app: KubeObject, event: AppEvent): void }
  readonly log: Logger
  readonly clock: Clock
  /** Called with the status of each pass, for metrics; `undefined` when the app is gone. */
  readonly onStatus?: (key: AppKey, status: WeaverAppStatus | undefined) => void
  /** Called with the requests that the proxies have counted, by version, in each pass. */
  readonly onRequests?: (key: AppKey, counts: Pick<TrafficObservation, 'requests' | 'lostPins'>) => void
  /** Called once for each rollout that ended, after that was stored. */
  readonly onRolloutEnd?: (key: AppKey, end: RolloutEnd) => void
}
export interface AppKey {
  readonly namespace: string
  readonly name: string
}
export interface PassResult {
  /** When the next pass is due at the latest. */
  readonly requeueAfterMs?: number
}
export interface AppReconciler {
  /** One pass. A rejection means: retry with back-off. Never run two passes of one key at once. */
  reconcile(key: AppKey, signal: AbortSignal): Promise<PassResult>
}

export function createAppReconciler(deps: ReconcilerDeps): AppReconciler {
  const memories = new Map<string, AppMemory>()
  const ending = new SeenSince(deps.clock.steady)
  const { api, broker, clock } = deps
  const children: ChildrenDeps = { api, broker, now: clock.now, ending, applier: createChildApplier(api, clock.steady) }
  return {
    async reconcile(key, signal) {
      const id = `${key.namespace}/${key.name}`
      const app = await deps.api.get<AppObject>(KINDS.weaverApps, key.namespace, key.name, { signal })
      if (app === undefined || app.metadata.deletionTimestamp !== undefined) {
        children.applier.forget(key)
        forgetApp(deps.drivers, key)
        await deps.control.forget(key)
        memories.delete(id)
        deps.onStatus?.(key, undefined)
        if (app === undefined) return {}
        const { requeueAfterMs, leftBehind } = await finalizeApp({ ...deps, ending }, app, signal)
        if (leftBehind !== undefined) {
          deps.log.warn('broker account could not be deleted', {
            app: key.name,
            namespace: key.namespace,
            reason: leftBehind,
            retry: requeueAfterMs !== undefined,
          })
          deps.events.emit(app, {
            type: 'Warning',
            reason: 'BrokerCleanupFailed',
            message: `${leftBehind}${requeueAfterMs === undefined ? '; given up, the app is deleted without it' : ''}`,
          })
        }
        return requeueAfterMs === undefined ? {} : { requeueAfterMs }
      }
      const memory = beginPass(memories.get(id), deps.clock, isSuspended(app))
      memories.set(id, memory)
      return new Pass({ ...deps, children, memory }, await withFinalizer(deps.api, app, signal), signal).run()
    },
  }
}

type PassDeps = ReconcilerDeps & { readonly children: ChildrenDeps; readonly memory: AppMemory }

/** The state of one pass; created for it and discarded after it. */
class Pass {
  readonly #deps: PassDeps
  readonly #signal: AbortSignal
  readonly #identity: AppIdentity
  readonly #now: number
  readonly #failures: Error[] = []
  /** A name that the proxy needs and that an object of others has. */
  #trafficTaken: string | undefined
  #app: AppObject

  constructor(deps: PassDeps, app: AppObject, signal: AbortSignal) {
    this.#deps = deps
    this.#signal = signal
    this.#app = app
    this.#now = deps.clock.now()
    const { namespace = '', name, uid = '' } = app.metadata
    this.#identity = { apiVersion: app.apiVersion, kind: app.kind, namespace, name, uid }
  }

  async run(): Promise<PassResult> {
    const { namespace, name } = this.#identity
    const objects = ownObjects(await this.#deps.view.read(namespace, name), this.#identity.uid)
    const state = this.#app.status?.engine as RolloutState | undefined // written by the engine itself
    const frozen = isSuspended(this.#app)
    const revisions = frozen ? objects.revisions : await this.#revisions(objects.revisions, state)
    const { snapshots, problems } = readSnapshots(revisions.filter((r) => !isRetired(r)))
    this.#failures.push(...problems)
    const desired = await findDesiredVersion(this.#deps.api, {
      app: this.#identity,
      rawSpec: this.#app.spec,
      objects,
      snapshots,
      state,
      isFrozen: frozen,
      failedDescriptions: this.#deps.memory.failedDescriptions,
      signal: this.#signal,
    })
    const failed = this.#deps.memory.failures ?? []
    const placed = observeVersions(this.#identity, {
      snapshots: desired.snapshots,
      objects,
      restart: { restartedAt: this.#app.metadata.annotations?.[ANNOTATIONS.restartedAt], active: state?.active },
      ...(desired.spec === undefined ? {} : { present: desired.spec }),
    }).map((v) => blamedFor(v, failed.find((f) => f.versionId === v.plan.versionId)?.message))
    const traffic = await this.#sync(placed, { state, desired, isSuspended: frozen })
    const policy = policyOf(desired, placed)
    const drainTimeoutMs = frozen ? undefined : policy?.drainTimeoutMs
    const versions = await withTraffic(this.#deps, placed, {
      traffic,
      state,
      now: this.#now,
      clockSetAt: this.#deps.memory.clockSetAt,
      drainTimeoutMs,
      retainMs: policy?.retain === 'unknown' ? Infinity : (policy?.retain?.forMs ?? 0),
      signal: this.#signal,
    })
    // Of a burned version that was the last one: until nothing is left of it.
    const ending = versions.length > 0 ? state?.burned?.at(-1) : undefined
    const target = (desired.isKnown ? desired.id : undefined) ?? state?.preview ?? state?.active ?? ending
    const decision =
      frozen || target === undefined || policy === undefined
        ? undefined
        : this.#decide({ target, policy, trafficBlame: traffic.waitingFor, known: inOrder(revisions) }, versions, state)
    await this.#persist({
      desired,
      versions,
      traffic,
      decision,
      isSuspended: frozen,
      policy,
      analysis: analysisFacts(this.#deps.memory, { before: state, after: decision?.state ?? state }),
      weights: decision?.weights ?? state?.weights ?? {},
    })
    const { active } = decision?.state ?? state ?? {}
    const stays = versions.map(({ plan }) => plan).filter(({ versionId }) => decision?.remove.includes(versionId) !== true)
    await this.#deps.control.sync(this.#identity, { versions: stays, active })
    // Without a version to decide on, a verb has no target; kept, it would hit the first that comes.
    if (!frozen) this.#app = await takeCommandsBack(this.#deps.api, this.#app, this.#signal)
    if (decision === undefined) return { requeueAfterMs: frozen ? POLL_MS : (desired.requeueAfterMs ?? RESYNC_MS) }
    if (policy !== undefined) compareVersions(this.#deps, versions, { state: decision.state, policy })
    const wasTaken = [...this.#deps.memory.taken]
    const { isEnding, failures } = await this.#act(versions, decision, { objects, spec: desired.spec })
    this.#deps.memory.failures = failures
    this.#failures.push(...failures.map(errorOf))
    const isTakenNews = canonicalJson(wasTaken) !== canonicalJson([...this.#deps.memory.taken])
    const plan = (of: RolloutState | undefined) => canonicalJson([of?.weights ?? {}, versionsLetGo(of)])
    const hasMoved = plan(decision.state) !== plan(state)
    if (hasMoved) await this.#sync(versions, { state: decision.state, desired, isSuspended: frozen })
    if (desired.spec !== undefined) {
      const live = versions.map((v) => v.plan.versionId)
      const history = { limit: desired.spec.revisionHistoryLimit, live, desired: desired.id, state: decision.state }
      await forgetRevisions(this.#deps.api, revisions, { ...history, signal: this.#signal })
    }
    if (this.#failures.length > 0) throw new AggregateError(this.#failures, this.#failures.map((f) => f.message).join('; '))
    const isMoving = decision.phase !== 'Ready' && decision.phase !== 'Failed'
    const waits = [
      RESYNC_MS,
      desired.requeueAfterMs,
      decision.requeueAfterMs,
      hasMoved || isTakenNews ? CONFIRM_MS : undefined,
      this.#taken().length > 0 ? TAKEN_MS : undefined,
      isMoving || isEnding || !traffic.inSync || traffic.unreachable !== undefined ? POLL_MS : undefined,
    ]
    return { requeueAfterMs: Math.min(...waits.filter((w) => w !== undefined)) }
  }

  async #revisions(found: readonly Revision[], state: RolloutState | undefined): Promise<readonly Revision[]> {
    const { api, log, memory } = this.#deps
    const { revisions: known } = memory
    const lost = lostRevisions(found, { known, state })
    const { made, problems } = await restoreRevisions(api, this.#identity, { lost, found, log, signal: this.#signal })
    this.#failures.push(...problems)
    const all = [...found.filter((r) => !made.some((m) => versionOf(m) === versionOf(r))), ...made]
    known.clear()
    for (const revision of all)
      if (revision.metadata.deletionTimestamp === undefined && !isRetired(revision)) known.set(versionOf(revision) ?? '', revision)
    return all
  }

  #taken(): string[] {
    return [...new Set([...(this.#trafficTaken === undefined ? [] : [this.#trafficTaken]), ...this.#deps.memory.taken.values()])]
  }

  /** The current spec; when it is unusable, the serving version's. */
  #trafficSpec(
    versions: readonly PlacedVersion[],
    at: { readonly state: RolloutState | undefined; readonly desired: DesiredVersion },
  ): WeaverAppSpec | undefined {
    const ofLive = versions.find((v) => v.plan.versionId === at.state?.active) ?? versions[0]
    return at.desired.spec ?? ofLive?.plan.snapshot.spec
  }

  /**
   * Brings the proxies to the weights in the engine's state. A version that the engine has released
   * leaves the plan.
   */
  async #sync(
    versions: readonly PlacedVersion[],
    at: {
      readonly state: RolloutState | undefined
      readonly desired: DesiredVersion
      readonly isSuspended: boolean
    },
  ): Promise<TrafficObservation> {
    const spec = this.#trafficSpec(versions, at)
    if (spec === undefined) return { inSync: true, weightObserved: {}, inFlight: {}, requests: {}, released: [] }
    const plan = buildTrafficPlan(
      { namespace: this.#identity.namespace, name: this.#identity.name, uid: this.#identity.uid, replicas: spec.traffic.replicas },
      versions,
      { state: at.state, affinity: trafficAffinity(spec.traffic.affinity) },
    )
    const { driver } = spec.traffic
    const step = await syncTraffic(this.#deps.drivers, plan, { driver, isFrozen: at.isSuspended, signal: this.#signal })
    this.#trafficTaken = step.observation.taken
    if (step.failure !== undefined) this.#failures.push(step.failure)
    else if (this.#deps.drivers[driver].capabilities.countsRequests) this.#deps.onRequests?.(this.#identity, step.observation)
    return withLetGo(step.observation, versionsLetGo(at.state))
  }

  #decide(
    to: {
      readonly target: string
      readonly policy: RolloutPolicy
      readonly trafficBlame: string | undefined
      readonly known: readonly string[]
    },
    versions: readonly Version[],
    state: RolloutState | undefined,
  ): WordedDecision {
    const { target, policy, trafficBlame, known } = to
    const analysis = this.#deps.memory.analysis.observed(state)
    const input = {
      now: this.#now,
      watchingSince: this.#deps.memory.watchingSince,
      clockSetAt: this.#deps.memory.clockSetAt,
      desired: target,
      policy,
      known,
      versions: versions.map((v) => forEngine(v, this.#deps.memory.taken.get(v.plan.versionId))),
      state,
      commands: commandsOf(this.#app.metadata.annotations),
      ...(trafficBlame === undefined ? {} : { trafficBlame }),
      ...(analysis === undefined ? {} : { analysis }),
    }
    const decision = decide(input)
    const broken = brokenInvariants(input, decision)
    if (broken.length > 0)
      throw operatorError(
        'WEAVER_ROLLOUT_INVARIANT',
        `WeaverApp "${this.#identity.name}": the rollout engine violated its invariants, and nothing was done: ${broken.join('; ')}`,
      )
    return wordDecision(decision)
  }

  /** I2, I5. Writes only what changed. */
  async #persist(facts: Omit<PassFacts, 'app' | 'now' | 'isolation' | 'failures' | 'taken'>): Promise<void> {
    const failures = [...this.#failures.map((f) => f.message), ...(this.#deps.memory.failures ?? []).map(textOf)]
    const { isolation } = this.#deps.broker
    const status = statusOf({ ...facts, app: this.#app, now: this.#now, isolation, failures, taken: this.#taken() })
    const { namespace, name } = this.#identity
    this.#deps.onStatus?.({ namespace, name }, status)
    const { memory } = this.#deps
    if (canonicalJson(status) === canonicalJson(this.#app.status)) return
    // Requests in flight change in every pass: a change of those alone is written only now and
    // then.
    const isOnlyCounts = canonicalJson(withoutCounts(status)) === canonicalJson(withoutCounts(this.#app.status))
    if (isOnlyCounts && this.#deps.clock.steady() < (memory.statusWrittenAt ?? -Infinity) + COUNTS_MS) return
    memory.statusWrittenAt = this.#deps.clock.steady()
    const before = this.#app.status
    this.#app = await this.#deps.api.replaceStatus<AppObject>(KINDS.weaverApps, { ...this.#app, status }, { signal: this.#signal })
    for (const end of rolloutEnds(status, facts.decision?.events ?? [], this.#now)) this.#deps.onRolloutEnd?.({ namespace, name }, end)
    for (const event of [...(facts.decision?.events ?? []), ...newlyStalled(before, status)]) {
      this.#deps.log.info('transition', { app: name, namespace, version: event.version, reason: event.reason, detail: event.message })
      this.#deps.events.emit(this.#app, event)
    }
  }

  /**
   * I3. While the spec is invalid nothing is ensured: the number of replicas comes from the current
   * spec, and there is none.
   * @returns `isEnding` while a version is being removed.
   */
  async #act(
    versions: readonly PlacedVersion[],
    decision: WordedDecision,
    { objects, spec }: { readonly objects: AppObjects; readonly spec: WeaverAppSpec | undefined },
  ): Promise<{ readonly isEnding: boolean; readonly failures: readonly VersionFailure[] }> {
    const failures: VersionFailure[] = []
    const canEnsure = spec !== undefined
    const historyLimit = spec?.revisionHistoryLimit ?? Number.POSITIVE_INFINITY
    let isEnding = false
    const { taken } = this.#deps.memory
    taken.clear()
    for (const { plan } of versions) {
      const isKept = canEnsure && decision.keep.includes(plan.versionId)
      const isGoing = decision.remove.includes(plan.versionId)
      try {
        if (isGoing) await removeVersionChildren(this.#deps.children, plan, objects, { historyLimit, signal: this.#signal })
        else if (isKept) await ensureVersionChildren(this.#deps.children, plan, objects, this.#signal)
        isEnding ||= isGoing
      } catch (error) {
        if (this.#signal.aborted) throw error
        if (isNameTaken(error)) {
          taken.set(plan.versionId, error.message)
          continue
        }
        // Other versions and traffic must not wait for this one.
        failures.push({ versionId: plan.versionId, message: reasonOf(error), cause: error })
      }
    }
    return { isEnding, failures }
  }
}
