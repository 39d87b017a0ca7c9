import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { askOperator, needApp } from '../../deployers/kube/weaver-apps.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

export function promoteCommand(context: CliContext): Command {
  return verbCommand(context, 'promote', 'end the hold or pause of the present step: the rollout goes on now')
}

export function abortCommand(context: CliContext): Command {
  return verbCommand(context, 'abort', 'give up the rollout under way: all traffic goes back to the active version')
}

function verbCommand(context: CliContext, verb: 'promote' | 'abort', description: string): Command {
  const command = new Command(verb).description(description).argument('<name>', 'name of the application').option('--json', 'print JSON')
  return withClusterFlags(command).action(async (name: string, flags: ClusterFlags & { readonly json?: true }) => {
    const client = await connect(context, flags)
    const app = { namespace: flags.namespace ?? client.namespace, name }
    const { status } = await needApp(client, app)
    await askOperator(client, app, verb)
    const preview = status?.preview
    if (preview === undefined)
      context.output.warn(`no rollout of "${app.namespace}/${name}" is under way; the operator acts on it when one is`)
    if (flags.json === true) context.output.json({ ...app, verb, ...(preview === undefined ? {} : { preview }) })
    else
      context.output.result(
        `${app.namespace}/${name}: the operator was asked to ${verb}${preview === undefined ? '' : ` version ${preview}`}`,
      )
  })
}
