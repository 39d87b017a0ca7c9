/**
 * Records that the rollout needs and that are not live. Without its record a version is in no plan,
 * and its objects would stay for ever.
 *
 * A deleted record is recreated as it was, if this operator has seen it; otherwise the version is
 * described again, if the spec asks for it. One that is marked as retired belongs to a version that
 * was asked for again while its objects were removed: it becomes the newest.
 */
import { KINDS, type KubeApi } from '@weaver/kube'
import type { AppIdentity } from '../desired/manifest.js'
import { buildVersionRevision } from '../desired/version-revision.js'
import { applyOwn } from '../kube/own-objects.js'
import type { Logger } from '../log/logger.js'
import type { RolloutState } from '@weaver/rollout'
import type { Revision } from './cluster-view.js'
import { isRetired, nextRevision, versionOf } from './known-versions.js'
import { readSnapshots } from './live-versions.js'

/**
 * Records of versions that the engine needs, known and not found. A version whose objects are being
 * removed loses its record last, by the operator's own hand.
 */
export function lostRevisions(
  found: readonly Revision[],
  from: { readonly known: ReadonlyMap<string, Revision>; readonly state: RolloutState | undefined },
): Revision[] {
  const { active, preview, draining = [], removing = [] } = from.state ?? {}
  const counted = new Set([active, preview, ...draining.map((d) => d.id)].filter((id) => id === undefined || !removing.includes(id)))
  const isLive = (id: string) => found.some((r) => versionOf(r) === id && !isRetired(r))
  // What exists outranks what was seen earlier: it distinguishes a retired record from a deleted
  // one.
  const records = new Map([...from.known, ...found.filter(isRetired).map((r) => [versionOf(r) ?? '', r] as const)])
  return [...records].flatMap(([id, revision]) => (counted.has(id) && !isLive(id) ? [revision] : []))
}

/** Makes records live. One that cannot be read is a problem, and its version is left unchanged. */
export async function restoreRevisions(
  api: KubeApi,
  app: AppIdentity,
  which: { readonly lost: readonly Revision[]; readonly found: readonly Revision[]; readonly log: Logger; readonly signal: AbortSignal },
): Promise<{ readonly made: readonly Revision[]; readonly problems: readonly Error[] }> {
  const { lost, found, log, signal } = which
  const made: Revision[] = []
  const problems: Error[] = []
  for (const record of lost) {
    const { snapshots, problems: unreadable } = readSnapshots([record])
    problems.push(...unreadable)
    for (const snapshot of snapshots) {
      const fields = { app: app.name, namespace: app.namespace, version: snapshot.versionId }
      if (isRetired(record)) log.info('a retired version is live again', fields)
      else log.warn('the record of a version was deleted and is made again', fields)
      const revision = isRetired(record) ? nextRevision([...found, ...made]) : (record.revision ?? 1)
      made.push(await applyOwn<Revision>(api, KINDS.controllerRevisions, buildVersionRevision(app, snapshot, revision), { signal }))
    }
  }
  return { made, problems }
}
