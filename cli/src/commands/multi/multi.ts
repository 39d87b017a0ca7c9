import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { multiDeployer } from '../../deployers/multi/multi-deployer.js'
import { logsCommand } from '../local/logs.js'
import { metricsCommand } from '../local/metrics.js'
import { profileCommand } from '../local/profile.js'
import { deployCommand } from './deploy.js'
import { killCommand } from './kill.js'
import { purgeCommand } from './purge.js'
import { statusCommand } from './status.js'
import { GROUPS } from '../groups.js'

export function multiCommand(context: CliContext): Command {
  const command = new Command('multi').description(GROUPS.multi)
  for (const verb of [deployCommand, statusCommand]) command.addCommand(verb(context))
  for (const verb of [logsCommand, metricsCommand, profileCommand]) command.addCommand(verb(context, multiDeployer))
  for (const verb of [killCommand, purgeCommand]) command.addCommand(verb(context))
  return command
}
