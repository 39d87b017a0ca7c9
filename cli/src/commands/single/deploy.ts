import { GRAPH_FILE } from '@weaver/sdk/contract'
import { Command } from 'commander'
import { checkComponents } from '../../config/check-components.js'
import { packageOf } from '../../config/launch.js'
import { loadConfig } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { checkBinary, runSingle } from '../../deployers/single/run-single.js'
import { checkGenerated, generateCommandFor } from '../../generate/check-generated.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the whole application in one process of this terminal')
    .argument('<weaver.toml>', 'configuration of the application')
    .action(async (file: string) => {
      const config = await loadConfig(file, context.cwd)
      await checkBinary(config)
      const folder = await packageOf(config)
      await checkGenerated(folder, context.cwd)
      const graph = await checkComponents(config, { env: context.env, onWarning: (line) => context.output.warn(line) })
      if (graph === undefined)
        context.output.warn(
          `"${folder}" has no ${GRAPH_FILE}: nothing is checked before the start, neither configuration nor generated files; run \`${generateCommandFor(folder, context.cwd)}\`, and commit the file`,
        )
      context.setExitCode(await runSingle(config, context))
    })
}
