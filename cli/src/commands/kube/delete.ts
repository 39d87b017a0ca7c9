import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { applicationName } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { loadRelease } from '../../deployers/kube/load-release.js'
import { absenceLine, operatorPresence } from '../../deployers/kube/operator-presence.js'
import { deleteApp, getApp, needApp } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { confirm, YES_FLAG, type ConfirmFlags } from '../local/confirm.js'
import { formatSeconds } from '../../print/table.js'
import { connect, parseTimeout, withClusterFlags, type ClusterFlags } from './flags.js'

interface DeleteFlags extends ClusterFlags, ConfirmFlags {
  readonly wait?: true
  readonly timeout: string
  readonly json?: true
}

export function deleteCommand(context: CliContext): Command {
  const command = new Command('delete')
    .description('delete an application with all its versions; its traffic ends')
    .argument('<name|weaver.toml>', 'name of the application, or its configuration')
    .option(...YES_FLAG)
    .option('--wait', 'wait until the operator has removed everything of it')
    .option('--timeout <duration>', 'how long --wait waits; then exit code 124', '5m')
    .option('--json', 'print JSON')
  return withClusterFlags(command).action(async (target: string, flags: DeleteFlags) => {
    const timeoutMs = parseTimeout(flags.timeout)
    const release = target.endsWith('.toml') ? await loadRelease(target, context.cwd) : undefined
    const client = await connect(context, flags)
    const name = release === undefined ? target : applicationName(release.config, release.packageName)
    const app = { namespace: flags.namespace ?? release?.config.kube.namespace ?? client.namespace, name }
    const what = `"${app.namespace}/${name}"`
    await needApp(client, app)
    await confirm(context, `Delete application ${what} with all its versions?`, flags)
    const started = performance.now()
    const absence = absenceLine(await operatorPresence(client))
    await deleteApp(client, app)
    if (absence !== undefined)
      context.output.warn(`${absence}. Without one: \`weaver operator uninstall --delete-apps --force\` deletes all applications`)
    while (flags.wait === true && (await getApp(client, app)) !== undefined) {
      if (performance.now() - started > timeoutMs)
        throw cliError(
          'WEAVER_CLI_TIMEOUT',
          `${what} is still being removed after ${formatSeconds(timeoutMs)}; is the operator running? It clears the finalizer when all is gone`,
        )
      await sleep(300)
    }
    if (flags.json === true) context.output.json({ ...app, gone: flags.wait === true })
    else
      context.output.result(
        `${app.namespace}/${name}: ${flags.wait === true ? `deleted, gone after ${formatSeconds(performance.now() - started)}` : 'deleted'}`,
      )
  })
}
