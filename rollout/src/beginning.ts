/** The beginning of a rollout. */
import { emit, resetProgress, type Draft } from './draft.js'
import type { DrainingVersion } from './types.js'

/**
 * R6, R7, R9. Makes the version that the spec asks for the preview, unless it is active, failed or
 * still being deleted.
 * @param note who asked for it and why, when it was not the spec alone
 */
export function startRollout(draft: Draft, note: { readonly note?: string } = {}): void {
  const { state } = draft
  const { desired } = draft.input
  if (desired === state.active || desired === state.preview || state.failed.includes(desired) || state.removing.includes(desired)) return
  const before = state.draining.find((d) => d.id === desired)
  state.preview = desired
  state.draining = state.draining.filter((d) => d.id !== desired)
  resetProgress(draft)
  const returns = before !== undefined && isInRollbackWindow(before, draft) ? (true as const) : undefined
  if (before?.served === true) state.previewServed = true
  if (returns === true) state.promotedFully = true
  emit(draft, {
    kind: 'RolloutStarted',
    version: desired,
    ...(state.active === undefined ? {} : { beside: state.active }),
    ...(returns === undefined ? {} : { returns }),
    ...note,
  })
}

/** R9. */
function isInRollbackWindow({ served, since }: DrainingVersion, { input, now }: Draft): boolean {
  return served === true && now - since < (input.policy.rollbackWindowMs ?? 0)
}
