import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { GRAPH_FILE, type WeaverError } from '@weaver/sdk/contract'
import { cliError } from '../errors/catalogue.js'
import { buildCommandFor } from '../packages/build-command.js'
import { generateCommandFor } from './check-generated.js'

/**
 * What to run for a package that is not built: where nothing has been generated yet, the build
 * would fail on the import of `weaver.gen.js`, and the compiler does not say where that comes from.
 * @param folder of the package
 */
export function buildStepsFor(folder: string, cwd: string): string {
  const build = `\`${buildCommandFor(folder)}\``
  const isNew = existsSync(join(folder, 'tsconfig.json')) && !existsSync(join(folder, GRAPH_FILE))
  return isNew ? `\`${generateCommandFor(folder, cwd)}\`, then ${build}` : build
}

/** For a deployer that has to know the components of the package in `folder`. */
export function noGraph(folder: string, cwd: string): WeaverError {
  return cliError(
    'WEAVER_CLI_NOT_BUILT',
    `"${folder}" has no ${GRAPH_FILE}, so it is not known which components there are; run \`${generateCommandFor(folder, cwd)}\`, and build (\`${buildCommandFor(folder)}\`)`,
  )
}
