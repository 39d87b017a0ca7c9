import type { WeaverAppStatus } from '@weaver/crds'
import type { WordedEvent } from '../status/rollout-words.js'

export type RolloutOutcome = 'promoted' | 'failed' | 'aborted' | 'superseded' | 'rolled-back'
export interface RolloutEnd {
  readonly version: string
  readonly outcome: RolloutOutcome
  /** From the start of the version to this end. */
  readonly seconds: number
}

const OUTCOMES: Readonly<Partial<Record<WordedEvent['reason'], RolloutOutcome>>> = {
  Promoted: 'promoted',
  RolloutFailed: 'failed',
  RolloutAborted: 'aborted',
  Superseded: 'superseded',
  RolledBack: 'rolled-back',
}

/**
 * The rollouts that ended with the events of one pass. The start is looked up in the history of the
 * status, so that a change of leader does not hide it; a rollout whose start has left the history
 * (50 entries) is not reported.
 * @param status the one with these events.
 * @param now Epoch milliseconds.
 */
export function rolloutEnds(status: WeaverAppStatus, events: readonly WordedEvent[], now: number): RolloutEnd[] {
  return events.flatMap(({ reason, version }): RolloutEnd[] => {
    const outcome = OUTCOMES[reason]
    // A first version that failed may still become ready.
    if (outcome === undefined || version === undefined || status.preview === version) return []
    const start = status.history?.findLast((h) => h.event === 'RolloutStarted' && h.version === version)
    return start === undefined ? [] : [{ version, outcome, seconds: Math.max(0, now - Date.parse(start.at)) / 1000 }]
  })
}
