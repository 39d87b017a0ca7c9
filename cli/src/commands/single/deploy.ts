import { Command } from 'commander'
import { checkComponents } from '../../config/check-components.js'
import { packageOf } from '../../config/launch.js'
import { loadConfig } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { checkBinary, runSingle } from '../../deployers/single/run-single.js'
import { checkGenerated } from '../../generate/check-generated.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the whole application in one process of this terminal')
    .argument('<weaver.toml>', 'configuration of the application')
    .action(async (file: string) => {
      const config = await loadConfig(file, context.cwd)
      await checkBinary(config)
      await checkGenerated(await packageOf(config), context.cwd)
      await checkComponents(config, context)
      context.setExitCode(await runSingle(config, context))
    })
}
