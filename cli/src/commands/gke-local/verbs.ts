import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { gkeFolders } from '../../deployers/gke-local/gke-folders.js'
import { askPlatform, platformOfApps, viewPlatform, type Platform, type PlatformVerb } from '../../deployers/gke-local/platform-control.js'
import { readApps } from '../../deployers/gke-local/platform-store.js'
import { isRunning } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'
import { confirm } from '../local/end-deployments.js'

const END_MS = 120_000
const LOOK_MS = 100

const VERBS: readonly (readonly [PlatformVerb, string])[] = [
  ['pause', 'take no further step of the rollout under way; traffic still leaves a version that cannot serve'],
  ['resume', 'go on with a rollout that was paused'],
  ['promote', 'end the hold of the present step, or a pause: the rollout goes on now'],
  ['abort', 'give up the rollout under way: all traffic goes back to the version before'],
  ['rollback', 'go back to the version before, in all regions and all at once, also after the rollout'],
]

export function verbCommands(context: CliContext): readonly Command[] {
  return VERBS.map(([verb, description]) => {
    const command = new Command(verb).description(description).argument('[name]', 'name of the application (default: the one that runs)')
    if (verb === 'promote')
      command.option('--full', 'to 100 %, without the steps and holds that are left, in the regions that the rollout has reached')
    return command.action(async (name: string | undefined, flags: { readonly full?: true }) => {
      const { platform, app } = await needApp(context, name)
      const asked = flags.full === true ? 'promoteFull' : verb
      const { said } = await askPlatform(platform, { kind: 'verb', app, verb: asked }, { expect: 'done' })
      context.output.result(`${app}: ${said}`)
    })
  })
}

export function killCommand(context: CliContext): Command {
  return new Command('kill')
    .description('end all versions of an application, in all regions')
    .argument('[name]', 'name of the application (default: the one that runs)')
    .option('--yes', 'do not ask')
    .action(async (name: string | undefined, flags: { readonly yes?: true }) => {
      const { platform, app } = await needApp(context, name)
      await confirm(context, `End all versions of "${app}"?`, flags)
      await askPlatform(platform, { kind: 'verb', app, verb: 'kill' }, { expect: 'done' })
      const folders = gkeFolders(context.env)
      // The platform itself ends with its last application.
      const isThere = (): boolean => {
        const left = readApps(folders)
        return left.some((one) => one.app === app) || (left.length === 0 && isRunning(platform))
      }
      for (const until = performance.now() + END_MS; isThere(); await sleep(LOOK_MS))
        if (performance.now() > until)
          throw cliError('WEAVER_CLI_TIMEOUT', `"${app}" has not ended within ${END_MS / 1_000} s; it still drains`)
      context.output.result(`ended: ${app}`)
    })
}

async function needApp(context: CliContext, name: string | undefined): Promise<{ readonly platform: Platform; readonly app: string }> {
  const platform = await platformOfApps(context.env, (text) => context.output.progress(text))
  if (platform === undefined)
    throw cliError(
      'WEAVER_CLI_NOT_RUNNING',
      'no application runs on this machine by `weaver gke-local`; start one with `weaver gke-local deploy weaver.toml`',
    )
  const names = (await viewPlatform(platform)).apps.map(({ app }) => app)
  const [only] = names
  if (name !== undefined && names.includes(name)) return { platform, app: name }
  const running = names.map((one) => `"${one}"`).join(', ')
  if (name !== undefined) throw cliError('WEAVER_CLI_NOT_RUNNING', `"${name}" does not run by \`weaver gke-local\`; ${running} does`)
  if (only === undefined || names.length > 1) throw cliError('WEAVER_CLI_NOT_RUNNING', `${running} run; name the one that is meant`)
  return { platform, app: only }
}
