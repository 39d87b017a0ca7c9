import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { deployCommand } from './deploy.js'
import { logsCommand } from './logs.js'
import { metricsCommand } from './metrics.js'
import { profileCommand } from './profile.js'
import { statusCommand } from './status.js'

export function singleCommand(context: CliContext): Command {
  const command = new Command('single').description('one process on this machine')
  for (const verb of [deployCommand, statusCommand, logsCommand, metricsCommand, profileCommand]) command.addCommand(verb(context))
  return command
}
