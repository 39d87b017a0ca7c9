/** When traffic will move if all goes well: the table that `status` shows. Pure. */
import { policyOf, wavesOf } from './app-rollout.js'
import type { AppState } from './app-state.js'
import type { VersionSpec } from './version-spec.js'

export interface ProjectedRow {
  /** Epoch milliseconds. */
  readonly at: number
  /** By region and version, from 0 to 1. */
  readonly fractions: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/**
 * @returns the present fractions first; nothing when no rollout is under way. A rollout that is
 * paused or waits for a user has no future that is known.
 */
export function projectRollout(
  state: AppState,
  spec: VersionSpec,
  { now, watchingSince }: { readonly now: number; readonly watchingSince: number },
): readonly ProjectedRow[] {
  const { desired, regions, engines } = state
  if (!regions.some((region) => engines[region]?.preview !== undefined)) return []
  const present = Object.fromEntries(regions.map((region) => [region, percentages(engines[region]?.weights ?? {})]))
  const changes: { readonly at: number; readonly region: string; readonly weight: number }[] = []
  const { steps } = policyOf(spec, { isGoingBack: state.isGoingBack === true, paused: false })
  let begin = now
  for (const wave of wavesOf(regions)) {
    let end = begin
    for (const region of wave) {
      const engine = engines[region]
      if (engine?.preview === undefined || engine.active === undefined || engine.halted === true || engine.pausedByUser !== undefined)
        continue
      let at = engine.step < 0 ? begin : Math.max(engine.heldSince ?? now, watchingSince)
      steps.forEach(({ weight, holdMs }, i) => {
        if (i > engine.step) changes.push({ at: Math.max(at, now), region, weight })
        if (i >= engine.step) at += holdMs
      })
      end = Math.max(end, at)
    }
    begin = end
  }
  const rows: ProjectedRow[] = [{ at: now, fractions: present }]
  for (const { at, region, weight } of changes.sort((a, b) => a.at - b.at)) {
    const active = engines[region]?.active ?? ''
    const last = rows.at(-1)?.fractions ?? present
    if (rows.at(-1)?.at === at && rows.length > 1) rows.pop() // two regions of one wave
    rows.push({ at, fractions: { ...last, [region]: { [active]: 1 - weight / 100, [desired]: weight / 100 } } })
  }
  return rows
}

function percentages(weights: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(weights).map(([id, weight]) => [id, weight / 100]))
}
