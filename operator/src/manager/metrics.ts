import type { RolloutOutcome } from '../reconcile/rollout-end.js'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/**
 * The operator's metrics, under the names that controller-runtime's dashboards know, and Weaver's
 * own.
 */
export interface OperatorMetrics {
  /** Prometheus text. */
  text(): Promise<{ readonly contentType: string; readonly body: string }>
  apiCall(call: {
    readonly method: string
    readonly code: string
    readonly seconds: number
    readonly verb: string
    readonly resource: string
  }): void
  reconciled(result: 'success' | 'error' | 'requeue_after', seconds: number): void
  queueDepth(depth: number): void
  watchRestarted(kind: string, reason: string): void
  leading(isLeader: boolean): void
  /** Weights of the versions of one app; a version that is no longer named is forgotten. */
  weights(
    app: { readonly namespace: string; readonly name: string },
    versions: readonly { readonly id: string; readonly desired: number; readonly observed: number | undefined }[],
  ): void
  /**
   * Requests that the proxies have sent to each version, by their own counters, since this operator
   * first saw it.
   */
  requests(app: { readonly namespace: string; readonly name: string }, byVersion: Readonly<Record<string, number>>): void
  /**
   * Requests that asked for a version that was not live, since this operator first saw the proxies.
   */
  lostPins(app: { readonly namespace: string; readonly name: string }, total: number): void
  phase(app: { readonly namespace: string; readonly name: string }, phase: string | undefined): void
  /** A rollout ended after `seconds`. */
  rolloutEnded(
    app: { readonly namespace: string; readonly name: string },
    end: { readonly outcome: RolloutOutcome; readonly seconds: number },
  ): void
  forget(app: { readonly namespace: string; readonly name: string }): void
}

/** The label values in use for one app, so that they can be removed. */
interface KnownApp {
  versions: readonly string[]
  requested: readonly string[]
  lostPins: number
  phase: string | undefined
  readonly outcomes: Set<RolloutOutcome>
}

export function createMetrics(): OperatorMetrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })
  const calls = new Counter({
    name: 'rest_client_requests_total',
    help: 'Calls to the Kubernetes API.',
    labelNames: ['code', 'method', 'verb', 'resource'],
    registers,
  })
  const callSeconds = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time of calls to the Kubernetes API, until the head of the answer.',
    labelNames: ['verb'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers,
  })
  const reconciles = new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Passes by result.',
    labelNames: ['controller', 'result'],
    registers,
  })
  const reconcileSeconds = new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Time of passes.',
    labelNames: ['controller'],
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 30],
    registers,
  })
  const depth = new Gauge({ name: 'workqueue_depth', help: 'Keys that wait.', labelNames: ['name'], registers })
  const restarts = new Counter({
    name: 'weaver_watch_restarts_total',
    help: 'Watches that had to be opened again.',
    labelNames: ['kind', 'reason'],
    registers,
  })
  const leader = new Gauge({ name: 'leader_election_master_status', help: '1 while this process leads.', labelNames: ['name'], registers })
  const weight = new Gauge({
    name: 'weaver_app_version_weight',
    help: 'Share of traffic in percent.',
    labelNames: ['namespace', 'app', 'version', 'kind'],
    registers,
  })
  const sent = new Gauge({
    name: 'weaver_app_version_requests',
    help: 'Requests that the proxies have sent to a version since this operator first saw it.',
    labelNames: ['namespace', 'app', 'version'],
    registers,
  })
  const skew = new Counter({
    name: 'weaver_version_skew_total',
    help: 'Requests that asked for a version that was not live any more, and were answered by another.',
    labelNames: ['namespace', 'app'],
    registers,
  })
  const phases = new Gauge({
    name: 'weaver_rollout_phase',
    help: '1 for the phase that the app is in.',
    labelNames: ['namespace', 'app', 'phase'],
    registers,
  })
  const rollouts = new Histogram({
    name: 'weaver_rollout_duration_seconds',
    help: 'Time of rollouts from the start of the version to their end.',
    labelNames: ['namespace', 'app', 'outcome'],
    buckets: [5, 15, 30, 60, 120, 300, 600, 1_800, 3_600, 14_400, 86_400],
    registers,
  })
  const known = new Map<string, KnownApp>()
  const entryOf = (app: { readonly namespace: string; readonly name: string }): KnownApp => {
    const key = `${app.namespace}/${app.name}`
    const found = known.get(key) ?? { versions: [], requested: [], lostPins: 0, phase: undefined, outcomes: new Set<RolloutOutcome>() }
    known.set(key, found)
    return found
  }
  const metrics: OperatorMetrics = {
    text: async () => ({ contentType: registry.contentType, body: await registry.metrics() }),
    apiCall({ method, code, seconds, verb, resource }) {
      calls.inc({ code, method, verb, resource })
      callSeconds.observe({ verb }, seconds)
    },
    reconciled(result, seconds) {
      reconciles.inc({ controller: 'weaverapp', result })
      reconcileSeconds.observe({ controller: 'weaverapp' }, seconds)
    },
    queueDepth: (value) => depth.set({ name: 'weaverapp' }, value),
    watchRestarted: (kind, reason) => restarts.inc({ kind, reason }),
    leading: (isLeader) => leader.set({ name: 'weaver-operator' }, isLeader ? 1 : 0),
    weights(app, versions) {
      const entry = entryOf(app)
      const labels = (version: string, kind: string) => ({ namespace: app.namespace, app: app.name, version, kind })
      for (const old of entry.versions) for (const kind of ['desired', 'observed']) weight.remove(labels(old, kind))
      for (const { id, desired, observed } of versions) {
        weight.set(labels(id, 'desired'), desired)
        if (observed !== undefined) weight.set(labels(id, 'observed'), observed)
      }
      entry.versions = versions.map(({ id }) => id)
    },
    requests(app, byVersion) {
      const entry = entryOf(app)
      const labels = (version: string) => ({ namespace: app.namespace, app: app.name, version })
      for (const old of entry.requested) sent.remove(labels(old))
      for (const [version, count] of Object.entries(byVersion)) sent.set(labels(version), count)
      entry.requested = Object.keys(byVersion)
    },
    lostPins(app, total) {
      const entry = entryOf(app)
      skew.inc({ namespace: app.namespace, app: app.name }, Math.max(0, total - entry.lostPins))
      entry.lostPins = total
    },
    phase(app, phase) {
      const entry = entryOf(app)
      if (entry.phase !== undefined) phases.remove({ namespace: app.namespace, app: app.name, phase: entry.phase })
      if (phase !== undefined) phases.set({ namespace: app.namespace, app: app.name, phase }, 1)
      entry.phase = phase
    },
    rolloutEnded(app, { outcome, seconds }) {
      entryOf(app).outcomes.add(outcome)
      rollouts.observe({ namespace: app.namespace, app: app.name, outcome }, seconds)
    },
    forget(app) {
      metrics.weights(app, [])
      metrics.requests(app, {})
      metrics.phase(app, undefined)
      skew.remove({ namespace: app.namespace, app: app.name })
      for (const outcome of entryOf(app).outcomes) rollouts.remove({ namespace: app.namespace, app: app.name, outcome })
      known.delete(`${app.namespace}/${app.name}`)
    },
  }
  return metrics
}
