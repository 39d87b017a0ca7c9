import type { MetricFamily } from './metrics.js'
import type { CpuProfile, HeapProfile } from './profiles.js'
import type { RoutingStatus } from './routing.js'

/**
 * What a deployer asks a weavelet over NATS, as JSON. A request goes to `controlAllSubject` (every weavelet answers) or to
 * `controlSubject` (one answers) with a reply inbox under `wv.<deploymentId>.i.`. An unknown `kind` gets `{ kind: 'error' }`.
 */
export type ControlRequest =
  /**
   * `goodbye`: the version is about to be cut off, so clients whose connections do not end by themselves are told to leave first. It may be said again and again.
   * An SDK that does not know it answers as without.
   */
  | { readonly kind: 'status'; readonly goodbye?: true }
  | { readonly kind: 'logLevel'; readonly level: 'debug' | 'info' | 'warn' | 'error' }
  | { readonly kind: 'metrics' }
  /** A profile of the next seconds, 0.1 to 300; the reply comes after them. */
  | { readonly kind: 'profile'; readonly type: 'cpu' | 'heap'; readonly seconds: number }
  | { readonly kind: 'routing' }

export type ControlReply =
  | WeaveletStatus
  | WeaveletMetrics
  | WeaveletProfile
  | RoutingStatus
  | ControlPart
  | { readonly kind: 'ok' }
  | { readonly kind: 'error'; readonly code: string; readonly message: string }

/** A piece of a reply that is larger than the broker takes; `controlReplyReader` puts them together. Only a request whose reply may be large gets them. */
export interface ControlPart {
  readonly kind: 'part'
  /** Of one reply. */
  readonly id: string
  /** From 0. */
  readonly index: number
  readonly count: number
  /** Base64 of this piece of the gzipped JSON. */
  readonly data: string
}

/** What one weavelet did for some seconds. `mergeCpuProfiles` and `mergeHeapProfiles` make one of several. */
export type WeaveletProfile = { readonly kind: 'profile'; readonly replica: string; readonly group: string } & (
  { readonly type: 'cpu'; readonly profile: CpuProfile } | { readonly type: 'heap'; readonly profile: HeapProfile }
)

/** Everything that one weavelet counts. */
export interface WeaveletMetrics {
  readonly kind: 'metrics'
  readonly replica: string
  readonly group: string
  readonly versionId: string
  readonly families: readonly MetricFamily[]
}

/** The state of one weavelet as it sees itself. */
export interface WeaveletStatus {
  readonly kind: 'status'
  readonly replica: string
  readonly group: string
  readonly versionId: string
  /** Fingerprint of its generated code. */
  readonly fingerprint: string
  readonly ready: boolean
  readonly draining: boolean
  /** Calls that it serves or waits for at this moment. */
  readonly inFlight: number
  /** Calls served since it started. */
  readonly served: number
  /** Where its listeners are bound, by name. Absent: of an SDK that does not tell. */
  readonly listeners?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
}

/**
 * What a weavelet tells the deployer on `eventSubject` when it begins to drain with open listeners, while it serves on for `preStopMs`: nobody is to be sent to them
 * any more.
 */
export interface ClosingEvent {
  readonly kind: 'closing'
  readonly replica: string
}

/** @returns `undefined` for what is another event */
export function parseClosingEvent(data: Uint8Array): ClosingEvent | undefined {
  try {
    const event = JSON.parse(Buffer.from(data).toString('utf8')) as Partial<ClosingEvent> | null // checked in the next line
    return event?.kind === 'closing' && typeof event.replica === 'string' ? { kind: event.kind, replica: event.replica } : undefined
  } catch {
    return undefined
  }
}

/** Path, on the health address, that answers 200 once started. */
export const LIVE_PATH = '/healthz'
/** Path that answers 200 only while ready and, with `?v=<deploymentId>`, only if that is this deployment; 503 otherwise. */
export const READY_PATH = '/readyz'
/** Path that answers with metrics as text, for Prometheus. */
export const METRICS_PATH = '/metrics'
