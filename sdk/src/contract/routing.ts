/**
 * What replicas and callers of routed components and their deployer tell each other, as JSON.
 *
 *     weavelet → deployer, on `eventSubject`       RoutingEvent: presence of replicas, load of slices, a caller that asks for assignments
 *     deployer → callers, on `assignmentSubject`   Assignment, whenever a component's changes
 *     deployer → every weavelet                    the control request `routing`: who is there, which assignments are known (a deployer that starts asks it)
 *
 * Only replicas of routed components speak and only their callers listen: an application without routers pays nothing.
 */
import type { Assignment } from './assignment.js'
import { subjectToken } from './subjects.js'

/**
 * How often a replica says that it lives; each time between 0.8 and 1.2 of it, so that replicas started together do not speak together. A frozen replica is
 * out of its assignment before the default deadline of a call (30 s) has passed; a replica that drains or dies need not be waited for. For the deployer each
 * word costs about 100 µs, nearly all of it the waking up: at this pace 1,000 replicas take about 1.5 % of a core (`npm run bench:presence`).
 */
export const HEARTBEAT_MS = 8_000
/** A replica that was silent for so many heartbeats is dead. */
export const MISSED_HEARTBEATS = 3
export const HEARTBEAT_JITTER = 0.2

/** How the keys of a routed component are spread over its replicas: each has as many slices as the others, or about as many calls. */
export type Balance = 'slices' | 'load'
export const BALANCES: readonly Balance[] = ['slices', 'load']

/** The state of one replica that serves routed components. */
export interface PresenceEvent {
  /** `join`: serves now; `alive`: serves still; `drain`: takes no new calls; `leave`: has gone. */
  readonly kind: 'join' | 'alive' | 'drain' | 'leave'
  readonly replica: string
  /** Of this process; another one of the same replica has another. */
  readonly incarnation: string
  /** Routed components that it serves. */
  readonly components: readonly string[]
}

/** How often one caller called which slices since its last report. */
export interface SliceLoadEvent {
  readonly kind: 'load'
  readonly component: string
  /** How many slices the ring had. */
  readonly slices: number
  /** Pairs of slice and calls. */
  readonly calls: readonly (readonly [slice: number, calls: number])[]
}

/** A caller that comes late. The answer is an {@link AssignmentsReply}. */
export interface AssignmentsRequest {
  readonly kind: 'assignments'
  readonly components: readonly string[]
}

export type RoutingEvent = PresenceEvent | SliceLoadEvent | AssignmentsRequest

export interface AssignmentsReply {
  readonly kind: 'assignments'
  readonly assignments: readonly Assignment[]
}

/** The answer to the control request `routing`. */
export interface RoutingStatus {
  readonly kind: 'routing'
  /** Absent: it serves no routed component, or does not yet, or no more. */
  readonly presence?: PresenceEvent
  /** Those that it knows as a caller. */
  readonly assignments: readonly Assignment[]
}

/** Where callers of a component hear of its assignment. */
export function assignmentSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.a.${subjectToken(component)}`
}

export function encodeJson(message: RoutingEvent | AssignmentsReply | Assignment | { readonly kind: 'routing' }): Uint8Array {
  return Buffer.from(JSON.stringify(message))
}

/** @returns `undefined` for what is no event of this release: a newer one may speak of more. */
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

/** @returns `undefined` for bytes that are no assignment whose every slice has an owner. */
export function parseAssignment(data: Uint8Array): Assignment | undefined {
  const found = parseObject(data)
  return isAssignment(found) ? found : undefined
}

/** @returns the assignments of a reply; those that are none are left out. */
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
    return undefined // whoever may publish here can send anything
  }
}
