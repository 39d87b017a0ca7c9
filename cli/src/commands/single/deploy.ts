import { GRAPH_FILE } from '@weaver/sdk/contract'
import { Command } from 'commander'
import { listenerProblems } from '../../config/listener-problems.js'
import type { CliContext } from '../../context.js'
import { loadApplication } from '../../deployers/local/load-application.js'
import { checkFree, holderOf } from '../../deployers/local/port-in-use.js'
import { multiDeployer } from '../../deployers/multi/multi-deployer.js'
import { runSingle } from '../../deployers/single/run-single.js'
import { singleDeployer } from '../../deployers/single/single-deployer.js'
import { generateCommandFor } from '../../generate/check-generated.js'

export function deployCommand(context: CliContext): Command {
  return new Command('deploy')
    .description('run the whole application in one process of this terminal')
    .argument('<weaver.toml>', 'configuration of the application')
    .action(async (file: string) => {
      const { config, folder, graph } = await loadApplication(file, context, (of, graph) => listenerProblems(of, graph, 'single'))
      if (graph === undefined)
        context.output.warn(
          `"${folder}" has no ${GRAPH_FILE}: nothing is checked before the start, neither configuration nor generated files; run \`${generateCommandFor(folder, context.cwd)}\`, and commit the file`,
        )
      const given = Object.entries(config.single.listeners ?? {}).flatMap(([listener, { address }]) =>
        address === undefined ? [] : [{ listener, address, section: 'single' }],
      )
      await checkFree(given, (address) => holderOf(address, [singleDeployer, multiDeployer], context.env))
      context.setExitCode(await runSingle(config, context))
    })
}
