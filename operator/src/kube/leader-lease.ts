/**
 * Leader election by a `coordination.k8s.io` Lease, as client-go does it: hold for 15 s, give up after 10 s without a renewal, try every 2 s. It runs on timers
 * of its own, so that a slow reconcile does not lose it. Leadership is not fencing: every write of the operator is safe under two leaders.
 */
import type { Logger } from '../log.js'
import type { KubeApi, KubeObject } from './kube-api.js'
import { isKubeError } from './kube-error.js'
import { KINDS } from './kinds.js'

export interface LeaderLeaseOptions {
  readonly api: KubeApi
  readonly namespace: string
  readonly name: string
  readonly identity: string
  readonly log: Logger
  /** Called once, when the lease could not be renewed in time: stop acting at once. */
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
  let isLeader = false
  let isClosed = false
  let renewedAt = 0
  let timer: NodeJS.Timeout | undefined
  let onAcquired: () => void
  const acquired = new Promise<void>((resolve) => (onAcquired = resolve))
  /** When the holder's record was last seen to change, by this process's own clock: clocks of two machines are not compared. */
  let seen = { record: '', at: 0 }

  const tryOnce = async (): Promise<boolean> => {
    const now = Date.now()
    const limit = { timeoutMs: Math.min(5_000, renewDeadlineMs / 2) }
    const lease = await api.get<LeaseObject>(KINDS.leases, namespace, name, limit)
    const spec = { holderIdentity: identity, leaseDurationSeconds: Math.ceil(durationMs / 1000), renewTime: microTime(now) }
    if (lease === undefined) {
      await api.create(
        KINDS.leases,
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name, namespace },
          spec: { ...spec, acquireTime: microTime(now), leaseTransitions: 0 },
        },
        limit,
      )
      return true
    }
    const record = JSON.stringify(lease.spec ?? {})
    if (record !== seen.record) seen = { record, at: now }
    const holder = lease.spec?.holderIdentity ?? ''
    const theirs = (lease.spec?.leaseDurationSeconds ?? Math.ceil(durationMs / 1000)) * 1000
    if (holder !== '' && holder !== identity && now < seen.at + theirs) return false
    const isMine = holder === identity
    const body = {
      metadata: { resourceVersion: lease.metadata.resourceVersion },
      spec: { ...spec, ...(isMine ? {} : { acquireTime: microTime(now), leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }) },
    }
    await api.patch(KINDS.leases, namespace, name, body, limit)
    return true
  }

  const turn = async (): Promise<void> => {
    let held = false
    try {
      held = await tryOnce()
    } catch (error) {
      // A conflict is another candidate that was faster.
      if (!isKubeError(error, 409)) log.warn('the leader lease could not be read or renewed', { lease: `${namespace}/${name}`, err: error })
    }
    if (isClosed) return
    if (held) {
      renewedAt = Date.now()
      if (!isLeader) {
        isLeader = true
        log.info('became leader', { identity })
        onAcquired()
      }
    } else if (isLeader && Date.now() - renewedAt > renewDeadlineMs) {
      isLeader = false
      isClosed = true
      log.error('lost the leader lease', { identity })
      options.onLost()
      return
    }
    timer = setTimeout(() => void turn(), retryMs)
  }
  void turn()
  return {
    acquired,
    get isLeader() {
      return isLeader
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      if (!isLeader) return
      isLeader = false
      try {
        await api.patch(
          KINDS.leases,
          namespace,
          name,
          { spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(Date.now()) } },
          { timeoutMs: 3_000 },
        )
      } catch (error) {
        log.warn('the leader lease could not be given up; it runs out by itself', { err: error })
      }
    },
  }
}
