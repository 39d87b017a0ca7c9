import { earlierVersionIdOf, isSameVersion, versionIdOf, type WeaverAppSpec } from '@weaver/crds'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import type { RolloutState } from '@weaver/rollout'

/**
 * The id of the version that a spec asks for. An existing version keeps its id whichever release
 * created it, so an operator with a different rule for ids starts no rollout: a version is
 * recognised by what it was made from. Under an earlier rule two versions could be equal; then the
 * one with traffic is meant, unless the other was being rolled out when the operator was replaced.
 * @param state of the rollout: `failed` may name versions that no longer exist.
 */
export function versionOfSpec(
  spec: WeaverAppSpec,
  known: { readonly snapshots: readonly VersionSnapshot[]; readonly state: RolloutState | undefined },
): string {
  const { active, preview, failed = [], burned = [] } = known.state ?? {}
  const earlier = earlierVersionIdOf(spec)
  if (failed.includes(earlier) || burned.includes(earlier)) return earlier
  const same = known.snapshots.filter((s) => isSameVersion(s.spec, spec)).map((s) => s.versionId)
  const candidates = [...(preview === earlier ? [earlier] : []), active, preview, versionIdOf(spec), earlier]
  return candidates.find((id) => id !== undefined && same.includes(id)) ?? same.at(-1) ?? versionIdOf(spec)
}
