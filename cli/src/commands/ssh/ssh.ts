import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { sshDeployer } from '../../deployers/ssh/ssh-deployer.js'
import { killCommand } from '../local/kill.js'
import { logsCommand } from '../local/logs.js'
import { metricsCommand } from '../local/metrics.js'
import { profileCommand } from '../local/profile.js'
import { purgeCommand } from '../local/purge.js'
import { statusCommand } from '../local/status.js'
import { deployCommand } from './deploy.js'
import { GROUPS } from '../groups.js'

export function sshCommand(context: CliContext): Command {
  const command = new Command('ssh').description(GROUPS.ssh)
  command.addCommand(deployCommand(context))
  for (const verb of [statusCommand, logsCommand, metricsCommand, profileCommand, killCommand, purgeCommand])
    command.addCommand(verb(context, sshDeployer))
  return command
}
