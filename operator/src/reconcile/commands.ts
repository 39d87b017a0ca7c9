/**
 * Verbs as users give them with kubectl: one annotation on the WeaverApp each, which the operator
 * removes when it is carried out.
 */
import { ANNOTATIONS } from '@weaver/crds'
import { verbs, type RolloutCommand, type Verb } from '@weaver/rollout'

type Annotations = Readonly<Record<string, string>>

/** One line a verb: its annotation, and the command that a value means. */
const GIVEN: {
  readonly [V in Verb]: { readonly annotation: string; readonly read: (value: string) => Extract<RolloutCommand, { verb: V }> }
} = {
  abort: { annotation: ANNOTATIONS.abort, read: () => ({ verb: 'abort' }) },
  promote: { annotation: ANNOTATIONS.promote, read: () => ({ verb: 'promote' }) },
}

/** The commands that are given. `false` is not given. */
export function commandsOf(annotations: Annotations = {}): RolloutCommand[] {
  return verbs().flatMap((verb): RolloutCommand[] => {
    const { annotation, read } = GIVEN[verb]
    const value = annotations[annotation]
    return value === undefined || value === 'false' ? [] : [read(value)]
  })
}

/** Annotations of verbs that are there, given or not. */
export function commandAnnotations(annotations: Annotations = {}): string[] {
  return verbs()
    .map((verb) => GIVEN[verb].annotation)
    .filter((a) => annotations[a] !== undefined)
}
