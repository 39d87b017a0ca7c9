import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { multiDeployer } from '../../deployers/local/multi-deployer.js'
import { dashboardCommand } from '../local/dashboard.js'
import { killCommand } from '../local/kill.js'
import { logsCommand } from '../local/logs.js'
import { metricsCommand } from '../local/metrics.js'
import { profileCommand } from '../local/profile.js'
import { purgeCommand } from '../local/purge.js'
import { statusCommand } from '../local/status.js'
import { deployCommand } from './deploy.js'
import { GROUPS } from '../groups.js'

export function multiCommand(context: CliContext): Command {
  const command = new Command('multi').description(GROUPS.multi)
  command.addCommand(deployCommand(context))
  for (const verb of [statusCommand, logsCommand, metricsCommand, profileCommand, killCommand, purgeCommand, dashboardCommand])
    command.addCommand(verb(context, multiDeployer))
  return command
}
