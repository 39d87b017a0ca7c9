import { checkConfigAgainstGraph } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { describedGraph } from '../describe/described-graph.js'
import { findGraph } from '../graph/package-graph.js'
import { formatTomlPath, type ConfigProblem } from './config-problem.js'
import { launchOf, packageOf } from './launch.js'
import type { WeaverToml } from './load-config.js'

export interface DescribeContext {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly onWarning?: (line: string) => void
}

/**
 * For local deployers: the graph of the application, with the schemas that the built application
 * describes.
 * @returns `undefined` for a program without a graph, which cannot be checked
 * @throws as {@link describedGraph}
 */
export async function loadDescribedGraph(config: WeaverToml, { env, onWarning }: DescribeContext): Promise<ComponentGraph | undefined> {
  const graph = await findGraph(await packageOf(config))
  if (graph === undefined) return undefined
  const launch = launchOf(config, env)
  const told = onWarning === undefined ? {} : { onWarning }
  return describedGraph({ folder: launch.cwd, command: launch.command, graph, env: launch.env, ...told })
}

/** Problems of component sections: what the application does not accept. */
export function componentProblems(config: WeaverToml, graph: ComponentGraph): readonly ConfigProblem[] {
  return checkConfigAgainstGraph(config.components, graph, { hasTrustedPatterns: true }).map(({ path, message, remedy }) => {
    const key = tomlPath(path)
    return { ...config.position(key), key: formatTomlPath(key), message, hint: remedy }
  })
}

/** `spec.config["shop/Cart"].limits[0]` becomes `["shop/Cart"].limits[0]` of weaver.toml. */
function tomlPath(path: string): readonly (string | number)[] {
  return [...path.slice('spec.config'.length).matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/g)].map(
    ([, index, quoted, word]) => (index === undefined ? (quoted ?? word ?? '') : Number(index)),
  )
}
