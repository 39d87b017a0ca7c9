/**
 * What a caller knows about the routed components that it calls: each one's assignment, and which
 * owners recently failed to respond.
 *
 * I1  Of two assignments of a component the one with the higher epoch is valid, in whatever order
 *     they arrive.
 * I2  Routing is a preference: without an assignment, and while the owner is away, a call goes to
 *     any replica. It never waits for an assignment.
 * I3  Calls of one key go to one subject as long as the assignment is valid and its owner is up, so
 *     the broker delivers them in the order of the calls.
 */
import { ownerOf, sliceOf, type Assignment } from '../contract/assignment.js'
import {
  assignmentSubject,
  encodeJson,
  HEARTBEAT_JITTER,
  HEARTBEAT_MS,
  parseAssignment,
  parseAssignments,
  type RoutingEvent,
} from '../contract/routing.js'
import { shardKey, type RoutingKey } from '../contract/shard-key.js'
import { eventSubject } from '../contract/subjects.js'
import { processNow } from '../context/process-clock.js'
import type { Route } from '../rpc/replicas/route.js'
import type { Transport } from '../rpc/transport/transport.js'
import type { Logger } from '../telemetry/logger.js'

/**
 * How long an unreachable owner is skipped. By then it is back, or the deployer has reassigned its
 * slices.
 */
const DOWN_MS = 2_000

/** Computes the key of a call from its arguments; one per routed method. */
export type Routers = Readonly<Record<string, ((...args: readonly unknown[]) => RoutingKey) | undefined>>

export interface RoutingTableOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
  /** Interval at which the load of slices is reported, in milliseconds. @default HEARTBEAT_MS */
  readonly reportMs?: number
}

interface Entry {
  assignment: Assignment | undefined
  readonly downUntil: Map<string, number>
  /** Calls of each slice since the last report. */
  readonly calls: Map<number, number>
  readonly route: (routers: Routers) => Route
}

export class RoutingTable {
  readonly #options: RoutingTableOptions
  readonly #entries = new Map<string, Entry>()
  readonly #inbox: string
  #report: NodeJS.Timeout | undefined

  constructor(options: RoutingTableOptions) {
    this.#options = options
    this.#inbox = `${options.transport.inbox}.routing`
  }

  /** The valid assignments. */
  get assignments(): readonly Assignment[] {
    return [...this.#entries.values()].flatMap(({ assignment }) => assignment ?? [])
  }

  /** The route to a component; the first route to it subscribes to its assignment. */
  route(component: string, routers: Routers): Route {
    return this.#entry(component).route(routers)
  }

  close(): void {
    clearTimeout(this.#report)
  }

  #entry(component: string): Entry {
    const known = this.#entries.get(component)
    if (known !== undefined) return known
    const entry: Entry = {
      assignment: undefined,
      downUntil: new Map(),
      calls: new Map(),
      route: (routers) => ({
        ownerFor: (method, args) => {
          const router = routers[method]
          if (router === undefined) return undefined
          return pick(entry, shardKey(router(...args)))
        },
        onUnreachable: (replica) => void entry.downUntil.set(replica, processNow() + DOWN_MS),
      }),
    }
    this.#listen(component)
    this.#entries.set(component, entry)
    return entry
  }

  #listen(component: string): void {
    const { transport, deploymentId } = this.#options
    if (this.#entries.size === 0) {
      transport.subscribe(this.#inbox, ({ data, isNoResponders }) => {
        if (!isNoResponders) for (const assignment of parseAssignments(data)) this.#onAssignment(assignment)
      })
      // Messages published while disconnected are lost.
      transport.onConnection((isConnected) => {
        if (isConnected) this.#ask([...this.#entries.keys()])
      })
      this.#reportLater()
    }
    transport.subscribe(assignmentSubject(deploymentId, component), ({ data }) => this.#onAssignment(parseAssignment(data)))
    this.#ask([component])
  }

  /** Without a deployer, or with one without routing, there is no answer: I2. */
  #ask(components: readonly string[]): void {
    this.#tell({ kind: 'assignments', components }, this.#inbox)
  }

  /** I1 */
  #onAssignment(assignment: Assignment | undefined): void {
    if (assignment === undefined) {
      this.#options.log.warn('an assignment of routed calls cannot be understood; the one before it holds')
      return
    }
    const entry = this.#entries.get(assignment.component)
    if (entry === undefined || (entry.assignment?.epoch ?? 0) >= assignment.epoch) return
    if (entry.assignment?.owners.length !== assignment.owners.length) entry.calls.clear() // the number of slices has changed
    entry.assignment = assignment
    entry.downUntil.clear()
  }

  #reportLater(): void {
    const { reportMs = HEARTBEAT_MS } = this.#options
    this.#report = setTimeout(
      () => {
        this.#sendReport()
        this.#reportLater()
      },
      reportMs * (1 + HEARTBEAT_JITTER * (2 * Math.random() - 1)),
    )
    this.#report.unref()
  }

  #sendReport(): void {
    for (const [component, { assignment, calls }] of this.#entries) {
      if (calls.size === 0 || assignment === undefined) continue // no report is wanted, or there was no call
      this.#tell({ kind: 'load', component, slices: assignment.owners.length, calls: [...calls] })
      calls.clear()
    }
  }

  #tell(event: RoutingEvent, reply?: string): void {
    const { transport, deploymentId, log } = this.#options
    if (!transport.isConnected) return
    try {
      transport.publish(eventSubject(deploymentId), encodeJson(event), reply)
    } catch (error) {
      log.warn('the deployer was not notified of routed calls; they go on', { err: error })
    }
  }
}

function pick(entry: Entry, hash: number): string | undefined {
  const { assignment, calls, downUntil } = entry
  if (assignment === undefined || assignment.owners.length === 0) return undefined
  const slice = sliceOf(assignment.owners.length, hash)
  if (assignment.isLoadWanted === true) calls.set(slice, (calls.get(slice) ?? 0) + 1)
  const owner = ownerOf(assignment, hash)
  if (owner === undefined || downUntil.size === 0) return owner
  const until = downUntil.get(owner)
  if (until === undefined) return owner
  if (until > processNow()) return undefined // I2
  downUntil.delete(owner)
  return owner
}
