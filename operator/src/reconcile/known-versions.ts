/**
 * Known versions are more than live ones: the record of a version, its ControllerRevision, outlives
 * its objects, so that the version can return unchanged without describing its image again.
 *
 * I1  A record without the mark `retired` is a live version's: objects, account and credentials may
 *     exist.
 * I2  The mark comes last in a removal, so a removal that was interrupted is resumed.
 * I3  A version without a known digest is not kept: its tag may name another build by now.
 */
import { ANNOTATIONS, LABELS, revisionName } from '@weaver/crds'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import type { AppIdentity } from '../desired/manifest.js'
import { buildVersionRevision } from '../desired/version-revision.js'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import { applyOwn, isOwn } from '../kube/own-objects.js'
import type { RolloutState } from '@weaver/rollout'
import type { Revision } from './cluster-view.js'

export function versionOf({ metadata }: Revision): string | undefined {
  return metadata.labels?.[LABELS.version]
}

export function isRetired({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ANNOTATIONS.retired] !== undefined
}

/** The number of the next record, higher than any before it. */
export function nextRevision(revisions: readonly Revision[]): number {
  return 1 + Math.max(0, ...revisions.map((r) => r.revision ?? 0))
}

/** The ids of known versions, oldest first. */
export function inOrder(revisions: readonly Revision[]): string[] {
  return [...revisions].sort((a, b) => (a.revision ?? 0) - (b.revision ?? 0)).flatMap((r) => versionOf(r) ?? [])
}

/** I3 */
export function isKept(snapshot: VersionSnapshot, limit: number): boolean {
  return limit > 0 && snapshot.digest !== undefined
}

/** What decides which records stay. */
export interface RevisionHistory {
  /** How many retired versions stay known. */
  readonly limit: number
  /** Versions that have a plan, whatever the cache still shows for their records. */
  readonly live: readonly string[]
  /** The version that the spec asks for. */
  readonly desired?: string | undefined
  readonly state?: RolloutState | undefined
}

/** Deletes the records of retired versions beyond the limit. */
export async function forgetRevisions(
  api: KubeApi,
  revisions: readonly Revision[],
  history: RevisionHistory & { readonly signal: AbortSignal },
): Promise<void> {
  const { signal } = history
  for (const { metadata } of expiredRevisions(revisions, history)) {
    const { namespace = '', name, uid } = metadata
    await api.delete(KINDS.controllerRevisions, namespace, name, { signal, ...(uid === undefined ? {} : { uid }) })
  }
}

/**
 * Records of retired versions beyond the limit, those that retired longest ago; the number orders
 * two of one moment. A version that is asked for or rolled out keeps its record and is not counted:
 * it may be retired for a pass or two, until its objects are gone and it becomes live again.
 */
export function expiredRevisions(revisions: readonly Revision[], { limit, live, desired, state }: RevisionHistory): Revision[] {
  const counted = [...live, desired, state?.preview, state?.active].filter((id) => id !== undefined)
  return revisions
    .filter((r) => isRetired(r) && r.metadata.deletionTimestamp === undefined && !counted.includes(versionOf(r) ?? ''))
    .sort((a, b) => retiredAt(b) - retiredAt(a) || (b.revision ?? 0) - (a.revision ?? 0))
    .slice(limit)
}

/** Epoch milliseconds; 0 when the annotation is not a time. */
function retiredAt({ metadata }: Revision): number {
  return Date.parse(metadata.annotations?.[ANNOTATIONS.retired] ?? '') || 0
}

/**
 * Marks the record of a version as retired. Idempotent; an object of others with that name is left
 * alone.
 */
export async function retireRevision(
  api: KubeApi,
  app: AppIdentity,
  version: { readonly snapshot: VersionSnapshot; readonly at: string; readonly signal: AbortSignal },
): Promise<void> {
  const { snapshot, at, signal } = version
  const live = await api.get<Revision>(KINDS.controllerRevisions, app.namespace, revisionName(app.name, snapshot.versionId), { signal })
  if (live !== undefined && (isRetired(live) || !isOwn(app.uid, live))) return
  const manifest = buildVersionRevision(app, snapshot, live?.revision ?? 1, at)
  await applyOwn(api, KINDS.controllerRevisions, manifest, { live: live ?? 'absent', signal })
}

/** Makes a retired version live again: its record loses the mark and gets the newest number. */
export async function reviveRevision(
  api: KubeApi,
  app: AppIdentity,
  version: { readonly snapshot: VersionSnapshot; readonly all: readonly Revision[]; readonly signal: AbortSignal },
): Promise<void> {
  const manifest = buildVersionRevision(app, version.snapshot, nextRevision(version.all))
  await applyOwn(api, KINDS.controllerRevisions, manifest, { signal: version.signal })
}
