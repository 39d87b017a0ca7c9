import { resolve } from 'node:path'
import { checkConfigAgainstGraph } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { describedGraph } from '../describe/described-graph.js'
import { findGraph } from '../image/application-layers.js'
import { DEFAULT_MAIN } from '../image/make-image.js'
import { configInvalid, formatTomlPath } from './config-problem.js'
import type { WeaverToml } from './load-config.js'
import { packageFolderOf } from './package-folder.js'

/**
 * For deployers of this machine: checks the sections of components against the application before anything of it is started.
 * @returns the graph, with described schemas; `undefined` for a program without one, of which nothing can be said
 * @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with every problem and its place; `WEAVER_CLI_DESCRIBE_FAILED`
 */
export async function checkComponents(
  config: WeaverToml,
  context: { readonly env: Readonly<Record<string, string | undefined>> },
): Promise<ComponentGraph | undefined> {
  const binary = resolve(config.folder, config.application.binary ?? DEFAULT_MAIN)
  const folder = (await packageFolderOf(binary)) ?? config.folder
  const graph = await findGraph(folder)
  if (graph === undefined) return undefined
  const isScript = /\.[cm]?js$/.test(binary)
  const described = await describedGraph({ folder, command: [isScript ? 'node' : binary, binary], graph, env: context.env })
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
