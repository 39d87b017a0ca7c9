/**
 * What the operator decides inside one running version: which replica leads each leader component,
 * and which replicas own the keys of routed ones. Connected into the version while it exists; a
 * connection that ends is replaced.
 *
 * I1  When the server of the connection enters lame duck mode, the next connection controls before
 *     the old one ends, so that no request is lost in between. For a moment both control: their
 *     leases have one store, epochs only grow.
 * I2  After a reconnect everything that may have been missed is asked for or published again.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startAssignmentController, startLeaderController, type LeaderLeases } from '@weaver/deployer'
import { balanceIn, type ComponentGraph } from '@weaver/sdk/contract'
import type { Broker, VersionConnection } from '../broker/broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import type { Logger } from '../log/logger.js'

/** Between two attempts to connect. The control of a version starts before its account exists. */
const RETRY_MS = 500
/** Failures before one is logged as a warning: a new version needs a few attempts. */
const QUIET_TRIES = 10
/**
 * How long two connections control a version: other servers of the broker learn of a new
 * subscription a little later.
 */
const OVERLAP_MS = 1_000

export interface VersionControlOptions {
  readonly broker: Broker
  readonly identity: VersionIdentity
  readonly graph: ComponentGraph
  readonly leases: LeaderLeases
  /** Whether this is the version whose components with `leader: 'app'` lead. */
  readonly isActive: () => boolean
  /** A lease that all versions share was released. */
  readonly onReleased: () => void
  readonly log: Logger
  /** @default as in the SDK */
  readonly leaseMs?: number
}

export interface VersionControl {
  /** Leaders and candidates of this version ask again. */
  poll(): void
  close(): Promise<void>
}

/** Whether a version has anything to control. */
export function needsControl(graph: ComponentGraph): boolean {
  return hasLeaders(graph) || hasRoutes(graph)
}

/** The controllers of a version on one connection. */
interface Control {
  readonly connection: VersionConnection
  poll(): void
  close(): Promise<void>
}

export function startVersionControl(options: VersionControlOptions): VersionControl {
  const { broker, identity, log } = options
  const stop = new AbortController()
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  let current: Control | undefined

  const connect = async (): Promise<void> => {
    const connection = await broker.connectTo(identity)
    const last = current
    try {
      current = startControl(connection, options)
    } catch (error) {
      await connection.close()
      throw error
    }
    if (last === undefined) return
    await connection.flush().catch(() => undefined) // lost again: that is seen below
    await sleep(OVERLAP_MS, undefined, { signal: stop.signal }).catch(() => undefined) // stopped meanwhile
    await last.close()
  }
  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted;) {
      try {
        await connect()
        failures = 0
      } catch (error) {
        failures += 1
        const report = failures % QUIET_TRIES === 0 && current === undefined ? log.warn : log.debug
        report('no connection into a version; its leases and assignments stay as they are, and it is retried', {
          deploymentId: identity.deploymentId,
          err: error,
        })
      }
      if (failures === 0 && current !== undefined) await Promise.race([current.connection.closed, current.connection.leaving, stopped])
      if (current?.connection.isClosed === true) {
        await current.close()
        current = undefined
      }
      // A server that is leaving is replaced at once: its connection serves until the next one
      // does.
      if (failures > 0 || current === undefined) await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined) // stopped meanwhile
    }
    await current?.close()
    current = undefined
  }
  const running = run()
  return {
    poll: () => current?.poll(),
    async close() {
      stop.abort()
      await running
    },
  }
}

function startControl(connection: VersionConnection, options: VersionControlOptions): Control {
  const { graph, leases, isActive, onReleased, leaseMs, log } = options
  const { deploymentId } = options.identity
  const routing = hasRoutes(graph) ? startAssignmentController({ deploymentId, port: connection, balanceOf: balanceIn(graph) }) : undefined
  const leaders = startLeaderController({
    deploymentId,
    port: connection,
    components: graph.components.flatMap(({ name, leader }) => (leader === undefined ? [] : [{ name, leader }])),
    leases,
    isActive,
    onReleased,
    ...(leaseMs === undefined ? {} : { leaseMs }),
    onError: (err, component) => log.warn('a lease could not be given; the replica asks again', { deploymentId, component, err }),
  })
  connection.onReconnect(() => {
    routing?.refresh()
    leaders.poll()
  })
  return {
    connection,
    poll: () => leaders.poll(),
    async close() {
      leaders.close()
      routing?.close()
      await connection.close()
    },
  }
}

function hasLeaders(graph: ComponentGraph): boolean {
  return graph.components.some(({ leader }) => leader !== undefined)
}

function hasRoutes(graph: ComponentGraph): boolean {
  return graph.components.some(({ methods }) => methods.some(({ routed }) => routed === true))
}
