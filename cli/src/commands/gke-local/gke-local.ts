import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { gkeDeployer } from '../../deployers/gke-local/gke-deployer.js'
import { GROUPS } from '../groups.js'
import { dashboardCommand } from '../local/dashboard.js'
import { logsCommand } from '../local/logs.js'
import { metricsCommand } from '../local/metrics.js'
import { profileCommand } from '../local/profile.js'
import { deployCommand } from './deploy.js'
import { purgeCommand } from './purge.js'
import { balancerCommand, hostCommand, platformCommand } from './services.js'
import { statusCommand } from './status.js'
import { killCommand, verbCommands } from './verbs.js'

export function gkeLocalCommand(context: CliContext): Command {
  const command = new Command('gke-local').description(GROUPS['gke-local'])
  for (const verb of [deployCommand, statusCommand]) command.addCommand(verb(context))
  for (const verb of [logsCommand, metricsCommand, profileCommand]) command.addCommand(verb(context, gkeDeployer))
  command.addCommand(
    dashboardCommand(context, gkeDeployer, async () => {
      const { createRolloutSource } = await import('../../deployers/gke-local/rollout-source.js') // no other verb needs it
      return createRolloutSource(context.env, (text) => context.output.progress(text))
    }),
  )
  for (const verb of verbCommands(context)) command.addCommand(verb)
  for (const verb of [killCommand, purgeCommand]) command.addCommand(verb(context))
  // What the platform is made of; started by the others.
  for (const part of [platformCommand, hostCommand, balancerCommand]) command.addCommand(part(context), { hidden: true })
  return command
}
