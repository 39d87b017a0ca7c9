import { access } from 'node:fs/promises'
import { relative, resolve } from 'node:path'
import { GRAPH_FILE, type ComponentGraph } from '@weaver/sdk/contract'
import { buildCommandFor } from '../../packages/build-command.js'
import { configInvalid } from '../../config/config-problem.js'
import { loadConfig, type WeaverToml } from '../../config/load-config.js'
import { packageFolderOf } from '../../packages/package-folder.js'
import { describedGraph, type DescribeOptions } from '../../describe/described-graph.js'
import { cliError } from '../../errors/catalogue.js'
import { checkGenerated, generateCommandFor } from '../../generate/check-generated.js'
import { findGraph } from '../../graph/package-graph.js'
import { DEFAULT_MAIN } from '../../config/default-main.js'
import { readPackageJson } from '../../image/package-files.js'

/** A weaver.toml and the package that it deploys. */
export interface Release {
  readonly config: WeaverToml
  /** Folder of the package. */
  readonly folder: string
  /** The file that node runs, relative to the folder. */
  readonly main: string
  readonly packageName?: string
  readonly graph?: ComponentGraph
}

/** Reads what exists; `checkBuilt` reports what is missing. */
export async function loadRelease(file: string, cwd: string): Promise<Release> {
  const config = await loadConfig(file, cwd)
  const binary = resolve(config.folder, config.application.binary ?? DEFAULT_MAIN)
  const named = config.kube.build?.package
  const folder = named === undefined ? ((await packageFolderOf(binary)) ?? config.folder) : resolve(config.folder, named)
  if (named !== undefined && !(await isThere(resolve(folder, 'package.json'))))
    throw configInvalid(file, [
      {
        ...config.position(['kube', 'build', 'package']),
        key: 'kube.build.package',
        message: `there is no package.json in "${folder}"`,
        hint: 'name the folder of a package, relative to this file',
      },
    ])
  const { name } = await readPackageJson(folder)
  const graph = await findGraph(folder)
  return {
    config,
    folder,
    main: relative(folder, binary),
    ...(name === undefined ? {} : { packageName: name }),
    ...(graph === undefined ? {} : { graph }),
  }
}

/**
 * Checks that generated files and build match the sources.
 * @throws WeaverError `WEAVER_CLI_GENERATED_STALE`, `WEAVER_CLI_GENERATE_FAILED`,
 * `WEAVER_CLI_NOT_BUILT`
 */
export async function checkBuilt(release: Release, cwd: string): Promise<void> {
  await checkGenerated(release.folder, cwd)
  const dir = relative(cwd, release.folder) || '.'
  const main = resolve(release.folder, release.main)
  if (release.graph === undefined)
    throw cliError(
      'WEAVER_CLI_GENERATED_STALE',
      `"${dir}" has no ${GRAPH_FILE}; run \`${generateCommandFor(release.folder, cwd)}\` and build again (\`${buildCommandFor(release.folder)}\`)`,
    )
  if (!(await isThere(main)))
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${relative(cwd, main)}", the binary of "${release.config.file}", does not exist; build it first (\`${buildCommandFor(release.folder)}\`), or correct \`binary\``,
    )
}

/**
 * The release with the full schemas of its configuration, which only the built application knows.
 * @throws as {@link describedGraph}
 */
export async function describeRelease(release: Release, options: Pick<DescribeOptions, 'env' | 'onWarning'>): Promise<Release> {
  const { graph, folder, main } = release
  if (graph === undefined) return release
  return { ...release, graph: await describedGraph({ ...options, folder, command: ['node', main], graph }) }
}

async function isThere(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch {
    return false
  }
}
