/** The two ends of a rollout: its version becomes the active one, or is given up. */
import { emit, resetProgress, retire, type Draft } from './draft.js'
import type { RolloutEvent } from './events.js'

export function becomeActive(draft: Draft, version: string): void {
  const { state } = draft
  const from = state.active
  state.active = version
  delete state.preview
  resetProgress(draft)
  if (from !== undefined) retire(draft, from, { served: true })
  emit(draft, { kind: 'Promoted', version, ...(from === undefined ? {} : { from }) })
}

/** R7. Retires the preview. `event` gets the version that has all traffic, if there is one. */
export function giveUp(draft: Draft, event: (active: { readonly active?: string }) => RolloutEvent): void {
  const { state } = draft
  const { preview = '', active } = state
  state.failed = [...new Set([...state.failed, preview])]
  retire(draft, preview)
  resetProgress(draft)
  emit(draft, event(active === undefined ? {} : { active }))
}
