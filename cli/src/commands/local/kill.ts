import { shortDeploymentId } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { LocalDeployer } from '../../deployers/local/local-deployer.js'
import { confirm, YES_FLAG, type ConfirmFlags } from './confirm.js'
import { endDeployments } from './end-deployments.js'
import { needRunning } from './running.js'

export function killCommand(context: CliContext, deployer: LocalDeployer): Command {
  return new Command('kill')
    .description('end all deployments of an application, as Ctrl-C in their terminals would')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .option(...YES_FLAG)
    .action(async (name: string | undefined, flags: ConfirmFlags) => {
      const running = needRunning(context, deployer, name)
      const ids = running.map(({ deploymentId }) => shortDeploymentId(deploymentId)).join(', ')
      await confirm(context, `End ${running.length === 1 ? 'the deployment' : 'the deployments'} ${ids} of "${running[0].app}"?`, flags)
      await endDeployments(deployer, running)
      context.output.result(`ended: ${ids} of ${running[0].app}`)
    })
}
