/**
 * Deletion of a WeaverApp. Everything in the cluster has an ownerReference and is garbage
 * collected; the finalizer exists only for the broker accounts, which are outside. It is
 * time-boxed: a broker that is gone must not block the deletion of a namespace.
 */
import { deploymentId, FINALIZER, LABELS } from '@weaver/crds'
import { reasonOf } from '@weaver/sdk/contract'
import { KINDS, type KubeApi } from '@weaver/kube'
import type { Broker } from '../broker/broker.js'
import type { SeenSince } from '../clock/seen-since.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import type { Revision } from './cluster-view.js'
import { isRetired } from './known-versions.js'
import type { AppObject } from './pass-status.js'
import { identityOfRevision } from './version-identity.js'

/** How long broker accounts may delay a deletion. */
const FINALIZE_LIMIT_MS = 30_000
const RETRY_MS = 2_000
const ATTEMPT_MS = 8_000

export interface Finalized {
  /** Absent: done. */
  readonly requeueAfterMs?: number
  /** What was left behind, when time ran out. */
  readonly leftBehind?: string
}

export async function finalizeApp(
  deps: { readonly api: KubeApi; readonly broker: Broker; readonly ending: SeenSince },
  app: AppObject,
  signal: AbortSignal,
): Promise<Finalized> {
  const { metadata } = app
  const namespace = metadata.namespace ?? ''
  if (metadata.finalizers?.includes(FINALIZER) !== true) return {}
  const { items } = await deps.api.list<Revision>(KINDS.controllerRevisions, {
    namespace,
    labelSelector: `${LABELS.app}=${metadata.name}`,
    signal,
  })
  let leftBehind: string | undefined
  for (const identity of identitiesOf(app, items)) {
    try {
      await deps.broker.removeVersion(identity, AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)]))
    } catch (error) {
      if (signal.aborted) throw error
      leftBehind = `broker account of version "${identity.versionId}": ${reasonOf(error)}`
      if (deps.ending.elapsedMs(metadata.uid ?? '') < FINALIZE_LIMIT_MS) return { requeueAfterMs: RETRY_MS, leftBehind }
    }
  }
  deps.ending.forget(metadata.uid ?? '')
  // With the resourceVersion: a finalizer that another controller added meanwhile must not be lost.
  await deps.api.patch(
    KINDS.weaverApps,
    namespace,
    metadata.name,
    { metadata: { resourceVersion: metadata.resourceVersion, finalizers: metadata.finalizers.filter((f) => f !== FINALIZER) } },
    { signal },
  )
  return leftBehind === undefined ? {} : { leftBehind }
}

/**
 * Every version that may have an account: live ones. The snapshots may be deleted before their app;
 * its status still names the versions.
 */
function identitiesOf(app: AppObject, revisions: readonly Revision[]): VersionIdentity[] {
  const { name, uid = '' } = app.metadata
  const found = revisions
    .filter((r) => !isRetired(r))
    .flatMap((r) => identityOfRevision(r) ?? [])
    .filter(({ appUid }) => appUid === uid)
  const known = new Set(found.map(({ versionId }) => versionId))
  const named = (app.status?.versions ?? []).map(({ id }) => id).filter((id) => !known.has(id))
  return [...found, ...named.map((versionId) => ({ appUid: uid, versionId, deploymentId: deploymentId({ name, uid }, versionId) }))]
}
