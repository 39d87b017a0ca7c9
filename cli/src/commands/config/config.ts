import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { GROUPS } from '../groups.js'
import { checkCommand } from './check.js'

export function configCommand(context: CliContext): Command {
  return new Command('config').description(GROUPS.config).addCommand(checkCommand(context))
}
