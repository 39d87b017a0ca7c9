/**
 * The deployer's part of routing: learns which replicas of routed components exist, and publishes
 * to callers which of them serves which keys. One for each deployment, wherever the deployer runs;
 * its state is a cache only, safe to lose.
 *
 * I1  Epochs of a component only grow, also over a restart and over two controllers that overlap:
 *     the next one is the clock's milliseconds, or one more than the highest that was ever seen
 *     here.
 * I2  A controller that starts decides nothing before it has asked for the replicas and the current
 *     assignments, and trusts the replicas named there: a restart moves no key.
 * I3  A replica is out of the assignment when it said so, or when it was silent for three
 *     heartbeats. Silence while this process itself stood still does not count.
 * I4  Changes that come together make one epoch.
 */
import { randomBytes } from 'node:crypto'
import {
  assignmentSubject,
  controlAllSubject,
  deployerInboxPrefix,
  encodeJson,
  eventSubject,
  HEARTBEAT_JITTER,
  HEARTBEAT_MS,
  MISSED_HEARTBEATS,
  parseAssignment,
  parseRoutingEvent,
  parseRoutingStatus,
  type Assignment,
  type Balance,
  type PresenceEvent,
  type SliceLoadEvent,
} from '@weaver/sdk/contract'
import type { ControllerPort } from '../control/controller-port.js'
import { assign, type AssignOptions } from './assign.js'

export interface AssignmentControllerOptions {
  readonly deploymentId: string
  readonly port: ControllerPort
  /**
   * How the keys of a component are spread: `slices`, every replica gets the same number; `load`,
   * slices also move from the most to the least loaded ones.
   * @default slices
   */
  readonly balanceOf?: (component: string) => Balance | undefined
  /** Told of each new assignment. */
  readonly onAssignment?: (assignment: Assignment) => void
  /** As the weavelets have it, in milliseconds. @default HEARTBEAT_MS */
  readonly heartbeatMs?: number
  /**
   * How long changes are gathered, and answers awaited at the start, in milliseconds.
   * @default 100 and 500
   */
  readonly gatherMs?: number
  readonly startMs?: number
  /** How often loads are looked at, in milliseconds. @default 15000 */
  readonly loadMs?: number
}

/** Calls for each replica below which a difference in load is chance. */
const MIN_CALLS = 100

/** Of a replica that an assignment names and that has not spoken yet. */
const UNHEARD = ''

interface Member {
  readonly incarnation: string
  components: readonly string[]
  heardAt: number
}

export interface AssignmentController {
  /** By component. */
  readonly assignments: ReadonlyMap<string, Assignment>
  /**
   * Publishes all assignments again and asks which replicas are there: call it after a time without
   * a connection.
   */
  refresh(): void
  close(): void
}

/** Starts to hear and to decide. */
export function startAssignmentController(options: AssignmentControllerOptions): AssignmentController {
  return new Controller(options)
}

class Controller implements AssignmentController {
  readonly assignments = new Map<string, Assignment>()
  readonly #options: AssignmentControllerOptions
  readonly #members = new Map<string, Member>()
  /** Calls of each slice since loads were looked at last. */
  readonly #loads = new Map<string, number[]>()
  readonly #changed = new Set<string>()
  readonly #subscriptions: { unsubscribe(): void }[]
  readonly #inbox: string
  readonly #timers: NodeJS.Timeout[] = []
  #gathering: NodeJS.Timeout | undefined
  #isStarting = true
  #tickedAt = performance.now()

  constructor(options: AssignmentControllerOptions) {
    this.#options = options
    const { deploymentId, port, heartbeatMs = HEARTBEAT_MS, startMs = 500, loadMs = 15_000 } = options
    this.#inbox = `${deployerInboxPrefix(deploymentId, randomBytes(6).toString('hex'))}.routing`
    this.#subscriptions = [
      port.subscribe(eventSubject(deploymentId), ({ data, reply }) => this.#onEvent(data, reply)),
      port.subscribe(assignmentSubject(deploymentId, 'x').replace(/x$/, '*'), ({ data }) => this.#adopt(parseAssignment(data))),
      port.subscribe(this.#inbox, ({ data }) => this.#onStatus(data)),
    ]
    this.#ask()
    this.#timers.push(
      setTimeout(() => {
        this.#isStarting = false // I2
        this.#trust()
        for (const { components } of this.#members.values()) this.#touch(components)
        this.#touch([...this.assignments.keys()])
      }, startMs),
      setInterval(() => this.#tick(), heartbeatMs / 2),
      setInterval(() => this.#relieve(), loadMs),
    )
  }

  refresh(): void {
    const { deploymentId, port } = this.#options
    this.#ask()
    for (const assignment of this.assignments.values())
      port.publish(assignmentSubject(deploymentId, assignment.component), encodeJson(assignment))
  }

  #ask(): void {
    const { deploymentId, port } = this.#options
    port.publish(controlAllSubject(deploymentId), encodeJson({ kind: 'routing' }), this.#inbox)
  }

  close(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.unsubscribe()
    for (const timer of this.#timers.splice(0)) clearTimeout(timer)
    clearTimeout(this.#gathering)
  }

  #onEvent(data: Uint8Array, reply: string | undefined): void {
    const event = parseRoutingEvent(data)
    switch (event?.kind) {
      case 'join':
      case 'alive':
        return this.#onAlive(event)
      case 'drain':
      case 'leave':
        return this.#onGone(event)
      case 'load':
        return this.#onLoad(event)
      case 'assignments': {
        const assignments = event.components.flatMap((component) => this.assignments.get(component) ?? [])
        if (reply !== undefined) this.#options.port.publish(reply, encodeJson({ kind: 'assignments', assignments }))
      }
    }
  }

  /** I2. Also what another controller decided. */
  #onStatus(data: Uint8Array): void {
    const status = parseRoutingStatus(data)
    if (status?.presence !== undefined) this.#onAlive(status.presence)
    for (const assignment of status?.assignments ?? []) this.#adopt(assignment)
  }

  /** Who has keys and has not been heard yet has the time of three heartbeats to be. */
  #trust(): void {
    for (const { component, replicas } of this.assignments.values())
      for (const replica of replicas) {
        const known = this.#members.get(replica)
        if (known === undefined) this.#members.set(replica, { incarnation: UNHEARD, components: [component], heardAt: performance.now() })
        else if (known.incarnation === UNHEARD) known.components = [...known.components, component]
      }
  }

  #adopt(assignment: Assignment | undefined): void {
    if (assignment === undefined) return
    const own = this.assignments.get(assignment.component)
    if (own === undefined || own.epoch < assignment.epoch) this.assignments.set(assignment.component, assignment)
  }

  #onAlive(event: PresenceEvent): void {
    const known = this.#members.get(event.replica)
    if (known?.incarnation === event.incarnation) {
      known.heardAt = performance.now()
      return
    }
    this.#members.set(event.replica, { incarnation: event.incarnation, components: event.components, heardAt: performance.now() })
    this.#touch(event.components)
    if (known !== undefined) this.#touch(known.components)
  }

  /** Events from a superseded incarnation are ignored. */
  #onGone(event: PresenceEvent): void {
    const incarnation = this.#members.get(event.replica)?.incarnation
    if (incarnation === event.incarnation || incarnation === UNHEARD) this.#drop(event.replica)
  }

  #drop(replica: string): void {
    const member = this.#members.get(replica)
    this.#members.delete(replica)
    if (member !== undefined) this.#touch(member.components)
  }

  /** I3 */
  #tick(): void {
    const { heartbeatMs = HEARTBEAT_MS } = this.#options
    const now = performance.now()
    const stoodStill = now - this.#tickedAt > heartbeatMs
    this.#tickedAt = now
    const silenceMs = MISSED_HEARTBEATS * heartbeatMs * (1 + HEARTBEAT_JITTER)
    for (const [replica, member] of this.#members) {
      if (stoodStill) member.heardAt = now
      if (now - member.heardAt > silenceMs) this.#drop(replica)
    }
  }

  /** I4 */
  #touch(components: readonly string[]): void {
    for (const component of components) this.#changed.add(component)
    if (this.#isStarting || this.#changed.size === 0) return
    this.#gathering ??= setTimeout(() => {
      this.#gathering = undefined
      for (const component of this.#changed) this.#decide(component)
      this.#changed.clear()
    }, this.#options.gatherMs ?? 100)
  }

  #decide(component: string): void {
    const { deploymentId, port, onAssignment } = this.#options
    const replicas = [...this.#members].filter(([, member]) => member.components.includes(component)).map(([replica]) => replica)
    const before = this.assignments.get(component)
    const epoch = Math.max(Date.now(), (before?.epoch ?? 0) + 1) // I1
    const assigned = assign(component, before, { replicas, epoch }, this.#byLoad(component, replicas.length))
    // What another release has decided may lack the wish, or have it.
    if (assigned === before && (before.isLoadWanted === true) === this.#isByLoad(component)) return
    const { replicas: owning, owners } = assigned
    const next: Assignment = { component, epoch, replicas: owning, owners, ...(this.#isByLoad(component) ? { isLoadWanted: true } : {}) }
    this.assignments.set(component, next)
    const loads = this.#loads.get(component)
    if (loads !== undefined) this.#loads.set(component, spread(loads, next.owners.length))
    port.publish(assignmentSubject(deploymentId, component), encodeJson(next))
    onAssignment?.(next)
  }

  /**
   * Too few calls say nothing: as long as there are no more, every slice counts the same, and only
   * gross differences are mended.
   */
  #byLoad(component: string, replicas: number): AssignOptions {
    if (!this.#isByLoad(component)) return {}
    const slices = this.assignments.get(component)?.owners.length ?? 0
    const loads = this.#loads.get(component) ?? []
    const calls = loads.reduce((sum, load) => sum + load, 0)
    return { loads: calls < MIN_CALLS * replicas ? Array.from({ length: slices }, () => 1) : loads }
  }

  #isByLoad(component: string): boolean {
    return this.#options.balanceOf?.(component) === 'load'
  }

  #onLoad(event: SliceLoadEvent): void {
    if (!this.#isByLoad(event.component)) return // of callers that do not know yet
    const slices = this.assignments.get(event.component)?.owners.length
    if (slices !== event.slices) return // of a ring that is cut otherwise by now
    const known = this.#loads.get(event.component)
    const loads = known?.length === slices ? known : Array.from({ length: slices }, () => 0)
    for (const [slice, calls] of event.calls) if (slice < slices) loads[slice] = (loads[slice] ?? 0) + calls
    this.#loads.set(event.component, loads)
  }

  /**
   * What was seen before counts half: a moment does not turn everything around, and yesterday is
   * forgotten.
   */
  #relieve(): void {
    if (this.#isStarting) return
    for (const component of this.#loads.keys()) {
      this.#decide(component)
      this.#loads.set(component, this.#loads.get(component)?.map((load) => load / 2) ?? [])
    }
  }
}

/** Loads of slices that were cut in two, once or several times. */
function spread(loads: readonly number[], slices: number): number[] {
  if (slices === 0 || loads.length === 0) return []
  let found = [...loads]
  while (found.length < slices) found = found.flatMap((load) => [load / 2, load / 2])
  return found
}
