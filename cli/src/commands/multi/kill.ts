import { shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { multiDeployer } from '../../deployers/multi/multi-deployer.js'
import { needRunning } from '../local/running.js'
import { confirm, endDeployments } from './end-deployments.js'

export function killCommand(context: CliContext): Command {
  return new Command('kill')
    .description('end all deployments of an application, as Ctrl-C in their terminals would')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .option('--yes', 'do not ask')
    .action(async (name: string | undefined, flags: { readonly yes?: true }) => {
      const running = needRunning(context, multiDeployer, name)
      const ids = running.map(({ deploymentId }) => shortDeploymentId(deploymentId)).join(', ')
      await confirm(context, `End ${running.length === 1 ? 'the deployment' : 'the deployments'} ${ids} of "${running[0].app}"?`, flags)
      await endDeployments(running)
      context.output.result(`ended: ${ids} of ${running[0].app}`)
    })
}
