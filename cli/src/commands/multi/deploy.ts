import { Command } from 'commander'
import type { CliContext } from '../../context.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the application in this terminal, each group of components in processes of its own')
    .argument('<weaver.toml>', 'configuration of the application')
    .option('--nats <url>', 'a broker that runs already (default: a nats-server of its own)')
    .action(async (file: string, flags: { readonly nats?: string }) => {
      // `multi status` needs nothing of what runs processes, and loading it would take most of its time.
      const { deployMulti } = await import('../../deployers/multi/deploy-multi.js')
      context.setExitCode(await deployMulti({ file, natsUrl: flags.nats }, context))
    })
}
