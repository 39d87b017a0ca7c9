import { Command } from 'commander'
import type { CliContext } from '../../context.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the application on several machines that ssh reaches, as long as this terminal is open')
    .argument('<weaver.toml>', 'configuration of the application, with the machines: [ssh] locations')
    .option('--nats <url>', 'a broker that runs already and every machine reaches (default: a nats-server on one of them)')
    .action(async (file: string, flags: { readonly nats?: string }) => {
      const { deploySsh } = await import('../../deployers/ssh/deploy-ssh.js')
      context.setExitCode(await deploySsh({ file, natsUrl: flags.nats }, context))
    })
}
