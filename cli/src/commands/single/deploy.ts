import { Command } from 'commander'
import type { CliContext } from '../../context.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the whole application in one process of this terminal')
    .argument('<weaver.toml>', 'configuration of the application')
    .action(async (file: string) => {
      // As with `multi deploy`: other verbs need none of it.
      const { deploySingle } = await import('../../deployers/single/deploy-single.js')
      context.setExitCode(await deploySingle(file, context))
    })
}
