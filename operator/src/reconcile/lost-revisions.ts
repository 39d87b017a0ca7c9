/**
 * Records of versions that someone deleted. Without its record a version is in no plan, and its objects would be left for ever; so one that this operator has seen
 * is made again as it was. One that it has not seen is described anew, if the spec asks for it.
 */
import type { AppIdentity } from '../desired/manifest.js'
import { buildVersionRevision } from '../desired/version-revision.js'
import { parseSnapshot } from '../desired/version-snapshot.js'
import type { KubeApi } from '../kube/kube-api.js'
import { KINDS } from '../kube/kinds.js'
import { applyOwn } from '../kube/own-objects.js'
import type { RolloutState } from '@weaver/rollout'
import type { Revision } from './cluster-view.js'
import { isRetired, versionOf } from './known-versions.js'

/** Records of versions that the engine counts on, known and not found. A version whose objects are being removed loses its record last, and by us. */
export function lostRevisions(
  found: readonly Revision[],
  from: { readonly known: ReadonlyMap<string, Revision>; readonly state: RolloutState | undefined },
): Revision[] {
  const { active, preview, draining = [], removing = [] } = from.state ?? {}
  const counted = new Set([active, preview, ...draining.map((d) => d.id)].filter((id) => id === undefined || !removing.includes(id)))
  const isLive = (id: string) => found.some((r) => versionOf(r) === id && !isRetired(r))
  // Known are also those that retired lately: a version that the rollout takes up again has its record marked until now.
  const records = new Map([...found.filter(isRetired).map((r) => [versionOf(r) ?? '', r] as const), ...from.known])
  return [...records].flatMap(([id, revision]) => (counted.has(id) && !isLive(id) ? [revision] : []))
}

export async function restoreRevisions(
  api: KubeApi,
  app: AppIdentity,
  which: { readonly lost: readonly Revision[]; readonly signal: AbortSignal },
): Promise<Revision[]> {
  return Promise.all(
    which.lost.map(({ data, revision }) =>
      applyOwn<Revision>(api, KINDS.controllerRevisions, buildVersionRevision(app, parseSnapshot(data), revision ?? 1), {
        signal: which.signal,
      }),
    ),
  )
}
