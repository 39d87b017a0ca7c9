import type { ComponentGraph } from '@weaver/sdk/contract'
import { formatTomlPath, unknownNameHint, type ConfigProblem } from './config-problem.js'
import type { WeaverToml } from './load-config.js'

/** Names of all listeners of an application. */
export function listenersOf(graph: ComponentGraph): readonly string[] {
  return graph.components.flatMap((component) => component.listeners)
}

/** Listeners that the section of a local deployer names, but the application does not have. */
export function listenerProblems(
  config: WeaverToml,
  graph: ComponentGraph,
  section: 'single' | 'multi' | 'ssh' | 'gke',
): readonly ConfigProblem[] {
  const known = listenersOf(graph)
  return Object.keys(config[section].listeners ?? {}).flatMap((name) => {
    if (known.includes(name)) return []
    const at = [section, 'listeners', name]
    const message = `the application has no listener "${name}"`
    return [{ ...config.position(at), key: formatTomlPath(at), message, hint: unknownNameHint(name, known) }]
  })
}
