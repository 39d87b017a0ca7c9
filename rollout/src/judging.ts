/** What follows from the analysis of a preview. */
import { windowOf } from './analysis/window.js'
import type { Verdict } from './analysis/verdict.js'
import { emit, presentStep, type Draft } from './draft.js'
import { giveUp } from './outcome.js'

/** R8. Gives up, or halts, a preview that is found to be worse than the active version. */
export function judge(draft: Draft): void {
  const { state, input, now } = draft
  const verdict = verdictOf(draft)
  if (verdict?.kind !== 'fail' || state.preview === undefined) return
  const { preview: version } = state
  const { analysis, onFailure } = input.policy
  const { blame } = verdict
  const isReported = state.condemned !== undefined
  if (analysis?.mode === 'dryRun') {
    if (isReported) return
    state.condemned = blame
    return emit(draft, { kind: 'AnalysisFailed', version, blame })
  }
  const stall = { missing: 'quality', analysis: blame } as const
  if (onFailure === 'rollback') return giveUp(draft, (active) => ({ kind: 'RolloutFailed', version, stall, ...active }))
  if (isReported && state.halted !== undefined) return
  state.condemned = blame
  state.halted = true
  state.waitedMs ??= now - state.progressAt
  emit(draft, { kind: 'RolloutHalted', version, stall })
}

/**
 * R8. Whether the present step may be left as far as the analysis goes; `abort`: too little is
 * known of the preview, and the policy is to give it up then.
 */
export function leave(draft: Draft): 'yes' | 'wait' | 'abort' {
  const { state, input } = draft
  const { analysis } = input.policy
  if (analysis === undefined || analysis.mode === 'dryRun' || analysis.onInconclusive === 'proceed') return 'yes'
  const isPromoted = state.promotedStep === state.step || state.promotedFully === true
  if (windowOf(state) === undefined || presentStep(draft) === undefined || isPromoted) return 'yes'
  const verdict = verdictOf(draft)
  if (verdict?.kind === 'pass') return 'yes'
  // That nobody could look says nothing of the version.
  const isShort = verdict?.kind === 'inconclusive' && verdict.why === 'samples'
  return analysis.onInconclusive === 'abort' && isShort ? 'abort' : 'wait'
}

/** What is known of the present window; `undefined`: nothing yet. */
export function verdictOf({ state, input }: Draft): Verdict | undefined {
  const { analysis, policy } = input
  if (policy.analysis === undefined || analysis === undefined || analysis.window !== windowOf(state)) return undefined
  return analysis.verdict
}
