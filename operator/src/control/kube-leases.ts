/**
 * Leases of leader components, each a `coordination.k8s.io` Lease that the app owns: they survive
 * the operator, and two operators that overlap cannot grant one twice.
 *
 * I1  A lease is granted only by a write that names the resourceVersion it was decided on; another
 *     write in between makes it fail.
 * I2  A lease of another holder is taken only after it was not renewed for its whole duration, on
 *     this process's monotonic clock. An operator that has just started waits that time for every
 *     holder whose renewals it has not seen.
 * I3  The token is the creation time of the Lease, on the API server's clock, in milliseconds, plus
 *     `leaseTransitions`, which each new holder raises by one. It also grows when the Lease is
 *     recreated: with a new version, or a new app of the same name.
 */
import { leaderLeaseName } from '@weaver/crds'
import type { LeaderLeases, LeaseName } from '@weaver/deployer'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import { appLabels, childMetadata, type AppIdentity } from '../desired/manifest.js'
import { isGivenTo, NameTakenError } from '../kube/name-taken.js'
import { isOwn } from '../kube/own-objects.js'

interface LeaseObject extends KubeObject {
  readonly spec?: {
    readonly holderIdentity?: string | null
    readonly leaseDurationSeconds?: number
    readonly renewTime?: string
    readonly leaseTransitions?: number
  }
}

/** Well below the time between two questions of a holder. */
const LIMIT = { timeoutMs: 5_000 }

export interface KubeLeasesOptions {
  readonly api: KubeApi
  readonly app: AppIdentity
  /** Short ids of versions, by their deployment. */
  readonly versionOf: (deploymentId: string) => string
}

export function createKubeLeases({ api, app, versionOf }: KubeLeasesOptions): LeaderLeases {
  /** What was last read or written of each Lease, and since when it is so (I2). */
  const seen = new Map<string, { readonly record: string; readonly holder: string; readonly at: number; readonly ms: number }>()
  const see = (name: string, lease: LeaseObject): void => {
    const record = JSON.stringify(lease.spec ?? {})
    if (seen.get(name)?.record === record) return
    const { holderIdentity, leaseDurationSeconds = 0 } = lease.spec ?? {}
    seen.set(name, { record, holder: holderIdentity ?? '', at: performance.now(), ms: leaseDurationSeconds * 1_000 })
  }
  const isHeldByOther = (name: string, holder: string): boolean => {
    const known = seen.get(name)
    return known !== undefined && known.holder !== '' && known.holder !== holder && performance.now() < known.at + known.ms
  }
  const nameOf = ({ component, deploymentId }: LeaseName): string =>
    leaderLeaseName(app.name, component, deploymentId === undefined ? undefined : versionOf(deploymentId))

  return {
    async take(lease, holder, leaseMs) {
      const name = nameOf(lease)
      // Candidates ask as often as the holder: only its renewals should cost calls.
      if (isHeldByOther(name, holder)) return undefined
      const found = await api.get<LeaseObject>(KINDS.leases, app.namespace, name, LIMIT)
      const now = microTime(Date.now())
      const spec = { holderIdentity: holder, leaseDurationSeconds: Math.ceil(leaseMs / 1_000), renewTime: now }
      if (found === undefined) {
        const version = lease.deploymentId === undefined ? {} : { version: versionOf(lease.deploymentId) }
        const { ownerReferences = [], labels = {} } = childMetadata(app, name, appLabels(app, version))
        const made = await api.create<LeaseObject>(
          KINDS.leases,
          {
            apiVersion: 'coordination.k8s.io/v1',
            kind: 'Lease',
            metadata: { name, namespace: app.namespace, labels, ownerReferences },
            spec: { ...spec, acquireTime: now, leaseTransitions: 0 },
          },
          LIMIT,
        )
        see(name, made)
        return tokenOf(made)
      }
      const isGiven = isGivenTo(found, app.name)
      if (!isOwn(app.uid, found) && !isGiven) throw new NameTakenError({ kind: app.kind, name: app.name }, KINDS.leases, found)
      see(name, found)
      if (isHeldByOther(name, holder)) return undefined
      const isRenewal = found.spec?.holderIdentity === holder
      const body = {
        metadata: {
          resourceVersion: found.metadata.resourceVersion,
          ...(isGiven ? { ownerReferences: childMetadata(app, name, {}).ownerReferences } : {}),
        }, // I1
        spec: { ...spec, ...(isRenewal ? {} : { acquireTime: now, leaseTransitions: (found.spec?.leaseTransitions ?? 0) + 1 }) },
      }
      const written = await api.patch<LeaseObject>(KINDS.leases, app.namespace, name, body, LIMIT)
      see(name, written)
      return tokenOf(written)
    },
    async release(lease, holder) {
      const name = nameOf(lease)
      const found = await api.get<LeaseObject>(KINDS.leases, app.namespace, name, LIMIT)
      if (found?.spec?.holderIdentity !== holder || !isOwn(app.uid, found)) return
      const body = {
        metadata: { resourceVersion: found.metadata.resourceVersion },
        spec: { holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(Date.now()) },
      }
      see(name, await api.patch<LeaseObject>(KINDS.leases, app.namespace, name, body, LIMIT))
    },
  }
}

/** I3 */
function tokenOf({ metadata, spec }: LeaseObject): number {
  return Date.parse(metadata.creationTimestamp ?? '') + (spec?.leaseTransitions ?? 0)
}

/** The API server wants six fractional digits. */
function microTime(at: number): string {
  return new Date(at).toISOString().replace('Z', '000Z')
}
