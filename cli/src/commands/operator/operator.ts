import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { uninstallCommand } from './uninstall.js'

export function operatorCommand(context: CliContext): Command {
  return new Command('operator').description('what runs applications on Kubernetes').addCommand(uninstallCommand(context))
}
