/**
 * Known versions are more than live ones: the record of a version, its ControllerRevision, outlives its
 * objects, so that the version can come back as it was without its image being described again.
 *
 * I1  A record without the mark `retired` is a live version's: objects, account and credentials may exist.
 * I2  The mark comes last in a removal, where the record was deleted before; so a removal that broke off
 *     is taken up again.
 * I3  A version of which no digest is known is not kept: its tag may name another build by now.
 */
import { ANNOTATIONS, LABELS, revisionName } from '@weaver/crds'
import type { AppIdentity } from '../desired/manifest.js'
import { buildVersionRevision } from '../desired/version-revision.js'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import type { KubeApi, KubeObject } from '../kube/kube-api.js'
import { KINDS } from '../kube/kinds.js'
import { applyOwn, isOwn } from '../kube/own-objects.js'
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

/** I3 */
export function isKept(snapshot: VersionSnapshot, limit: number): boolean {
  return limit > 0 && snapshot.digest !== undefined
}

/** Deletes the records of retired versions beyond the limit. `live`: versions that are live, whatever the cache still shows of their records. */
export async function forgetRevisions(
  api: KubeApi,
  revisions: readonly Revision[],
  which: { readonly live: readonly string[]; readonly limit: number; readonly signal: AbortSignal },
): Promise<void> {
  const { live, limit, signal } = which
  const retired = revisions.filter((r) => !live.includes(versionOf(r) ?? ''))
  for (const { metadata } of expiredRevisions(retired, limit)) {
    const { namespace = '', name, uid } = metadata
    await api.delete(KINDS.controllerRevisions, namespace, name, { signal, ...(uid === undefined ? {} : { uid }) })
  }
}

/** Records of retired versions beyond the limit, those made longest ago. */
export function expiredRevisions(revisions: readonly Revision[], limit: number): Revision[] {
  return revisions
    .filter((r) => isRetired(r) && r.metadata.deletionTimestamp === undefined)
    .sort((a, b) => (b.revision ?? 0) - (a.revision ?? 0))
    .slice(limit)
}

/** Marks the record of a version as retired. Idempotent; one that another has taken is left alone. */
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
