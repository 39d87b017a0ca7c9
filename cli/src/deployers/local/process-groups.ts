/**
 * Which components of an application share a process on this machine, how many processes of each
 * group there are, in which order they stop. Pure.
 */
import { componentGroupName, resolveGroups, type ResolvedGroup, type WeaverAppSpec } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { formatTomlPath, unknownNameHint, type ConfigProblem } from '../../config/config-problem.js'
import { listenerProblems } from '../../config/listener-problems.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { TomlPath } from '../../config/toml-positions.js'

export type ProcessGroup = Pick<ResolvedGroup, 'name' | 'hosts' | 'calls' | 'listeners' | 'hasMain'> & { readonly replicas: number }

/** As in Service Weaver: what goes wrong only between two replicas shows on the laptop. */
const DEFAULT_REPLICAS = 2

/** What the section of a deployer says of groups. */
export interface GroupSettings {
  /** Name of the section. */
  readonly section: string
  readonly groups?: readonly { readonly name: string; readonly components: readonly string[]; readonly replicas?: number | undefined }[]
  /** Of every group that says nothing itself. @default 2 */
  readonly replicas?: number | undefined
}

export interface DeclaredGroup {
  readonly name: string
  readonly components: readonly string[]
  readonly replicas?: number | undefined
}

/**
 * Groups of a weaver.toml, in its deployer's section and in `colocate`. Reports components that the
 * application does not have, and those in two groups.
 */
export function declareGroups(
  { application, applicationSection }: Pick<WeaverToml, 'application' | 'applicationSection'>,
  graph: ComponentGraph,
  { section, groups = [], report }: GroupSettings & { report(key: TomlPath, message: string, hint: string): void },
): readonly DeclaredGroup[] {
  const known = graph.components.map(({ name }) => name)
  const placed = new Set<string>()
  const place = (components: readonly string[], at: TomlPath): void =>
    components.forEach((name, i) => {
      if (!known.includes(name)) report([...at, i], `the application has no component "${name}"`, unknownNameHint(name, known))
      else if (placed.has(name))
        report([...at, i], `component "${name}" is in another group, too`, 'leave it in one: a component runs in one group')
      placed.add(name)
    })
  const declared: DeclaredGroup[] = []
  groups.forEach((group, i) => {
    if (declared.some((other) => other.name === group.name))
      report([section, 'groups', i, 'name'], `there is another group "${group.name}"`, 'give it a name of its own')
    place(group.components, [section, 'groups', i, 'components'])
    declared.push(group)
  })
  application.colocate?.forEach((components, i) => {
    place(components, [applicationSection, 'colocate', i])
    declared.push({ name: componentGroupName(components[0] ?? '', declared.map(({ name }) => name)), components }) // prettier-ignore
  })
  return declared
}

/** What the section of a deployer without host names says of groups, and what is wrong with it and with its listeners. */
export function declareSection(
  section: 'multi' | 'ssh',
  config: WeaverToml,
  graph: ComponentGraph,
): { readonly declared: readonly DeclaredGroup[]; readonly problems: readonly ConfigProblem[] } {
  const problems: ConfigProblem[] = []
  const declared = declareGroups(config, graph, {
    section,
    groups: config[section].groups ?? [],
    report: (key, message, hint) => void problems.push({ ...config.position(key), key: formatTomlPath(key), message, hint }),
  })
  return { declared, problems: [...problems, ...listenerProblems(config, graph, section)] }
}

/**
 * All groups of the application, sorted by name: those that are declared, and one for each
 * component that is in none.
 */
export function processGroups(
  declared: readonly DeclaredGroup[],
  graph: ComponentGraph,
  replicas: number = DEFAULT_REPLICAS,
): readonly ProcessGroup[] {
  const replicasOf = new Map(declared.map((group) => [group.name, group.replicas]))
  const groups = resolveGroups({ groups: declared as unknown as WeaverAppSpec['groups'] }, graph) // names and components are all that it reads
  return groups.map(({ name, hosts, calls, listeners, hasMain }) => ({
    name,
    hosts,
    calls,
    listeners,
    hasMain,
    replicas: replicasOf.get(name) ?? replicas,
  }))
}

/**
 * The order in which groups stop: a wave when everything before it has ended, callers before those
 * they call, because what a caller still answers needs them. Groups that call each other in a
 * circle stop together, and with them those that only they call.
 */
export function stopWaves(groups: readonly ProcessGroup[]): readonly (readonly string[])[] {
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
