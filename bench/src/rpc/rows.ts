import type { OwnProcessesRow, Row } from './row.js'

export const GROUPS = ['floors', 'layer', 'observability', 'peers'] as const
export type Group = (typeof GROUPS)[number]

interface RowEntry {
  /** Shown in the table. */
  readonly title: string
  readonly group: Group
  /** Of one process only what it runs is loaded. */
  load(): Promise<Row | OwnProcessesRow>
}

const raw = () => import('./raw-rows.js')
const weaver = () => import('./weaver-rows.js')

export const ROWS: Readonly<Record<string, RowEntry>> = {
  mux: { title: 'nats publish + own inbox (raw bytes)', group: 'floors', load: async () => (await raw()).rawMux },
  'mux-nats2': { title: 'the same over the npm package nats 2', group: 'floors', load: async () => (await raw()).rawNats2 },
  'mux-slots': { title: 'the same, calls in an array', group: 'floors', load: async () => (await raw()).rawSlots },
  request: { title: 'nats request() (raw bytes)', group: 'floors', load: async () => (await raw()).rawRequest },
  weaver: { title: 'Weaver', group: 'layer', load: async () => (await weaver()).weaverRow({}) },
  'weaver-unbatched': {
    title: 'Weaver, maxBatch 1',
    group: 'layer',
    load: async () => (await weaver()).weaverRow({ maxBatch: 1 }),
  },
  observed: {
    title: 'Weaver, observed: metrics, OpenTelemetry SDK, logs over NATS',
    group: 'observability',
    load: async () => (await weaver()).weaverRow({ traces: true, logs: true }),
  },
  'observed-no-metrics': {
    title: 'observed, but for metrics',
    group: 'observability',
    load: async () => (await weaver()).weaverRow({ traces: true, logs: true, metrics: false }),
  },
  'observed-no-traces': {
    title: 'observed, but for traces',
    group: 'observability',
    load: async () => (await weaver()).weaverRow({ logs: true }),
  },
  'observed-no-logs': {
    title: 'observed, but for logs over NATS',
    group: 'observability',
    load: async () => (await weaver()).weaverRow({ traces: true }),
  },
  unobserved: {
    title: 'Weaver, nothing observed',
    group: 'observability',
    load: async () => (await weaver()).weaverRow({ metrics: false }),
  },
  moleculer: { title: 'Moleculer (NATS, JSON)', group: 'peers', load: async () => (await import('./peers/moleculer.js')).moleculerRow },
  nestjs: { title: 'NestJS microservices (NATS)', group: 'peers', load: async () => (await import('./peers/nestjs.js')).nestjsRow },
  grpc: { title: '@grpc/grpc-js (no broker)', group: 'peers', load: async () => (await import('./peers/grpc.js')).grpcRow },
  undici: {
    title: 'node:http + undici, JSON (no broker)',
    group: 'peers',
    load: async () => (await import('./peers/undici.js')).undiciRow,
  },
  'service-weaver': {
    title: 'Service Weaver in Go, weaver multi (no broker)',
    group: 'peers',
    load: async () => (await import('./peers/service-weaver.js')).serviceWeaverRow,
  },
}
/** Every ratio is to this row, unless another is asked for. */
export const FLOOR = 'mux'
