import { ANNOTATIONS, LABELS, revisionName, type WeaverAppSpec } from '@weaver/crds'
import { isWeaverError } from '@weaver/sdk/contract'
import { KINDS, type KubeApi } from '@weaver/kube'
import type { Described } from '../describe/describe-outcome.js'
import type { AppIdentity } from '../desired/manifest.js'
import { planVersion } from '../desired/version-plan.js'
import { buildVersionRevision } from '../desired/version-revision.js'
import { parseSnapshot, type VersionSnapshot } from '../desired/version-snapshot.js'
import { applyOwn, isOwn } from '../kube/own-objects.js'
import type { AppObjects, Revision } from './cluster-view.js'
import { nextRevision } from './known-versions.js'
import { observeVersion } from './observe-version.js'
import type { PlacedVersion } from './version.js'

/**
 * The contents of these ControllerRevisions. An unreadable one is reported, and its version is left
 * unchanged.
 */
export function readSnapshots(revisions: readonly Revision[]): {
  readonly snapshots: readonly VersionSnapshot[]
  readonly problems: readonly Error[]
} {
  const snapshots: VersionSnapshot[] = []
  const problems: Error[] = []
  for (const revision of revisions) {
    if (revision.metadata.deletionTimestamp !== undefined) continue
    try {
      snapshots.push(parseSnapshot(revision.data))
    } catch (error) {
      if (!isWeaverError(error)) throw error
      problems.push(new Error(`ControllerRevision "${revision.metadata.name}": ${error.message}`, { cause: error }))
    }
  }
  return { snapshots, problems }
}

/**
 * Plans and observes every version. `present` is the current spec; when it is invalid, each version
 * uses its own.
 */
export function observeVersions(
  app: AppIdentity,
  from: {
    readonly snapshots: readonly VersionSnapshot[]
    readonly objects: AppObjects
    readonly present?: WeaverAppSpec
    readonly restart: Restart
  },
): PlacedVersion[] {
  return from.snapshots.map((snapshot) => {
    const plan = planVersion(app, snapshot, from.present ?? snapshot.spec, restartOf(snapshot.versionId, from))
    return { plan, observed: observeVersion(plan, from.objects) }
  })
}

export interface Restart {
  /** Of the WeaverApp's annotation. */
  readonly restartedAt: string | undefined
  readonly active: string | undefined
}

/**
 * A restart replaces the pods of the active version. Those of a version that is coming or going stay
 * as they are: a preview would lose its readiness in mid-rollout, and a draining one the time for
 * what it has in flight.
 */
function restartOf(
  versionId: string,
  { objects, restart }: { readonly objects: AppObjects; readonly restart: Restart },
): string | undefined {
  const workload = objects.workloads.find((w) => w.metadata.labels?.[LABELS.version] === versionId)
  if (workload === undefined || versionId === restart.active) return restart.restartedAt
  return workload.spec?.template?.metadata?.annotations?.[ANNOTATIONS.restartedAt]
}

/** What a version that was just described is made from. */
export function snapshotOf(made: {
  readonly versionId: string
  readonly spec: WeaverAppSpec
  readonly described: Described & { readonly ok: true }
}): VersionSnapshot {
  const { image, graph } = made.described
  return {
    format: 1,
    versionId: made.versionId,
    spec: made.spec,
    graph,
    imageReference: image.reference,
    ...(image.pinned ? { digest: image.digest } : { whyUnpinned: image.why }),
  }
}

/**
 * Writes the snapshot of a version that was just described. Idempotent: the same version has the
 * same content.
 */
export async function storeSnapshot(
  api: KubeApi,
  app: AppIdentity,
  made: {
    readonly versionId: string
    readonly spec: WeaverAppSpec
    readonly described: Described & { readonly ok: true }
    readonly revisions: readonly Revision[]
    readonly signal: AbortSignal
  },
): Promise<VersionSnapshot> {
  const snapshot = snapshotOf(made)
  const manifest = buildVersionRevision(app, snapshot, nextRevision(made.revisions))
  await applyOwn(api, KINDS.controllerRevisions, manifest, { signal: made.signal })
  return snapshot
}

/**
 * A live read, for when the cache has no record: the cache may just lag, and describing again costs
 * a pod.
 */
export async function findRevision(
  api: KubeApi,
  app: AppIdentity,
  which: { readonly versionId: string; readonly signal: AbortSignal },
): Promise<Revision | undefined> {
  const revision = await api.get<Revision>(KINDS.controllerRevisions, app.namespace, revisionName(app.name, which.versionId), {
    signal: which.signal,
  })
  const isUsable = revision !== undefined && isOwn(app.uid, revision) && revision.metadata.deletionTimestamp === undefined
  return isUsable && readSnapshots([revision]).snapshots.length === 1 ? revision : undefined
}
