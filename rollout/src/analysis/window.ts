import type { RolloutState } from '../types.js'

/**
 * Identifies the time during which a preview is compared with the active version: one stay at one
 * step, and a new one after a user resumes a halted rollout. `undefined`: there is nothing to
 * compare, because one of the two has no traffic.
 */
export function windowOf(state: RolloutState | undefined): string | undefined {
  if (state === undefined) return undefined
  const { active, preview, step, stepWeight = 0, windows = 0 } = state
  if (active === undefined || preview === undefined || step < 0 || stepWeight <= 0 || stepWeight >= 100) return undefined
  return [active, preview, step, windows].join('/')
}
