import { access } from 'node:fs/promises'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { checkComponents } from '../../config/check-components.js'
import { binaryOf, packageOf } from '../../config/launch.js'
import { loadConfig, type WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { checkGenerated } from '../../generate/check-generated.js'

export interface LoadedApplication {
  readonly config: WeaverToml
  /** Of its package. */
  readonly folder: string
  /** `undefined`: the package has no graph, so only the deployers' sections were checked. */
  readonly graph: ComponentGraph | undefined
}

/**
 * What a weaver.toml names, checked before anything starts: that it is built, that what was generated is fresh, and the
 * configuration of its components.
 * @throws WeaverError `WEAVER_CLI_NOT_BUILT`, and as `loadConfig`, `checkGenerated` and `checkComponents` do
 */
export async function loadApplication(file: string, { cwd, env, output }: CliContext): Promise<LoadedApplication> {
  const config = await loadConfig(file, cwd)
  await checkBinary(config)
  const folder = await packageOf(config)
  await checkGenerated(folder, cwd)
  return { config, folder, graph: await checkComponents(config, { env, onWarning: (line) => output.warn(line) }) }
}

async function checkBinary(config: WeaverToml): Promise<void> {
  const binary = binaryOf(config)
  try {
    await access(binary)
  } catch (cause) {
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${binary}", the binary of "${config.file}", does not exist; build it first (\`npm run build\`), or correct \`binary\``,
      { cause },
    )
  }
}
