import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { burnCommand } from './burn.js'
import { deleteCommand } from './delete.js'
import { deployCommand } from './deploy.js'
import { explainCommand } from './explain.js'
import { logsCommand } from './logs.js'
import { manifestCommand } from './manifest.js'
import { statusCommand } from './status.js'
import { historyCommand } from './history.js'
import { rollbackCommand } from './rollback.js'
import { restartCommand, rolloutCommands } from './verbs.js'
import { GROUPS } from '../groups.js'

export function kubeCommand(context: CliContext): Command {
  const command = new Command('kube').description(GROUPS.kube)
  for (const make of [deployCommand, statusCommand, logsCommand]) command.addCommand(make(context))
  for (const verb of rolloutCommands(context)) command.addCommand(verb)
  for (const make of [restartCommand, rollbackCommand, burnCommand, historyCommand, explainCommand, deleteCommand, manifestCommand])
    command.addCommand(make(context))
  return command
}
