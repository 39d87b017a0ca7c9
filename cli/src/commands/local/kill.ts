import { shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { confirm, endDeployments } from './end-deployments.js'
import { needRunning } from './running.js'

export function killCommand(context: CliContext, deployer: LocalDeployer): Command {
  return new Command('kill')
    .description('end all deployments of an application, as Ctrl-C in their terminals would')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .option('--yes', 'do not ask')
    .action(async (name: string | undefined, flags: { readonly yes?: true }) => {
      const running = needRunning(context, deployer, name)
      const ids = running.map(({ deploymentId }) => shortDeploymentId(deploymentId)).join(', ')
      await confirm(context, `End ${running.length === 1 ? 'the deployment' : 'the deployments'} ${ids} of "${running[0].app}"?`, flags)
      await endDeployments(deployer, running)
      context.output.result(`ended: ${ids} of ${running[0].app}`)
    })
}
