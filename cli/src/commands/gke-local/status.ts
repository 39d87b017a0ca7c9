import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { platformOfApps, viewPlatform } from '../../deployers/gke-local/platform-control.js'
import { cliError } from '../../errors/catalogue.js'
import { statusTables } from './tables.js'

export function statusCommand(context: CliContext): Command {
  return new Command('status')
    .description('show what runs by `weaver gke-local deploy`: versions, components, traffic, and the rollout as it is planned')
    .argument('[name]', 'name of an application (default: all)')
    .option('--json', 'print JSON')
    .action(async (name: string | undefined, flags: { readonly json?: true }) => {
      const platform = await platformOfApps(context.env, (text) => context.output.progress(text))
      const all = platform === undefined ? { pid: 0, apps: [] } : await viewPlatform(platform)
      const view = { ...all, apps: all.apps.filter(({ app }) => name === undefined || app === name) }
      if (name !== undefined && view.apps.length === 0)
        throw cliError('WEAVER_CLI_NOT_RUNNING', `"${name}" does not run by \`weaver gke-local\``)
      if (flags.json === true) context.output.json(view.apps)
      else if (view.apps.length === 0) context.output.progress('no application runs on this machine by `weaver gke-local deploy`')
      else for (const line of statusTables(view, Date.now())) context.output.result(line)
    })
}
