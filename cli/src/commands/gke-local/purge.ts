import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { gkeDeployer } from '../../deployers/gke-local/gke-deployer.js'
import { gkeFolders } from '../../deployers/gke-local/gke-folders.js'
import { findBalancer, stopBalancer } from '../../deployers/gke-local/load-balancer.js'
import { askPlatform, findPlatform } from '../../deployers/gke-local/platform-control.js'
import { readApps } from '../../deployers/gke-local/platform-store.js'
import { isRunning } from '../../deployers/local/process-start.js'
import { killLeft, runningDeployments } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'
import { confirm, YES_FLAG, type ConfirmFlags } from '../local/confirm.js'
import { endDeployments } from '../local/end-deployments.js'

const END_MS = 120_000
const LOOK_MS = 100

export function purgeCommand(context: CliContext): Command {
  return new Command('purge')
    .description(
      'end every application of `weaver gke-local deploy`, the platform and the load balancer, and delete all that they have kept',
    )
    .option(...YES_FLAG)
    .action(async (flags: ConfirmFlags) => {
      const folders = gkeFolders(context.env)
      const names = readApps(folders).map(({ app }) => `"${app}"`)
      const ended = names.length === 0 ? 'Delete' : `End ${names.join(', ')}, and delete`
      await confirm(context, `${ended} all that \`weaver gke-local\` has kept, logs too?`, flags)
      const platform = findPlatform(folders)
      if (platform !== undefined) {
        await askPlatform(platform, { kind: 'stop' }, { expect: 'done' })
        await gone(platform)
      }
      // Without a platform, or with one that was killed meanwhile.
      await endDeployments(gkeDeployer, runningDeployments(folders.hosts))
      killLeft(folders.hosts)
      const balancer = findBalancer(folders)
      if (balancer !== undefined) {
        await stopBalancer(balancer)
        await gone(balancer)
      }
      for (const folder of [folders.root, folders.logs]) rmSync(folder, { recursive: true, force: true })
      context.output.result(`deleted: ${folders.root} and ${folders.logs}`)
    })
}

/** @throws WeaverError `WEAVER_CLI_TIMEOUT` */
async function gone(service: { readonly app: string; readonly pid: number }): Promise<void> {
  for (const until = performance.now() + END_MS; isRunning(service); await sleep(LOOK_MS))
    if (performance.now() > until)
      throw cliError('WEAVER_CLI_TIMEOUT', `${service.app} (process ${service.pid}) has not ended within ${END_MS / 1_000} s`)
}
