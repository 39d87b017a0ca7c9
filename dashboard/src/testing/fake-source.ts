/**
 * Stands for a deployer in the tests of pages and API. Unlike one it runs nothing: its one
 * deployment is what a test makes of it. The commands' tests have real ones.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LogEntry, MetricFamily, WeaveletMetrics } from '@weaver/sdk/contract'
import type { RolloutDetail, RolloutSource } from '../rollout/rollout-source.js'
import type { DashboardSource, DeploymentDetail, LogFeed } from '../source.js'

export interface FakeSource extends DashboardSource {
  detail: DeploymentDetail | undefined
  replies: readonly WeaveletMetrics[]
  /** How often it was asked for counts. */
  asked: number
  /** Counts are answered when it resolves. */
  gate: () => Promise<void>
}

export function fakeSource(detail: Partial<DeploymentDetail> = {}): FakeSource {
  const source: FakeSource = {
    tool: 'weaver multi',
    detail: {
      key: 'd-1',
      app: 'shop',
      deploymentId: '01234567-89ab-cdef-0123-456789abcdef',
      startedAt: '2026-11-30T08:00:00.000Z',
      state: 'ready',
      configFile: '/home/ada/shop/weaver.toml',
      pid: 4711,
      groups: [{ name: 'front', components: ['weaver/Main'], replicas: [{ replica: 'aabbccdd', pid: 4712, state: 'ready', restarts: 0 }] }],
      listeners: [],
      config: {},
      commands: [],
      ...detail,
    },
    replies: [],
    asked: 0,
    gate: async () => undefined,
    deployments: async () => (source.detail === undefined ? [] : [source.detail]),
    deployment: async (key) => (key === source.detail?.key ? source.detail : undefined),
    async metrics() {
      source.asked++
      await source.gate()
      return source.replies
    },
  }
  return source
}

export interface FakeCalls {
  readonly caller?: string
  readonly component?: string
  readonly method?: string
  readonly isRemote?: boolean
  readonly calls: number
  readonly errors?: number
  /** Number of calls by latency: up to 1 ms, up to 10 ms, beyond. */
  readonly buckets?: readonly number[]
  readonly seconds?: number
  readonly requestBytes?: number
}

/** What a process answers that has counted such calls. */
export function metricsOf(replica: string, calls: readonly FakeCalls[]): WeaveletMetrics {
  const labels = ['caller', 'component', 'method', 'remote']
  const family = (
    name: string,
    kind: MetricFamily['kind'],
    read: (of: FakeCalls) => Omit<MetricFamily['series'][number], 'labels'>,
  ): MetricFamily => ({
    name,
    kind,
    help: '',
    labels,
    ...(kind === 'histogram' ? { bounds: [0.001, 0.01] } : {}),
    series: calls.map((of) => ({
      labels: [of.caller ?? 'weaver/Main', of.component ?? 'shop/Cart', of.method ?? 'add', String(of.isRemote ?? true)],
      ...read(of),
    })),
  })
  return {
    kind: 'metrics',
    replica,
    group: 'front',
    versionId: '01234567',
    families: [
      family('weaver_method_calls_total', 'counter', (of) => ({ value: of.calls })),
      family('weaver_method_errors_total', 'counter', ({ errors = 0 }) => ({ value: errors })),
      family('weaver_method_latency_seconds', 'histogram', ({ calls, seconds = 0, buckets = [calls, 0, 0] }) => ({
        value: seconds,
        buckets,
      })),
      family('weaver_method_request_bytes', 'histogram', ({ requestBytes = 0 }) => ({ value: requestBytes, buckets: [] })),
    ],
  }
}

/**
 * A log that a test writes. Its language has one word: an entry matches whose message has the query.
 * `wrong` is wrong.
 */
export function fakeLogs(entries: LogEntry[]): LogFeed {
  return {
    select: ({ query }) =>
      query === 'wrong'
        ? { wrong: 'the query is wrong:\n>    1 | wrong\n             ^' }
        : { isShown: ({ message }) => message.includes(query), problem: () => undefined },
    async *follow(_, signal) {
      for (let at = 0; !signal.aborted; await sleep(5)) {
        const placed = entries.slice(at).map((entry, i) => ({ entry, place: at + i }))
        at += placed.length
        yield { entries: placed, isCurrent: true }
      }
    },
    read: async (places) => places.map((place) => entries[place]),
  }
}

export function logEntry(message: string, more: Partial<LogEntry> = {}): LogEntry {
  return { time: '2026-11-30T08:00:00.000Z', level: 'info', message, attributes: {}, ...more }
}

export interface FakeRollouts extends RolloutSource {
  detail: RolloutDetail
  /** What was asked for. */
  readonly asked: { readonly app: string; readonly verb: string; readonly note?: string }[]
}

/** Carries nothing out; it refuses `retry`. */
export function fakeRollouts(more: Partial<RolloutDetail> = {}): FakeRollouts {
  const at = Date.UTC(2026, 10, 30, 8)
  const source: FakeRollouts = {
    asked: [],
    detail: {
      app: 'shop',
      target: 'v2',
      versions: [
        { id: 'v1', status: 'ACTIVE', submittedAt: '2026-11-30T07:00:00.000Z', copies: { west: 'v1.west' } },
        { id: 'v2', status: 'ROLLING_OUT', submittedAt: '2026-11-30T08:00:00.000Z', copies: { west: 'v2.west' } },
      ],
      isUnderWay: true,
      isPaused: false,
      regions: [
        {
          name: 'west',
          phase: 'Progressing',
          active: 'v1',
          preview: 'v2',
          steps: [{ weight: 10, holdMs: 60_000 }, { weight: 100 }],
          step: 0,
          observed: { v1: 0.9, v2: 0.1 },
          waitingFor: 'the hold of step 1/2',
          verdict: { kind: 'inconclusive', text: 'too few calls' },
        },
      ],
      projected: [
        { at, fractions: { west: { v1: 0.9, v2: 0.1 } } },
        { at: at + 60_000, fractions: { west: { v1: 0, v2: 1 } } },
      ],
      history: [
        { at: '2026-11-30T08:00:00.000Z', region: 'west', version: 'v2', kind: 'RolloutStarted', isWarning: false, message: 'begins' },
      ],
      verbs: ['pause', 'promote', 'retry'].map((verb) => ({ verb, title: verb, does: `it does ${verb}`, isApt: verb !== 'retry' })),
      ...more,
    },
    rollouts: async () => [source.detail],
    async act(app, { verb, note }) {
      source.asked.push({ app, verb, ...(note === undefined ? {} : { note }) })
      return verb === 'retry' ? { refused: 'no version has failed' } : { said: `${verb} it is` }
    },
  }
  return source
}
