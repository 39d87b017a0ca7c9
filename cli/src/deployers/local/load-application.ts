import { access } from 'node:fs/promises'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { componentProblems, loadDescribedGraph } from '../../config/check-components.js'
import { configInvalid, type ConfigProblem } from '../../config/config-problem.js'
import { binaryOf, packageOf } from '../../config/launch.js'
import { loadConfig, type WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { buildStepsFor } from '../../generate/build-steps.js'
import { checkGenerated } from '../../generate/check-generated.js'

export interface LoadedApplication {
  readonly config: WeaverToml
  /** Of its package. */
  readonly folder: string
  /** `undefined`: the package has no graph, so only the deployers' sections were checked. */
  readonly graph: ComponentGraph | undefined
}

/**
 * What a weaver.toml names, checked before anything starts: that it is built, that what was generated is fresh, the
 * configuration of its components, and what the deployer itself reads of the file.
 * @param problemsOf what is wrong with the deployer's own section
 * @throws WeaverError `WEAVER_CLI_NOT_BUILT`, and as `loadConfig`, `checkGenerated` and `loadDescribedGraph` do;
 *   `WEAVER_CLI_CONFIG_INVALID` with every problem and its place
 */
export async function loadApplication(
  file: string,
  { cwd, env, output }: CliContext,
  problemsOf: (config: WeaverToml, graph: ComponentGraph) => readonly ConfigProblem[],
): Promise<LoadedApplication> {
  const config = await loadConfig(file, cwd)
  const folder = await packageOf(config)
  await checkBinary(config, buildStepsFor(folder, cwd))
  await checkGenerated(folder, cwd)
  const graph = await loadDescribedGraph(config, { env, onWarning: (line) => output.warn(line) })
  const problems = graph === undefined ? [] : [...componentProblems(config, graph), ...problemsOf(config, graph)]
  if (problems.length > 0) throw configInvalid(config.file, problems)
  return { config, folder, graph }
}

async function checkBinary(config: WeaverToml, build: string): Promise<void> {
  const binary = binaryOf(config)
  try {
    await access(binary)
  } catch (cause) {
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${binary}", the binary of "${config.file}", does not exist; build it first (${build}), or correct \`binary\``,
      { cause },
    )
  }
}
