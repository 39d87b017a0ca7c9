/**
 * Verbs as users give them with kubectl: one annotation on the WeaverApp each, which the operator
 * removes when it is carried out.
 */
import { ANNOTATIONS } from '@weaver/crds'
import { isKubeError, KINDS, type KubeApi } from '@weaver/kube'
import { commandNote, verbs, type RolloutCommand, type Verb } from '@weaver/rollout'
import type { AppObject } from './pass-status.js'

type Annotations = Readonly<Record<string, string>>

const GIVEN: Readonly<Record<Verb, string>> = {
  burn: ANNOTATIONS.burn,
  abort: ANNOTATIONS.abort,
  pause: ANNOTATIONS.pause,
  promote: ANNOTATIONS.promote,
  promoteFull: ANNOTATIONS.promoteFull,
  resume: ANNOTATIONS.resume,
  retry: ANNOTATIONS.retry,
}
/** Values that give the command and say nothing about it. */
const BARE = ['', '1', 'true', 'yes']

/** The commands that are given. `false` is not given. */
export function commandsOf(annotations: Annotations = {}): RolloutCommand[] {
  return verbs().flatMap((verb): RolloutCommand[] => {
    const value = annotations[GIVEN[verb]]
    if (value === undefined || value === 'false') return []
    if (BARE.includes(value)) return [{ verb }]
    return [verb === 'burn' ? burnOf(commandNote(value)) : { verb, note: commandNote(value) }]
  })
}

/**
 * Removes the verbs, given or not, that were part of a decision which is stored and remembers them.
 * Where the object has changed since it was read, they stay for the next pass: one may have been
 * given another time.
 * @returns the object as it is then
 */
export async function takeCommandsBack(api: KubeApi, app: AppObject, signal: AbortSignal): Promise<AppObject> {
  const { namespace = '', name, annotations = {}, resourceVersion } = app.metadata
  const there = Object.values(GIVEN).filter((annotation) => annotations[annotation] !== undefined)
  if (there.length === 0) return app
  const metadata = { annotations: Object.fromEntries(there.map((annotation) => [annotation, null])), resourceVersion }
  try {
    return await api.patch<AppObject>(KINDS.weaverApps, namespace, name, { metadata }, { signal })
  } catch (error) {
    if (isKubeError(error, 409)) return app
    throw error
  }
}

/** `VERSION who: why`. A value without a version names one that nobody knows, and burns nothing. */
function burnOf(line: string): RolloutCommand {
  const [version = '', ...rest] = line.split(' ')
  const note = rest.join(' ').trim()
  return { verb: 'burn', version, ...(note === '' ? {} : { note }) }
}
