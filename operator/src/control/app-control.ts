/**
 * The control of every running version, app by app. Each pass supplies the versions and the active
 * one; it remembers nothing that the cluster and the weavelets do not know.
 *
 * I1  A version has at most one control, and none when `sync` has returned without it: its account
 *     is closed after that.
 * I2  A new active version makes every leader ask again at once. The old one is refused, and
 *     releases the lease when its work has ended; the new one gets it then, or when it ran out.
 */
import type { KubeApi } from '@weaver/kube'
import type { Broker } from '../broker/broker.js'
import type { AppIdentity } from '../desired/manifest.js'
import type { VersionPlan } from '../desired/version-plan.js'
import type { Logger } from '../log/logger.js'
import { identityOf } from '../desired/version-identity.js'
import { createKubeLeases } from './kube-leases.js'
import { needsControl, startVersionControl, type VersionControl } from './version-control.js'

type AppKey = Pick<AppIdentity, 'namespace' | 'name'>

export interface AppControl {
  /**
   * Starts the control of new versions, ends that of others, and records the active one. Does not
   * wait for connections.
   */
  sync(app: AppIdentity, now: { readonly versions: readonly VersionPlan[]; readonly active: string | undefined }): Promise<void>
  /** The app is gone. */
  forget(key: AppKey): Promise<void>
  close(): Promise<void>
}

export interface AppControlOptions {
  readonly api: KubeApi
  readonly broker: Broker
  readonly log: Logger
  /** @default as the SDK has it */
  readonly leaseMs?: number
}

interface Controlled {
  readonly uid: string
  readonly versions: Map<string, VersionControl>
  readonly leases: ReturnType<typeof createKubeLeases>
  readonly versionIds: Map<string, string>
  active: string | undefined
}

export function createAppControl(options: AppControlOptions): AppControl {
  const { api, broker, log } = options
  const apps = new Map<string, Controlled>()

  const begin = (app: AppIdentity): Controlled => {
    const versionIds = new Map<string, string>()
    const leases = createKubeLeases({ api, app, versionOf: (deploymentId) => versionIds.get(deploymentId) ?? deploymentId })
    return { uid: app.uid, versions: new Map(), versionIds, leases, active: undefined }
  }
  const end = async (key: string): Promise<void> => {
    const found = apps.get(key)
    apps.delete(key)
    await Promise.all([...(found?.versions.values() ?? [])].map((control) => control.close()))
  }
  const pollAll = ({ versions }: Controlled): void => {
    for (const control of versions.values()) control.poll()
  }
  return {
    async sync(app, { versions, active }) {
      const key = keyOf(app)
      if (apps.get(key)?.uid !== app.uid) await end(key) // another app of that name
      const found = apps.get(key) ?? begin(app)
      apps.set(key, found)
      const hasMoved = found.active !== active
      found.active = active
      const wanted = versions.filter(({ snapshot }) => needsControl(snapshot.graph))
      for (const plan of wanted) {
        const { versionId, snapshot, deploymentId } = plan
        if (found.versions.has(versionId)) continue
        found.versionIds.set(deploymentId, versionId)
        const control = startVersionControl({
          broker,
          identity: identityOf(plan),
          graph: snapshot.graph,
          leases: found.leases,
          isActive: () => found.active === versionId,
          onReleased: () => pollAll(found), // I2
          log,
          ...(options.leaseMs === undefined ? {} : { leaseMs: options.leaseMs }),
        })
        found.versions.set(versionId, control)
      }
      for (const [versionId, control] of found.versions) {
        if (wanted.some((plan) => plan.versionId === versionId)) continue
        found.versions.delete(versionId)
        await control.close() // I1
      }
      if (hasMoved) pollAll(found) // I2
    },
    forget: (key) => end(keyOf(key)),
    async close() {
      await Promise.all([...apps.keys()].map(end))
    },
  }
}

function keyOf({ namespace, name }: AppKey): string {
  return `${namespace}/${name}`
}
