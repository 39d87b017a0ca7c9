import { Command } from 'commander'
import type { WeaverApp } from '@weaver/crds'
import type { CliContext } from '../../context.js'
import type { KubeClient } from '../../deployers/kube/kube-client.js'
import { askOperator, needApp, restartPods, type OperatorVerb } from '../../deployers/kube/weaver-apps.js'
import { whoAmI } from '../../deployers/kube/who-am-i.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

interface VerbFlags extends ClusterFlags {
  readonly json?: true
  readonly message?: string
  readonly full?: true
}
interface VerbText {
  readonly verb: OperatorVerb
  readonly description: string
  /** As in "the operator was asked to …". */
  readonly asked: (version: string) => string
  /** The version that it is about, as the status has it; `undefined`: there is nothing to do. */
  readonly versionOf: (app: WeaverApp) => string | undefined
  /** Why there is nothing to do. */
  readonly otherwise: string
}

const underWay = {
  versionOf: ({ status }: WeaverApp) => status?.preview,
  otherwise: 'no rollout is under way',
}

export function promoteCommand(context: CliContext): Command {
  return verbCommand(context, {
    verb: 'promote',
    description: 'go on now: ends the hold or pause of the present step, and a pause by `kube pause`',
    asked: (version) => `promote version ${version}`,
    ...underWay,
  }).option('--full', 'go to 100 % as soon as the version is ready, without the steps and holds that are left')
}

export function pauseCommand(context: CliContext): Command {
  return verbCommand(context, {
    verb: 'pause',
    description: 'keep the weights of the rollout under way as they are, until resume or promote',
    asked: (version) => `pause the rollout of version ${version}`,
    ...underWay,
  })
}

export function resumeCommand(context: CliContext): Command {
  return verbCommand(context, {
    verb: 'resume',
    description: 'end a pause by `kube pause`; gives a rollout that is halted its deadline once more',
    asked: (version) => `resume the rollout of version ${version}`,
    ...underWay,
  })
}

export function abortCommand(context: CliContext): Command {
  return verbCommand(context, {
    verb: 'abort',
    description: 'give up the rollout under way: all traffic goes back to the active version',
    asked: (version) => `abort the rollout of version ${version}`,
    ...underWay,
  })
}

export function retryCommand(context: CliContext): Command {
  return verbCommand(context, {
    verb: 'retry',
    description: 'start the rollout of a version again that failed or was aborted',
    asked: (version) => `try version ${version} again`,
    versionOf: ({ status }) => (status?.phase === 'Failed' ? status.desired : undefined),
    otherwise: 'the version that the spec asks for has neither failed nor been aborted',
  })
}

export function restartCommand(context: CliContext): Command {
  const command = new Command('restart')
    .description('replace the pods of the active version, a few at a time, without a rollout')
    .argument('<name>', 'name of the application')
    .option('-m, --message <text>', 'why; the annotation shows it, with your name')
    .option('--json', 'print JSON')
  return withClusterFlags(command).action(async (name: string, flags: VerbFlags) => {
    const client = await connect(context, flags)
    const app = { namespace: flags.namespace ?? client.namespace, name }
    const { status } = await needApp(client, app)
    const note = await noteOf(client, flags.message)
    await restartPods(client, app, `${new Date().toISOString()}${note === '' ? '' : ` ${note}`}`)
    const version = status?.active
    if (flags.json === true)
      context.output.json({ ...app, verb: 'restart', ...(version === undefined ? {} : { version }), ...(note === '' ? {} : { note }) })
    else
      context.output.result(
        `${app.namespace}/${name}: the operator was asked to replace the pods of version ${version ?? '(none is active yet)'}`,
      )
  })
}

/** Who and why, as far as that is known. */
async function noteOf(client: KubeClient, message: string | undefined): Promise<string> {
  return [await whoAmI(client), message].filter((part) => part !== undefined).join(': ')
}

function verbCommand(context: CliContext, of: VerbText): Command {
  const command = new Command(of.verb)
    .description(of.description)
    .argument('<name>', 'name of the application')
    .option('-m, --message <text>', 'why; status, events and history show it, with your name')
    .option('--json', 'print JSON')
  return withClusterFlags(command).action(async (name: string, flags: VerbFlags) => {
    const client = await connect(context, flags)
    const app = { namespace: flags.namespace ?? client.namespace, name }
    const version = of.versionOf(await needApp(client, app))
    const note = await noteOf(client, flags.message)
    await askOperator(client, app, { verb: flags.full === true ? 'promoteFull' : of.verb, note })
    const title = `${app.namespace}/${name}`
    if (version === undefined) context.output.warn(`${title}: ${of.otherwise}; unless that has just changed, the operator does nothing`)
    if (flags.json === true)
      context.output.json({
        ...app,
        verb: of.verb,
        ...(version === undefined ? {} : { preview: version }),
        ...(note === '' ? {} : { note }),
      })
    else context.output.result(`${title}: the operator was asked to ${version === undefined ? of.verb : of.asked(version)}`)
  })
}
