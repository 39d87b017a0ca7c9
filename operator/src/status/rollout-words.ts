/** What the rollout engine reports as data, in the words of conditions, events and history. */
import { ROLLOUT_TERMS, type Reason } from '@weaver/crds'
import {
  isWarning,
  wordAwaited as inWords,
  wordEvent as messageOf,
  type Awaited,
  type RolloutDecision,
  type RolloutEvent,
} from '@weaver/rollout'

/** A transition as it appears in events, history and the log. */
export interface WordedEvent {
  readonly type: 'Normal' | 'Warning'
  /** Each kind of the engine is a reason of `crds`. */
  readonly reason: Reason & RolloutEvent['kind']
  readonly version: string
  readonly message: string
}
/** A decision as people read it. */
export interface WordedDecision extends Omit<RolloutDecision, 'awaited' | 'events'> {
  /** Exactly what is awaited; absent when nothing is. */
  readonly waitingFor?: string
  readonly events: readonly WordedEvent[]
}

export function wordDecision({ awaited, events, ...rest }: RolloutDecision): WordedDecision {
  return { ...rest, ...(awaited === undefined ? {} : { waitingFor: wordAwaited(awaited) }), events: events.map(wordEvent) }
}

export function wordEvent(event: RolloutEvent): WordedEvent {
  return {
    type: isWarning(event) ? 'Warning' : 'Normal',
    reason: event.kind,
    version: event.version,
    message: messageOf(event, ROLLOUT_TERMS),
  }
}

export function wordAwaited(awaited: Awaited): string {
  return inWords(awaited, ROLLOUT_TERMS)
}
