/**
 * What the operator decides inside one running version: who leads its leader components, and which replicas own the keys of its routed ones. Connected into the
 * version as long as it is there; a connection that ends is followed by another one.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { startAssignmentController, startLeaderController, type LeaderController, type LeaderLeases } from '@weaver/deployer'
import { balanceIn, type ComponentGraph } from '@weaver/sdk/contract'
import type { Broker, VersionConnection } from '../broker/broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import type { Logger } from '../log/logger.js'

/** Between two tries to connect. The account of a version is made when its control has started already. */
const RETRY_MS = 500
/** So many tries fail before anybody is told: a version that is just made needs a few. */
const QUIET_TRIES = 10

export interface VersionControlOptions {
  readonly broker: Broker
  readonly identity: VersionIdentity
  readonly graph: ComponentGraph
  readonly leases: LeaderLeases
  /** Whether this is the version in which components with `leader: 'app'` lead. */
  readonly isActive: () => boolean
  /** A lease of all versions was given back. */
  readonly onReleased: () => void
  readonly log: Logger
  /** @default as the SDK has it */
  readonly leaseMs?: number
}

export interface VersionControl {
  /** Leaders and candidates of this version ask again. */
  poll(): void
  close(): Promise<void>
}

/** Whether anything of a version needs control. */
export function needsControl(graph: ComponentGraph): boolean {
  return hasLeaders(graph) || hasRoutes(graph)
}

export function startVersionControl(options: VersionControlOptions): VersionControl {
  const { broker, identity, log } = options
  const stop = new AbortController()
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  let leaders: LeaderController | undefined

  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted;) {
      let connection: VersionConnection | undefined
      try {
        connection = await broker.connectTo(identity)
        failures = 0
        if (!stop.signal.aborted) await control(connection)
      } catch (error) {
        failures += 1
        const tell = failures % QUIET_TRIES === 0 ? log.warn : log.debug
        tell('no connection into a version; its leases and assignments stay as they are, and it is tried again', {
          deploymentId: identity.deploymentId,
          err: error,
        })
      }
      await connection?.close()
      await sleep(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined) // stopped meanwhile
    }
  }
  const control = async (connection: VersionConnection): Promise<void> => {
    const { graph, leases, isActive, onReleased, leaseMs } = options
    const { deploymentId } = identity
    const routing = hasRoutes(graph)
      ? startAssignmentController({ deploymentId, port: connection, balanceOf: balanceIn(graph) })
      : undefined
    leaders = startLeaderController({
      deploymentId,
      port: connection,
      components: graph.components.flatMap(({ name, leader }) => (leader === undefined ? [] : [{ name, leader }])),
      leases,
      isActive,
      onReleased,
      ...(leaseMs === undefined ? {} : { leaseMs }),
      onError: (err, component) => log.warn('a lease could not be given; the replica asks again', { deploymentId, component, err }),
    })
    await Promise.race([connection.closed, stopped])
    leaders.close()
    leaders = undefined
    routing?.close()
  }
  const running = run()
  return {
    poll: () => leaders?.poll(),
    async close() {
      stop.abort()
      await running
    },
  }
}

function hasLeaders(graph: ComponentGraph): boolean {
  return graph.components.some(({ leader }) => leader !== undefined)
}

function hasRoutes(graph: ComponentGraph): boolean {
  return graph.components.some(({ methods }) => methods.some(({ routed }) => routed === true))
}
