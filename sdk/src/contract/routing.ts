/**
 * Messages between replicas and callers of routed components and their deployer, as JSON.
 *
 *     weavelet → deployer, on `eventSubject`       RoutingEvent: presence of replicas, load of
 *                                                  slices, a caller's request for assignments
 *     deployer → callers, on `assignmentSubject`   Assignment, whenever a component's changes
 *     deployer → every weavelet                    the control request `routing`: who is present,
 *                                                  which assignments are known (at its start)
 *
 * Only replicas of routed components publish, and only their callers subscribe: an application
 * without routers pays nothing.
 */
import type { Assignment } from './assignment.js'
import { subjectToken } from './subjects.js'

/**
 * Heartbeat interval of a replica. Each one is scaled by 0.8 to 1.2, so that replicas started
 * together do not send together. A frozen replica leaves its assignment before the default deadline
 * of a call (30 s) has passed; one that drains or dies leaves at once. A heartbeat costs the
 * deployer about 100 µs, nearly all of it for waking up: at this interval 1,000 replicas take about
 * 1.5 % of a core (`npm run bench:presence`).
 */
export const HEARTBEAT_MS = 8_000
/** A replica that misses this many heartbeats is dead. */
export const MISSED_HEARTBEATS = 3
export const HEARTBEAT_JITTER = 0.2

/**
 * How the keys of a routed component are distributed: each replica has the same number of slices,
 * or about the same number of calls.
 */
export type Balance = 'slices' | 'load'
export const BALANCES: readonly Balance[] = ['slices', 'load']

/** The state of one replica that serves routed components. */
export interface PresenceEvent {
  /**
   * `join`: starts to serve; `alive`: still serves; `drain`: accepts no new calls; `leave`: is
   * gone.
   */
  readonly kind: 'join' | 'alive' | 'drain' | 'leave'
  readonly replica: string
  /** Identifies this process; another process of the same replica has another one. */
  readonly incarnation: string
  /** Routed components that it serves. */
  readonly components: readonly string[]
}

/** How often one caller called which slices since its last report. */
export interface SliceLoadEvent {
  readonly kind: 'load'
  readonly component: string
  /** Number of slices of the ring. */
  readonly slices: number
  /** Pairs of slice and number of calls. */
  readonly calls: readonly (readonly [slice: number, calls: number])[]
}

/** The request of a caller that joins late, answered with an {@link AssignmentsReply}. */
export interface AssignmentsRequest {
  readonly kind: 'assignments'
  readonly components: readonly string[]
}

export type RoutingEvent = PresenceEvent | SliceLoadEvent | AssignmentsRequest

export interface AssignmentsReply {
  readonly kind: 'assignments'
  readonly assignments: readonly Assignment[]
}

/** The reply to the control request `routing`. */
export interface RoutingStatus {
  readonly kind: 'routing'
  /** Absent: it does not serve any routed component, or not yet, or no longer. */
  readonly presence?: PresenceEvent
  /** The assignments that it knows as a caller. */
  readonly assignments: readonly Assignment[]
}

/** The subject on which callers of a component receive its assignment. */
export function assignmentSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.a.${subjectToken(component)}`
}

export function encodeJson(message: RoutingEvent | AssignmentsReply | Assignment | { readonly kind: 'routing' }): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** @returns `undefined` for anything but an event of this release: a newer one may have others */
export function parseRoutingEvent(data: Uint8Array): RoutingEvent | undefined {
  const event = parseObject(data)
  switch (event?.['kind']) {
    case 'join':
    case 'alive':
    case 'drain':
    case 'leave':
      return typeof event['replica'] === 'string' && typeof event['incarnation'] === 'string' && isNames(event['components'])
        ? (event as unknown as PresenceEvent) // checked above
        : undefined
    case 'load':
      return typeof event['component'] === 'string' &&
        typeof event['slices'] === 'number' &&
        Array.isArray(event['calls']) &&
        event['calls'].every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isFinite(n) && n >= 0))
        ? (event as unknown as SliceLoadEvent) // checked above
        : undefined
    case 'assignments':
      return isNames(event['components']) ? (event as unknown as AssignmentsRequest) : undefined // checked here
    default:
      return undefined
  }
}

/** @returns `undefined` for bytes that are not an assignment in which every slice has an owner */
export function parseAssignment(data: Uint8Array): Assignment | undefined {
  const found = parseObject(data)
  return isAssignment(found) ? found : undefined
}

/** @returns the assignments of a reply, without invalid ones */
export function parseAssignments(data: Uint8Array): readonly Assignment[] {
  const list = parseObject(data)?.['assignments']
  return Array.isArray(list) ? list.filter(isAssignment) : []
}

export function parseRoutingStatus(data: Uint8Array): RoutingStatus | undefined {
  const found = parseObject(data)
  if (found?.['kind'] !== 'routing') return undefined
  const presence = parseRoutingEvent(Buffer.from(JSON.stringify(found['presence'] ?? null)))
  return { kind: 'routing', assignments: parseAssignments(data), ...(presence !== undefined && 'replica' in presence ? { presence } : {}) }
}

function isAssignment(value: unknown): value is Assignment {
  if (typeof value !== 'object' || value === null) return false
  const { component, epoch, replicas, owners } = value as Partial<Record<keyof Assignment, unknown>>
  if (typeof component !== 'string' || typeof epoch !== 'number' || !isNames(replicas) || !Array.isArray(owners)) return false
  const isPowerOfTwo = owners.length > 0 && (owners.length & (owners.length - 1)) === 0
  return replicas.length === 0
    ? owners.length === 0
    : isPowerOfTwo && owners.every((owner) => Number.isInteger(owner) && owner >= 0 && owner < replicas.length)
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string')
}

function parseObject(data: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(Buffer.from(data).toString('utf8'))
    return typeof parsed === 'object' && parsed !== null ? (parsed as Readonly<Record<string, unknown>>) : undefined
  } catch {
    return undefined // anyone who may publish here can send anything
  }
}
