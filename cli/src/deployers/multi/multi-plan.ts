/** What `weaver multi` runs of an application: which components share a process, how many processes of each there are, in which order they stop. Pure. */
import { componentGroupName, resolveGroups, type ResolvedGroup, type WeaverAppSpec } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { configInvalid, formatTomlPath, unknownNameHint, type ConfigProblem } from '../../config/config-problem.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { TomlPath } from '../../config/toml-positions.js'
import { parseAddress } from './listener-address.js'

export type MultiGroup = Pick<ResolvedGroup, 'name' | 'hosts' | 'calls' | 'listeners' | 'hasMain'> & { readonly replicas: number }

export interface MultiPlan {
  /** Sorted by name. */
  readonly groups: readonly MultiGroup[]
  /** Of each listener of the application, by name; absent: any free port. */
  readonly addresses: Readonly<Record<string, string | undefined>>
}

/** As in Service Weaver: what goes wrong only between two replicas shows on the laptop. */
const DEFAULT_REPLICAS = 2

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` for names that the application does not have, and components in two groups */
export function planMulti(config: WeaverToml, graph: ComponentGraph): MultiPlan {
  const { application, applicationSection, multi } = config
  const problems: ConfigProblem[] = []
  const report = (key: TomlPath, message: string, hint: string): void =>
    void problems.push({ ...config.position(key), key: formatTomlPath(key), message, hint })
  const known = graph.components.map(({ name }) => name)
  const placed = new Set<string>()
  const place = (components: readonly string[], at: TomlPath): void =>
    components.forEach((name, i) => {
      if (!known.includes(name)) report([...at, i], `the application has no component "${name}"`, unknownNameHint(name, known))
      else if (placed.has(name))
        report([...at, i], `component "${name}" is in another group, too`, 'leave it in one: a component runs in one group')
      placed.add(name)
    })
  const declared: { readonly name: string; readonly components: readonly string[]; readonly replicas?: number | undefined }[] = []
  multi.groups?.forEach(({ name, components, replicas }, i) => {
    if (declared.some((other) => other.name === name))
      report(['multi', 'groups', i, 'name'], `there is another group "${name}"`, 'give it a name of its own')
    place(components, ['multi', 'groups', i, 'components'])
    declared.push({ name, components, replicas })
  })
  application.colocate?.forEach((components, i) => {
    place(components, [applicationSection, 'colocate', i])
    declared.push({ name: componentGroupName(components[0] ?? '', declared.map(({ name }) => name)), components }) // prettier-ignore
  })
  const listeners = graph.components.flatMap((component) => component.listeners)
  for (const [name, { address }] of Object.entries(multi.listeners ?? {})) {
    const at = ['multi', 'listeners', name]
    if (!listeners.includes(name)) report(at, `the application has no listener "${name}"`, unknownNameHint(name, listeners))
    if (address !== undefined && parseAddress(address) === undefined)
      report([...at, 'address'], `"${address}" is not an address`, 'write it as "localhost:8080", with port 0 for any free one')
  }
  if (problems.length > 0) throw configInvalid(config.file, problems)

  const replicasOf = new Map(declared.map(({ name, replicas }) => [name, replicas]))
  const groups = resolveGroups({ groups: declared as unknown as WeaverAppSpec['groups'] }, graph) // names and components are all that it reads
  return {
    groups: groups.map(({ name, hosts, calls, listeners, hasMain }) => ({
      name,
      hosts,
      calls,
      listeners,
      hasMain,
      replicas: replicasOf.get(name) ?? multi.replicas ?? DEFAULT_REPLICAS,
    })),
    addresses: Object.fromEntries(listeners.map((name) => [name, multi.listeners?.[name]?.address])),
  }
}

/**
 * The order in which groups stop: a wave when everything before it has ended, callers before those they call, because what a caller still answers needs them.
 * Groups that call each other in a circle stop together, and with them
 * those that only they call.
 */
export function stopWaves(groups: readonly MultiGroup[]): readonly (readonly string[])[] {
  const waves: string[][] = []
  let left = [...groups]
  while (left.length > 0) {
    const free = left.filter((group) => !left.some((other) => other !== group && other.calls.some((name) => group.hosts.includes(name))))
    const wave = free.length > 0 ? free : left
    waves.push(wave.map(({ name }) => name))
    left = left.filter((group) => !wave.includes(group))
  }
  return waves
}
