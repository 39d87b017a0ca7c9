import { rmSync } from 'node:fs'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { foldersOf } from '../../deployers/local/local-deployer.js'
import { multiDeployer } from '../../deployers/multi/multi-deployer.js'
import { killLeft } from '../../deployers/local/running-deployments.js'
import { listRunning } from '../local/running.js'
import { confirm, endDeployments } from './end-deployments.js'

export function purgeCommand(context: CliContext): Command {
  return new Command('purge')
    .description('end every deployment of `weaver multi deploy`, and delete all that it has kept: logs, and what was left by a crash')
    .option('--yes', 'do not ask')
    .action(async (flags: { readonly yes?: true }) => {
      const running = listRunning(context, multiDeployer, undefined)
      const folders = foldersOf(multiDeployer, context.env)
      const ended = running.length === 0 ? '' : `End ${running.map(({ app }) => `"${app}"`).join(', ')}, and delete`
      await confirm(context, `${ended === '' ? 'Delete' : ended} all logs of \`weaver multi\`?`, flags)
      await endDeployments(running)
      killLeft(folders.list)
      for (const folder of [folders.list, folders.logs]) rmSync(folder, { recursive: true, force: true })
      context.output.result(`deleted: ${folders.list} and ${folders.logs}`)
    })
}
