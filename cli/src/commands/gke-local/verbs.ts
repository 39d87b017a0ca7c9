import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { gkeFolders } from '../../deployers/gke-local/gke-folders.js'
import { askPlatform, platformOfApps, viewPlatform, type Platform, type PlatformVerb } from '../../deployers/gke-local/platform-control.js'
import { readApps } from '../../deployers/gke-local/platform-store.js'
import { isRunning } from '../../deployers/local/process-start.js'
import { cliError } from '../../errors/catalogue.js'
import { makeBurnCommand, type BurnFlags } from '../burn-command.js'
import { confirm, YES_FLAG, type ConfirmFlags } from '../local/confirm.js'
import { ROLLOUT_VERBS, rolloutVerbCommand, verbOf, type RolloutVerbFlags } from '../rollout-verbs.js'

const END_MS = 120_000
const LOOK_MS = 100

const NAME = ['[name]', 'name of the application (default: the one that runs)'] as const

export function verbCommands(context: CliContext): readonly Command[] {
  const ofEngine = ROLLOUT_VERBS.map((of) => asksPlatform(context, rolloutVerbCommand(of, NAME), (flags) => verbOf(of, flags)))
  const rollback = new Command('rollback')
    .description('go back to the version before, in all regions and all at once, also after the rollout')
    .argument(...NAME)
    .option('--json', 'print JSON')
  return [...ofEngine, asksPlatform(context, rollback, () => 'rollback'), burnCommand(context)]
}

function burnCommand(context: CliContext): Command {
  return makeBurnCommand(NAME).action(async (name: string | undefined, flags: BurnFlags) => {
    const { platform, app } = await needApp(context, name)
    const { version, message: note } = flags
    const request = {
      kind: 'verb',
      app,
      verb: 'burn',
      ...(version === undefined ? {} : { version }),
      ...(note === undefined ? {} : { note }),
    } as const
    const { said: would } = await askPlatform(platform, { ...request, isRehearsal: true }, { expect: 'done' })
    await confirm(context, `Burn versions of "${app}"? Then ${would}.`, flags)
    const { said, version: desired } = await askPlatform(platform, request, { expect: 'done' })
    if (flags.json === true) context.output.json({ app, verb: 'burn', version: desired, said, ...(note === undefined ? {} : { note }) })
    else context.output.result(`${app}: ${said}`)
  })
}

function asksPlatform(context: CliContext, command: Command, verbFor: (flags: RolloutVerbFlags) => PlatformVerb): Command {
  return command.action(async (name: string | undefined, flags: RolloutVerbFlags) => {
    const { platform, app } = await needApp(context, name)
    const note = flags.message
    const request = { kind: 'verb', app, verb: verbFor(flags), ...(note === undefined ? {} : { note }) } as const
    const { said, version } = await askPlatform(platform, request, { expect: 'done' })
    if (flags.json === true) context.output.json({ app, verb: command.name(), version, ...(note === undefined ? {} : { note }) })
    else context.output.result(`${app}: ${said}`)
  })
}

export function killCommand(context: CliContext): Command {
  return new Command('kill')
    .description('end all versions of an application, in all regions')
    .argument(...NAME)
    .option(...YES_FLAG)
    .action(async (name: string | undefined, flags: ConfirmFlags) => {
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
