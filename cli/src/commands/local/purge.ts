import { rmdirSync, rmSync } from 'node:fs'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { foldersOf, type LocalDeployer } from '../../deployers/local/local-deployer.js'
import { killLeft } from '../../deployers/local/running-deployments.js'
import { listLogFiles } from '../../logs/log-files.js'
import { EXIT } from '../../errors/catalogue.js'
import { confirm, YES_FLAG, type ConfirmFlags } from './confirm.js'
import { endDeployments } from './end-deployments.js'
import { listRunning } from './running.js'

export function purgeCommand(context: CliContext, deployer: LocalDeployer): Command {
  const tool = `weaver ${deployer.name}`
  return new Command('purge')
    .description(`end every deployment of \`${tool} deploy\`, and delete all that it has kept: logs, and what was left by a crash`)
    .option(...YES_FLAG)
    .action(async (flags: ConfirmFlags) => {
      const running = listRunning(context, deployer, undefined)
      const folders = foldersOf(deployer, context.env)
      const ended = running.length === 0 ? '' : `End ${running.map(({ app }) => `"${app}"`).join(', ')}, and delete`
      await confirm(context, `${ended === '' ? 'Delete' : ended} all logs of \`${tool}\`?`, flags)
      await endDeployments(deployer, running)
      killLeft(folders.list)
      for (const { text, isDone } of (await deployer.purge?.(folders.list, context.env)) ?? [])
        if (isDone) context.output.result(text)
        else {
          context.output.warn(text)
          context.setExitCode(EXIT.failed)
        }
      rmSync(folders.list, { recursive: true, force: true })
      removeLogs(folders.logs)
      context.output.result(`deleted: ${folders.list} and the logs in ${folders.logs}`)
    })
}

/** File by file, since another deployer may keep its logs below the same folder. */
function removeLogs(folder: string): void {
  for (const { path } of listLogFiles(folder)) rmSync(path, { force: true })
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
