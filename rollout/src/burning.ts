/**
 * Burning: versions that get no traffic any more, from this decision on and for good. It overrides
 * whatever would keep them: a pause, a hold, the drain, the policy's `retain`.
 */
import { emit, isBurned, resetProgress, retire, view, type Draft } from './draft.js'
import type { BurnRefusal } from './events.js'
import { becomeActive } from './outcome.js'
import type { RolloutCommand, RolloutInput, RolloutState } from './types.js'

/** What is known of an application's versions, as far as their order goes. */
export interface VersionOrder extends Pick<RolloutInput, 'desired' | 'known'> {
  readonly state: Pick<RolloutState, 'active' | 'failed'> | undefined
}

/**
 * The versions that a command burns, oldest first: the one that it names and all older ones; without
 * a name all but the one asked for. The active version counts as newer than all that it has
 * replaced, whenever they were made, and one that is asked for as newer than that.
 */
export function versionsToBurn({ desired, known = [], state }: VersionOrder, version?: string): readonly string[] | BurnRefusal {
  const coming = state?.failed.includes(desired) === true ? undefined : desired
  const { active } = state ?? {}
  const newest = [active === coming ? undefined : active, coming].filter((id) => id !== undefined)
  const order = [...known.filter((id) => !newest.includes(id)), ...newest]
  if (version !== undefined) return order.includes(version) ? order.slice(0, order.indexOf(version) + 1) : 'unknown'
  if (coming === undefined) return 'failed'
  return order.length === 1 ? 'alone' : order.slice(0, -1)
}

/** Burns what a command names. Without effect where all of it is burned. */
export function burn(draft: Draft, { version, versions, note }: Pick<RolloutCommand, 'version' | 'versions' | 'note'>): void {
  const { state, input, now } = draft
  const { desired } = input
  const noted = note === undefined ? {} : { note }
  const seen = input.versions.map(({ id }) => id)
  const known = [...new Set([...(input.known ?? []), ...state.draining.map(({ id }) => id), ...seen])]
  const found = versions ?? versionsToBurn({ desired, known, state }, version)
  if (typeof found === 'string') return emit(draft, { kind: 'BurnRefused', version: version ?? desired, why: found, ...noted })
  const burned = found.filter((id) => !isBurned(draft, id))
  const newest = found.at(-1)
  if (burned.length === 0 || newest === undefined) return
  state.burned = [...(state.burned ?? []), ...burned]
  // What was retained, or has served, is let go like everything else; its time runs from now on.
  state.draining = state.draining.map((d) => (burned.includes(d.id) ? { id: d.id, since: now } : d))
  if (burned.includes(desired) && !state.failed.includes(desired)) state.failed = [...state.failed, desired]
  const stays = { kind: 'VersionBurned', version: newest, older: found.length - 1, ...noted } as const
  const hadActive = state.active
  dropBurned(draft)
  const instead = state.active ?? state.preview
  emit(draft, {
    ...stays,
    ...(instead === undefined ? {} : { left: instead, leftServes: view(draft, instead).servable }),
  })
  if (hadActive !== undefined && state.active === undefined && state.preview !== undefined) takeOver(draft, state.preview)
}

/**
 * Takes burned versions out of the rollout; also those that a state names which another release has
 * written.
 */
export function dropBurned(draft: Draft): void {
  const { state } = draft
  const { active, preview } = state
  if (preview !== undefined && isBurned(draft, preview)) {
    retire(draft, preview)
    resetProgress(draft)
  }
  if (active !== undefined && isBurned(draft, active)) {
    delete state.active
    retire(draft, active)
  }
}

/** The preview is what is left: it has all traffic as soon as it can serve, whatever held it back. */
function takeOver(draft: Draft, preview: string): void {
  resetProgress(draft)
  if (view(draft, preview).servable) becomeActive(draft, preview)
}
