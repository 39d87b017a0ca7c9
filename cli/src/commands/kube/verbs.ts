import { Command } from 'commander'
import type { WeaverApp } from '@weaver/crds'
import type { CliContext } from '../../context.js'
import type { KubeClient } from '../../deployers/kube/kube-client.js'
import { askOperator, needApp, restartPods, type AppName } from '../../deployers/kube/weaver-apps.js'
import { whoAmI } from '../../deployers/kube/who-am-i.js'
import { ROLLOUT_VERBS, rolloutVerbCommand, verbOf, type RolloutVerb, type RolloutVerbFlags } from '../rollout-verbs.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

interface Asking<F> {
  readonly client: KubeClient
  readonly app: AppName
  readonly found: WeaverApp
  /** Who and why, as far as that is known. */
  readonly note: string
  readonly flags: F
}

interface Asked {
  /** As in "the operator was asked to …". */
  readonly to: string
  /** What `--json` shows beside the application, the verb and the note. */
  readonly json: Readonly<Record<string, string | readonly string[]>>
  /** Why the operator may have nothing to do. */
  readonly warning?: string
}

export function rolloutCommands(context: CliContext): readonly Command[] {
  return ROLLOUT_VERBS.map((of) => asksOperator(context, rolloutVerbCommand(of, ['<name>', 'name of the application']), askEngine(of)))
}

export function restartCommand(context: CliContext): Command {
  const command = new Command('restart')
    .description('replace the pods of the active version, a few at a time, without a rollout')
    .argument('<name>', 'name of the application')
    .option('-m, --message <text>', 'why; the annotation shows it, with your name')
    .option('--json', 'print JSON')
  return asksOperator(context, command, async ({ client, app, found: { status }, note }) => {
    await restartPods(client, app, `${new Date().toISOString()}${note === '' ? '' : ` ${note}`}`)
    const version = status?.active
    return {
      to: `replace the pods of version ${version ?? '(none is active yet)'}`,
      json: version === undefined ? {} : { version },
    }
  })
}

function askEngine(of: RolloutVerb): (asking: Asking<RolloutVerbFlags>) => Promise<Asked> {
  return async ({ client, app, found: { status }, note, flags }) => {
    await askOperator(client, app, { verb: verbOf(of, flags), note })
    const { desired = '' } = status ?? {}
    if (of.isOfFailed === true && status?.burned?.includes(desired) === true)
      return { to: of.verb, json: {}, warning: `version ${desired} is burned, and does not start again; have the spec ask for another one` }
    const failed = status?.phase === 'Failed' ? status.desired : undefined
    const version = of.isOfFailed === true ? failed : status?.preview
    if (version !== undefined) return { to: of.asked(version), json: { preview: version } }
    const otherwise =
      of.isOfFailed === true ? 'the version that the spec asks for has neither failed nor been aborted' : 'no rollout is under way'
    return { to: of.verb, json: {}, warning: `${otherwise}; unless that has just changed, the operator does nothing` }
  }
}

/** A command that asks the operator for something about one application. */
export function asksOperator<F extends RolloutVerbFlags>(
  context: CliContext,
  command: Command,
  ask: (asking: Asking<F>) => Promise<Asked>,
): Command {
  return withClusterFlags(command).action(async (name: string, flags: F & ClusterFlags) => {
    const client = await connect(context, flags)
    const app = { namespace: flags.namespace ?? client.namespace, name }
    const found = await needApp(client, app)
    const note = [await whoAmI(client), flags.message].filter((part) => part !== undefined).join(': ')
    const { to, json, warning } = await ask({ client, app, found, note, flags })
    const title = `${app.namespace}/${name}`
    if (warning !== undefined) context.output.warn(`${title}: ${warning}`)
    if (flags.json === true) context.output.json({ ...app, verb: command.name(), ...json, ...(note === '' ? {} : { note }) })
    else context.output.result(`${title}: the operator was asked to ${to}`)
  })
}
