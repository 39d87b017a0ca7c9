/** What lies under each version of an application: what the analysis says, its groups, and their pods. */
import { LABELS, type VersionStatus } from '@weaver/crds'
import type { Style } from '../../print/output.js'
import type { Pod } from './pod.js'

/** Lines to go under the row of a version. @param pods of the application */
export function linesUnder(version: VersionStatus, pods: readonly Pod[], style: Style): readonly string[] {
  const own = pods.filter(({ metadata }) => metadata.labels?.[LABELS.version] === version.id)
  const groupOf = ({ metadata }: Pod): string => metadata.labels?.[LABELS.group] ?? ''
  const groups = [...new Set(own.map(groupOf))].sort()
  const { analysis } = version
  const nodes: readonly Node[] = [
    ...(analysis === undefined ? [] : [{ text: `analysis ${colourVerdict(analysis.state, style)}: ${analysis.reason}`, under: [] }]),
    ...groups.map((group) => {
      const members = own.filter((pod) => groupOf(pod) === group)
      const ready = members.filter(isReady).length
      const count = `${ready}/${members.length} ready`
      return {
        text: `${group}  ${ready === members.length ? count : style.yellow(count)}`,
        under: members.map((pod) => `${pod.metadata.name}  ${stateOf(pod, style)}`).sort(),
      }
    }),
  ]
  return nodes.flatMap(({ text, under }, i) => {
    const isLast = i === nodes.length - 1
    return [
      `    ${isLast ? '└─' : '├─'} ${text}`,
      ...under.map((leaf, j) => `    ${isLast ? ' ' : '│'}  ${j === under.length - 1 ? '└─' : '├─'} ${leaf}`),
    ]
  })
}

interface Node {
  readonly text: string
  readonly under: readonly string[]
}

function isReady({ metadata, status }: Pod): boolean {
  const containers = status?.containerStatuses ?? []
  return metadata.deletionTimestamp === undefined && containers.length > 0 && containers.every(({ ready }) => ready === true)
}

function stateOf(pod: Pod, style: Style): string {
  const { metadata, status } = pod
  const containers = status?.containerStatuses ?? []
  const restarts = containers.reduce((sum, { restartCount }) => sum + restartCount, 0)
  const waiting = containers.flatMap(({ state }) => (state?.['waiting'] as { readonly reason?: string } | undefined)?.reason ?? [])[0] // a ContainerState
  const how =
    metadata.deletionTimestamp !== undefined
      ? 'ending'
      : isReady(pod)
        ? 'ready'
        : (waiting ?? (status?.phase === 'Running' ? 'running, not ready' : (status?.phase ?? 'Pending').toLowerCase()))
  const text = `${how}${restarts === 0 ? '' : `, ${restarts} restart${restarts === 1 ? '' : 's'}`}`
  return isReady(pod) ? text : style.yellow(text)
}

function colourVerdict(state: string, style: Style): string {
  if (state === 'Failed') return style.red(state)
  return state === 'Passing' ? style.green(state) : style.yellow(state)
}
