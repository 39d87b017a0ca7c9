import type { MetricFamily } from './metrics.js'
import type { CpuProfile, HeapProfile } from './profiles.js'
import type { RoutingStatus } from './routing.js'

/**
 * A deployer's request to a weavelet over NATS, as JSON. It goes to `controlAllSubject` (every
 * weavelet answers) or `controlSubject` (one answers), with a reply inbox under
 * `wv.<deploymentId>.i.`. An unknown `kind` is answered with `{ kind: 'error' }`.
 */
export type ControlRequest =
  /**
   * `goodbye`: the version is about to be cut off, so clients whose connections do not end by
   * themselves are asked to leave first. It may be repeated. An SDK that does not know it ignores
   * it.
   */
  | { readonly kind: 'status'; readonly goodbye?: true }
  | { readonly kind: 'logLevel'; readonly level: 'debug' | 'info' | 'warn' | 'error' }
  | { readonly kind: 'metrics' }
  /** A profile of the next 0.1 to 300 seconds; the reply comes after them. */
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

/**
 * A part of a reply that exceeds the broker's message size; `controlReplyReader` joins the parts.
 * Only requests with possibly large replies get them.
 */
export interface ControlPart {
  readonly kind: 'part'
  /** Identifies the reply. */
  readonly id: string
  /** Position of the part, from 0. */
  readonly index: number
  readonly count: number
  /** This part of the gzipped JSON, in Base64. */
  readonly data: string
}

/**
 * What one weavelet did during some seconds. `mergeCpuProfiles` and `mergeHeapProfiles` combine
 * several.
 */
export type WeaveletProfile = { readonly kind: 'profile'; readonly replica: string; readonly group: string } & (
  { readonly type: 'cpu'; readonly profile: CpuProfile } | { readonly type: 'heap'; readonly profile: HeapProfile }
)

/** All metrics of one weavelet. */
export interface WeaveletMetrics {
  readonly kind: 'metrics'
  readonly replica: string
  readonly group: string
  readonly versionId: string
  readonly families: readonly MetricFamily[]
}

/** The state of one weavelet, from its own view. */
export interface WeaveletStatus {
  readonly kind: 'status'
  readonly replica: string
  readonly group: string
  readonly versionId: string
  /** Fingerprint of its generated code. */
  readonly fingerprint: string
  readonly ready: boolean
  readonly draining: boolean
  /** Calls that it currently serves or waits for. */
  readonly inFlight: number
  /** Calls served since it started. */
  readonly served: number
  /** Addresses of its listeners, by name. Absent: the SDK does not report them. */
  readonly listeners?: Readonly<Record<string, { readonly host: string; readonly port: number }>>
}

/**
 * What a weavelet sends to the deployer on `eventSubject` when it starts to drain with open
 * listeners: no client should be routed to them any more, though it keeps serving for `preStopMs`.
 */
export interface ClosingEvent {
  readonly kind: 'closing'
  readonly replica: string
}

/** @returns `undefined` for any other event */
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
/**
 * Path that answers 200 only while ready and, with `?v=<deploymentId>`, only for this deployment;
 * 503 otherwise.
 */
export const READY_PATH = '/readyz'
/** Path that serves metrics as text, for Prometheus. */
export const METRICS_PATH = '/metrics'
