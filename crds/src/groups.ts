import type { GraphShape } from './graph-shape.js'
import { componentGroupName } from './names.js'
import type { GroupSpec, WeaverAppSpec } from './weaver-app.js'

/** The component that every application has, with its `main()`. */
export const MAIN_COMPONENT = 'weaver/Main'

/** One colocation group, worked out: what runs together in one process. */
export interface ResolvedGroup {
  readonly name: string
  /** Components that it hosts, sorted. */
  readonly hosts: readonly string[]
  /** Components that those hold a ref to, sorted; hosted ones too. */
  readonly calls: readonly string[]
  /**
   * Those among them that a start waits for, wherever they run. Optional refs count: the graph does
   * not distinguish them.
   */
  readonly needs: readonly string[]
  /** Listeners of its components, sorted. */
  readonly listeners: readonly string[]
  readonly hasMain: boolean
  /** The group of the spec; absent for a component that no group names. */
  readonly declared?: GroupSpec
}

/**
 * The groups of an application, sorted by name: those of the spec, then one for every component of
 * the graph that none of them names. Components that the graph does not have are left out;
 * `checkAgainstGraph` reports them.
 */
export function resolveGroups(spec: Pick<WeaverAppSpec, 'groups'>, graph: GraphShape): ResolvedGroup[] {
  const known = new Map(graph.components.map((c) => [c.name, c]))
  const claimed = new Set(spec.groups.flatMap((g) => g.components))
  const names = spec.groups.map((g) => g.name)
  const resolve = (name: string, components: readonly string[], declared?: GroupSpec): ResolvedGroup => {
    const nodes = components.flatMap((c) => known.get(c) ?? [])
    return {
      name,
      hosts: nodes.map((n) => n.name).sort(),
      calls: [...new Set(nodes.flatMap((n) => n.refs))].sort(),
      needs: [...new Set(nodes.flatMap((n) => n.refs.filter((ref) => n.lazyRefs?.includes(ref) !== true)))].sort(),
      listeners: nodes.flatMap((n) => n.listeners).sort(),
      hasMain: nodes.some((n) => n.name === MAIN_COMPONENT),
      ...(declared === undefined ? {} : { declared }),
    }
  }
  const groups = spec.groups.map((g) => resolve(g.name, g.components, g))
  // In order of names, so that a name that two want goes to the same one everywhere.
  for (const component of [...known.keys()].filter((c) => !claimed.has(c)).sort()) {
    const name = componentGroupName(component, names)
    names.push(name)
    groups.push(resolve(name, [component]))
  }
  return groups.sort((a, b) => (a.name < b.name ? -1 : 1))
}
