import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { listNotices } from '../../deployers/kube/app-notices.js'
import { rolloutStory, storyLines } from '../../deployers/kube/rollout-story.js'
import { needApp } from '../../deployers/kube/weaver-apps.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

export function explainCommand(context: CliContext): Command {
  const command = new Command('explain')
    .description('tell how the last rollout of an application went, step by step, and what it waits for')
    .argument('<name>', 'name of the application')
    .option('--json', 'print JSON')
  return withClusterFlags(command).action(async (name: string, flags: ClusterFlags & { readonly json?: true }) => {
    const client = await connect(context, flags)
    const app = await needApp(client, { namespace: flags.namespace ?? client.namespace, name })
    const story = rolloutStory(app, await listNotices(client, app.metadata))
    if (flags.json === true) context.output.json(story ?? null)
    else if (story === undefined) context.output.progress('nothing is noted of a rollout of it yet; `weaver kube status` shows how it is')
    else context.output.result(storyLines(`${app.metadata.namespace}/${name}`, story).join('\n'))
  })
}
