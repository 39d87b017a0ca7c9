import { GRAPH_FILE } from '@weaver/sdk/contract'
import { Command } from 'commander'
import { buildCommandFor } from '../../config/build-command.js'
import type { CliContext } from '../../context.js'
import { findNatsServer } from '../../deployers/local/find-nats-server.js'
import { loadApplication } from '../../deployers/local/load-application.js'
import { multiProblems, planMulti } from '../../deployers/multi/multi-plan.js'
import { cliError } from '../../errors/catalogue.js'
import { generateCommandFor } from '../../generate/check-generated.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the application in this terminal, each group of components in processes of its own')
    .argument('<weaver.toml>', 'configuration of the application')
    .option('--nats <url>', 'a broker that runs already (default: a nats-server of its own)')
    .action(async (file: string, flags: { readonly nats?: string }) => {
      const broker = findNatsServer({ url: flags.nats, env: context.env, cwd: context.cwd })
      const { config, folder, graph } = await loadApplication(file, context, multiProblems)
      if (graph === undefined)
        throw cliError(
          'WEAVER_CLI_NOT_BUILT',
          `"${folder}" has no ${GRAPH_FILE}, so it is not known which components there are; run \`${generateCommandFor(folder, context.cwd)}\`, and build (\`${buildCommandFor(folder)}\`)`,
        )
      // `multi status` needs nothing of what runs processes, and loading it would take a third of
      // its time.
      const { runMulti } = await import('../../deployers/multi/run-multi.js')
      context.setExitCode(await runMulti({ config, graph, plan: planMulti(config, graph), broker }, context))
    })
}
