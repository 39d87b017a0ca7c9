import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { singleDeployer } from '../../deployers/local/single-deployer.js'
import { deployCommand } from './deploy.js'
import { killCommand } from '../local/kill.js'
import { logsCommand } from '../local/logs.js'
import { metricsCommand } from '../local/metrics.js'
import { profileCommand } from '../local/profile.js'
import { purgeCommand } from '../local/purge.js'
import { statusCommand } from './status.js'
import { GROUPS } from '../groups.js'

export function singleCommand(context: CliContext): Command {
  const command = new Command('single').description(GROUPS.single)
  for (const verb of [deployCommand, statusCommand]) command.addCommand(verb(context))
  for (const verb of [logsCommand, metricsCommand, profileCommand, killCommand, purgeCommand])
    command.addCommand(verb(context, singleDeployer))
  return command
}
