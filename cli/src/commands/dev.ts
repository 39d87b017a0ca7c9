import { Command } from 'commander'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'

interface DevFlags {
  readonly single?: true
  readonly multi?: true
  readonly nats?: string
  readonly build?: string
}

export function devCommand(context: CliContext): Command {
  return new Command('dev')
    .description('run the application while it is edited: after each edit, generate, build, and start again the groups that it concerns')
    .argument('[weaver.toml]', 'configuration of the application', 'weaver.toml')
    .option('--single', 'everything in one process')
    .option('--multi', 'each group of components in processes of its own (default: where there is a nats-server)')
    .option('--nats <url>', 'a broker that runs already (default: a nats-server of its own)')
    .option('--build <command>', 'what makes the binary, in a shell (default: the compiler, by the tsconfig of the package)')
    .action(async (file: string, { single, multi, nats, build }: DevFlags) => {
      if (single === true && (multi === true || nats !== undefined))
        throw cliError('WEAVER_CLI_USAGE', `--single and ${multi === true ? '--multi' : '--nats'} contradict each other; give one of them`)
      const mode = single === true ? 'single' : multi === true || nats !== undefined ? 'multi' : undefined
      const { runDev } = await import('../deployers/dev/run-dev.js')
      context.setExitCode(await runDev({ file, mode, natsUrl: nats, build }, context))
    })
}
