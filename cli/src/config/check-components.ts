import { checkConfigAgainstGraph } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { describedGraph } from '../describe/described-graph.js'
import { findGraph } from '../image/application-layers.js'
import { configInvalid, formatTomlPath } from './config-problem.js'
import { launchOf, packageOf } from './launch.js'
import type { WeaverToml } from './load-config.js'

/**
 * For deployers of this machine: checks the sections of components against the application before anything of it is started.
 * @returns the graph, with described schemas; `undefined` for a program without one, of which nothing can be said
 * @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with every problem and its place; `WEAVER_CLI_DESCRIBE_FAILED`
 */
export async function checkComponents(
  config: WeaverToml,
  context: { readonly env: Readonly<Record<string, string | undefined>>; readonly onWarning?: (line: string) => void },
): Promise<ComponentGraph | undefined> {
  const graph = await findGraph(await packageOf(config))
  if (graph === undefined) return undefined
  const { command, cwd, env } = launchOf(config, context.env)
  const described = await describedGraph({
    folder: cwd,
    command,
    graph,
    env,
    ...(context.onWarning === undefined ? {} : { onWarning: context.onWarning }),
  })
  const problems = checkConfigAgainstGraph(config.components, described, { hasTrustedPatterns: true })
  if (problems.length > 0)
    throw configInvalid(
      config.file,
      problems.map(({ path, message, remedy }) => {
        const key = tomlPath(path)
        return { ...config.position(key), key: formatTomlPath(key), message, hint: remedy }
      }),
    )
  return described
}

/** `spec.config["shop/Cart"].limits[0]` is `["shop/Cart"].limits[0]` of weaver.toml. */
function tomlPath(path: string): readonly (string | number)[] {
  return [...path.slice('spec.config'.length).matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/g)].map(
    ([, index, quoted, word]) => (index === undefined ? (quoted ?? word ?? '') : Number(index)),
  )
}
