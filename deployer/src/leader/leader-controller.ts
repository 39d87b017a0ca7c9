/**
 * The deployer's part of leader components: receives the requests of candidates, and grants the
 * lease to one of them. One for each deployment, wherever the deployer runs. Leases are behind the
 * port `LeaderLeases`; the state here is a cache only, safe to lose.
 *
 * I1  A request is granted only by the store, after it was written there: two controllers that
 *     overlap cannot grant twice.
 * I2  A store that fails is no answer: who leads goes on until its lease ends, who does not asks
 *     again.
 * I3  One request of a component after the other, in the order in which they came. Who asked so
 *     long ago that it has asked again meanwhile gets no answer: a slow store is not asked ever
 *     more.
 */
import {
  encodeLeader,
  LEASE_MS,
  LEASE_RENEWAL,
  leaderPollSubject,
  leaderSubject,
  parseLeaderRequest,
  type LeaderAnswer,
  type LeaderRequest,
  type LeaderScope,
} from '@weaver/sdk/contract'
import type { ControllerPort } from '../control/controller-port.js'
import type { LeaderLeases, LeaseName } from './leader-leases.js'

export interface LeaderControllerOptions {
  readonly deploymentId: string
  readonly port: ControllerPort
  /** Leader components of this version. */
  readonly components: readonly { readonly name: string; readonly leader: LeaderScope }[]
  readonly leases: LeaderLeases
  /**
   * Whether components with `leader: 'app'` may lead in this version at this moment. After a
   * change: `poll()`.
   * @default always
   */
  readonly isActive?: () => boolean
  /** In milliseconds. @default LEASE_MS */
  readonly leaseMs?: number
  /** A lease of all versions was given back: `poll()` those of the other versions. */
  readonly onReleased?: () => void
  /** The store failed; the candidate asks again by itself. */
  readonly onError?: (error: unknown, component: string) => void
}

export interface LeaderController {
  /** Makes everybody ask again, leaders too. */
  poll(): void
  /** Hears nothing any more. Leases stay with who has them, until they end. */
  close(): void
}

/** Starts to hear candidates, and asks those that are there to speak up. */
export function startLeaderController(options: LeaderControllerOptions): LeaderController {
  const { deploymentId, port, components, leases, isActive = () => true, leaseMs = LEASE_MS } = options
  let isClosed = false

  const poll = (component: string): void => {
    if (!isClosed) port.publish(leaderPollSubject(deploymentId, component), new Uint8Array())
  }
  const serve = async (lease: LeaseName, request: LeaderRequest): Promise<LeaderAnswer | undefined> => {
    const holder = `${deploymentId}/${request.replica}/${request.term}`
    const { askedAt } = request
    if (request.kind === 'release') {
      await leases.release(lease, holder)
      poll(lease.component)
      if (lease.deploymentId === undefined) options.onReleased?.()
      return undefined
    }
    if (lease.deploymentId === undefined && !isActive()) return { kind: 'refused', askedAt, leaseMs }
    const token = await leases.take(lease, holder, leaseMs) // I1
    return token === undefined ? { kind: 'refused', askedAt, leaseMs } : { kind: 'granted', askedAt, leaseMs, token }
  }
  const subscriptions = components.map(({ name, leader }) => {
    const lease: LeaseName = leader === 'app' ? { component: name } : { component: name, deploymentId }
    let last: Promise<void> = Promise.resolve()
    return port.subscribe(leaderSubject(deploymentId, name), ({ data, reply }) => {
      const request = parseLeaderRequest(data)
      if (request?.component !== name) return
      const heardAt = performance.now()
      last = last.then(async () => {
        const isOld = request.kind === 'ask' && performance.now() - heardAt > leaseMs * LEASE_RENEWAL
        if (isClosed || isOld) return // I3
        try {
          const answer = await serve(lease, request)
          if (answer !== undefined && reply !== undefined && !isClosed) port.publish(reply, encodeLeader(answer))
        } catch (error) {
          options.onError?.(error, name) // I2
        }
      })
    })
  })
  for (const { name } of components) poll(name)
  return {
    poll: () => components.forEach(({ name }) => poll(name)),
    close() {
      isClosed = true
      for (const subscription of subscriptions.splice(0)) subscription.unsubscribe()
    },
  }
}
