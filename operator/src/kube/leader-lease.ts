/**
 * Leader election by a `coordination.k8s.io` Lease, as client-go does it: hold for 15 s, give up
 * after 10 s without a renewal, try every 2 s. It has its own timers, so that a slow pass does not
 * lose it. Leadership is not fencing: every write of the operator is safe under two leaders.
 *
 * I1  Leadership ends `renewDeadlineMs` after the last renewal was *sent*, by a timer, whatever a
 *     call in flight is doing: others count `durationMs` from when they saw it, which is later. It
 *     ends at once when another process is seen to hold the lease.
 * I2  Only intervals of this process's monotonic clock are compared; no clock of another machine,
 *     and no wall clock that may be set.
 * I3  Only a lease that is still ours is released, including one that a call in flight took while
 *     closing.
 */
import { isKubeError, KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import type { Logger } from '../log/logger.js'

export interface LeaderLeaseOptions {
  readonly api: KubeApi
  readonly namespace: string
  readonly name: string
  readonly identity: string
  readonly log: Logger
  /**
   * Called once, when the lease could not be renewed in time or another process took it: stop
   * acting at once.
   */
  readonly onLost: () => void
  readonly durationMs?: number
  readonly renewDeadlineMs?: number
  readonly retryMs?: number
}
export interface LeaderLease {
  /** Resolves when this process leads; never, when it is closed before. */
  readonly acquired: Promise<void>
  readonly isLeader: boolean
  /** Gives the lease up, so that another need not wait for it to run out. */
  close(): Promise<void>
}
interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null
    readonly leaseDurationSeconds?: number
    readonly acquireTime?: string
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** The API server wants six fractional digits. */
function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}

export function startLeaderLease(options: LeaderLeaseOptions): LeaderLease {
  const { api, namespace, name, identity, log, durationMs = 15_000, renewDeadlineMs = 10_000, retryMs = 2_000 } = options
  const stop = new AbortController()
  const limit = { timeoutMs: Math.min(5_000, renewDeadlineMs / 2), signal: stop.signal }
  let isLeader = false
  let mayHold = false
  let timer: NodeJS.Timeout | undefined
  let deadline: NodeJS.Timeout | undefined
  let onAcquired: () => void
  const acquired = new Promise<void>((resolve) => (onAcquired = resolve))
  /** When the holder's record was last seen to change (I2). */
  let seen = { record: '', at: 0 }

  /** Takes or renews the lease where that is allowed. @returns whose it is then. */
  const tryOnce = async (): Promise<'mine' | 'theirs'> => {
    const lease = await api.get<LeaseObject>(KINDS.leases, namespace, name, limit)
    const now = microTime(Date.now())
    const spec = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(durationMs / 1000), renewTime: now }
    if (lease === undefined) {
      mayHold = true
      await api.create(
        KINDS.leases,
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace },
          spec: { ...spec, acquireTime: now, leaseTransitions: 0 },
        },
        limit,
      )
      return 'mine'
    }
    const record = JSON.stringify(lease.spec ?? {})
    if (record !== seen.record) seen = { record, at: performance.now() }
    const holder = lease.spec?.holderIdentity ?? ''
    const theirs = (lease.spec?.leaseDurationSeconds ?? Math.ceil(durationMs / 1000)) * 1000
    const isMine = holder === identity
    if (holder !== '' && !isMine && (isLeader || performance.now() < seen.at + theirs)) return 'theirs'
    const body = {
      metadata: { resourceVersion: lease.metadata.resourceVersion },
      spec: { ...spec, ...(isMine ? {} : { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }) },
    }
    mayHold = true
    await api.patch(KINDS.leases, namespace, name, body, limit)
    return 'mine'
  }

  const lose = (why: string): void => {
    if (!isLeader || stop.signal.aborted) return
    isLeader = false
    clearTimeout(timer)
    clearTimeout(deadline)
    stop.abort()
    log.error('lost the leader lease', { identity, detail: why })
    options.onLost()
  }

  const turn = async (): Promise<void> => {
    const sentAt = performance.now()
    let holder: 'mine' | 'theirs' | undefined
    try {
      holder = await tryOnce()
    } catch (error) {
      if (stop.signal.aborted) return
      // A conflict is another candidate that was faster.
      if (!isKubeError(error, 409)) log.warn('the leader lease could not be read or renewed', { lease: `${namespace}/${name}`, err: error })
    }
    if (stop.signal.aborted) return
    const left = sentAt + renewDeadlineMs - performance.now()
    // An answer that took this long is worth nothing: others may take over soon.
    if (holder === 'mine' && left > 0) {
      clearTimeout(deadline)
      deadline = setTimeout(() => lose(`not renewed within ${renewDeadlineMs} ms`), left) // I1
      if (!isLeader) {
        isLeader = true
        log.info('became leader', { identity })
        onAcquired()
      }
    } else if (holder === 'theirs') lose('another process holds it')
    if (!stop.signal.aborted) timer = setTimeout(start, retryMs)
  }
  let running = Promise.resolve()
  const start = (): void => void (running = turn())
  start()

  /** I3 */
  const release = async (): Promise<void> => {
    const own = { timeoutMs: 3_000 }
    const lease = await api.get<LeaseObject>(KINDS.leases, namespace, name, own)
    if (lease?.spec?.holderIdentity !== identity) return
    const { resourceVersion } = lease.metadata
    const spec = { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(Date.now()) }
    await api.patch(KINDS.leases, namespace, name, { metadata: { resourceVersion }, spec }, own)
  }
  return {
    acquired,
    get isLeader() {
      return isLeader
    },
    async close() {
      const wasStopped = stop.signal.aborted
      isLeader = false
      clearTimeout(timer)
      clearTimeout(deadline)
      stop.abort()
      await running
      if (wasStopped || !mayHold) return
      try {
        await release()
      } catch (error) {
        log.warn('the leader lease could not be given up; it runs out by itself', { err: error })
      }
    },
  }
}
