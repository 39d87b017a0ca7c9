import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { uninstallCommand } from './uninstall.js'
import { GROUPS } from '../groups.js'

export function operatorCommand(context: CliContext): Command {
  return new Command('operator').description(GROUPS.operator).addCommand(uninstallCommand(context))
}
