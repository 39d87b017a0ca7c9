import { parseJsonLine } from '@weaver/sdk/contract'
import { containerOf, unschedulable, type Pod } from '../describe/pod-view.js'
import type { PlannedGroup } from '../desired/version-plan.js'
import { APP_CONTAINER } from '../desired/workload.js'
import type { Workload } from './cluster-view.js'

const NAMED_COMPONENTS = 3
const MESSAGE_LENGTH = 240
/** Our errors end with what to do. */
const ERROR_LENGTH = 600

/**
 * Why a group is not ready, for people: its components, the worst pod and the reason. Pods are
 * ordered worst first, so that one crash loop is not hidden behind nine pods that are starting.
 */
export function blameGroup(group: PlannedGroup, pods: readonly Pod[], workload: Workload | undefined): string {
  const shown = group.components.slice(0, NAMED_COMPONENTS).map((c) => `"${c}"`)
  const more = group.components.length - shown.length
  const who = `component${group.components.length === 1 ? '' : 's'} ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const found = pods
    .filter((p) => p.metadata.deletionTimestamp === undefined)
    .map((pod) => ({ pod, ...podTrouble(pod) }))
    .filter((t) => t.rank > 0)
    .sort((a, b) => b.rank - a.rank || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1))[0]
  if (found !== undefined) return `${who}: pod "${found.pod.metadata.name}": ${found.why}`
  const failure = workload?.status?.conditions?.find((c) => c.type === 'ReplicaFailure' && c.status === 'True')
  if (failure !== undefined)
    return `${who}: Deployment "${group.workloadName}" cannot create pods: ${failure.reason ?? ''}: ${cut(failure.message)}`
  return workload === undefined
    ? `${who}: Deployment "${group.workloadName}" is not there yet`
    : `${who}: Deployment "${group.workloadName}" has no ready pod yet`
}

/**
 * Groups that are not ready, first those that wait for none of the others: a start waits for the
 * components that it refers to, except by a lazy ref.
 */
export function rootsFirst(unready: readonly PlannedGroup[]): readonly PlannedGroup[] {
  const isWaiting = (group: PlannedGroup): boolean =>
    group.needs.some((component) => unready.some((other) => other !== group && other.components.includes(component)))
  return [...unready.filter((group) => !isWaiting(group)), ...unready.filter(isWaiting)]
}

/** Reason first, then what the kubelet says; `rank` 0: the pod is ready. */
function podTrouble(pod: Pod): { readonly rank: number; readonly why: string } {
  const container = containerOf(pod, APP_CONTAINER)
  const waiting = container?.state?.waiting
  const last = container?.lastState?.terminated ?? container?.state?.terminated
  const exit =
    last === undefined
      ? ''
      : `; it ended with ${last.reason ?? 'Error'}, exit code ${last.exitCode ?? '?'}${last.message === undefined ? '' : `: ${lastWords(last.message)}`}`
  const restarts = (container?.restartCount ?? 0) > 0 ? ` (${container?.restartCount} restarts)` : ''
  if (waiting?.reason === 'CrashLoopBackOff') return { rank: 9, why: `CrashLoopBackOff${restarts}${exit}` }
  if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating' && waiting.reason !== 'PodInitializing')
    return { rank: 8, why: `${waiting.reason}: ${cut(waiting.message)}` }
  if (pod.status?.phase === 'Failed') return { rank: 7, why: `${pod.status.reason ?? 'Failed'}: ${cut(pod.status.message)}${exit}` }
  if (container?.state?.terminated !== undefined) return { rank: 6, why: `Terminated${exit}` }
  const unplaced = unschedulable(pod)
  if (unplaced !== undefined) return { rank: 5, why: `Unschedulable: ${cut(unplaced)}` }
  if (container?.state?.running !== undefined && container.ready !== true)
    return {
      rank: 4,
      why:
        container.started === false
          ? `NotStarted${restarts}: it runs but does not answer on its health port yet${exit}`
          : `ReadinessProbeFailing${restarts}: it runs but does not report ready${exit}`,
    }
  if (waiting !== undefined)
    return { rank: 2, why: waiting.message === undefined ? `${waiting.reason}` : `${waiting.reason}: ${cut(waiting.message)}` }
  const ready = pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
  return ready ? { rank: 0, why: '' } : { rank: 1, why: `${pod.status?.phase ?? 'Pending'}: not ready yet` }
}

/**
 * Why a process ended: the last error among the lines of its log, which is what the kubelet keeps
 * of one that failed; otherwise all that was kept.
 */
function lastWords(message: string): string {
  const error = message
    .split('\n')
    .flatMap((line) => parseJsonLine(line) ?? [])
    .findLast(({ level }) => level === 'error')
  if (error === undefined) return cut(message)
  const { code, err } = error.attributes as { readonly code?: unknown; readonly err?: { readonly message?: unknown } | null } // any JSON: asked below
  const cause = typeof err?.message === 'string' ? `: ${err.message}` : ''
  return cut(`${typeof code === 'string' ? `${code}: ` : ''}${error.message}${cause}`, ERROR_LENGTH)
}

function cut(text: string | undefined, length = MESSAGE_LENGTH): string {
  const line = (text ?? 'no message').trim().replace(/\s+/g, ' ')
  return line.length <= length ? line : `${line.slice(0, length)}…`
}
