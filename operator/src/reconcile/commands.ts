/**
 * Verbs as users give them with kubectl: one annotation on the WeaverApp each, which the operator
 * removes when it is carried out.
 */
import { ANNOTATIONS } from '@weaver/crds'
import { verbs, type RolloutCommand, type Verb } from '@weaver/rollout'

type Annotations = Readonly<Record<string, string>>

const GIVEN: Readonly<Record<Verb, string>> = {
  abort: ANNOTATIONS.abort,
  pause: ANNOTATIONS.pause,
  promote: ANNOTATIONS.promote,
  promoteFull: ANNOTATIONS.promoteFull,
  resume: ANNOTATIONS.resume,
  retry: ANNOTATIONS.retry,
}
/** Values that give the command and say nothing about it. */
const BARE = ['', '1', 'true', 'yes']
/** A note is repeated in status, events and the log. */
const MAX_NOTE = 200

/** The commands that are given. `false` is not given. */
export function commandsOf(annotations: Annotations = {}): RolloutCommand[] {
  return verbs().flatMap((verb): RolloutCommand[] => {
    const value = annotations[GIVEN[verb]]
    if (value === undefined || value === 'false') return []
    return [{ verb, ...(BARE.includes(value) ? {} : { note: noteOf(value) }) }]
  })
}

/** Annotations of verbs that are there, given or not. */
export function commandAnnotations(annotations: Annotations = {}): string[] {
  return verbs()
    .map((verb) => GIVEN[verb])
    .filter((a) => annotations[a] !== undefined)
}

/** One line, of a length that an event can carry. */
function noteOf(value: string): string {
  const line = value.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  return line.length <= MAX_NOTE ? line : `${line.slice(0, MAX_NOTE - 1)}…`
}
