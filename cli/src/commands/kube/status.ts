import { setTimeout as sleep } from 'node:timers/promises'
import type { WeaverApp } from '@weaver/crds'
import { isWeaverError } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { KubeClient } from '../../deployers/kube/kube-client.js'
import type { Pod } from '../../deployers/kube/pod.js'
import { appDetails, appsTable } from '../../deployers/kube/rollout-view.js'
import { absenceLine, operatorPresence } from '../../deployers/kube/operator-presence.js'
import { listApps, listPods, needApp } from '../../deployers/kube/weaver-apps.js'
import { cliError, EXIT } from '../../errors/catalogue.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

interface StatusFlags extends ClusterFlags {
  readonly allNamespaces?: true
  readonly watch?: true
  readonly json?: true
}

export function statusCommand(context: CliContext): Command {
  const command = new Command('status')
    .description(
      'show applications: all of a namespace in a table, or one as a tree of versions, groups and pods, with conditions, schedule and history',
    )
    .argument('[name]', 'name of an application')
    .option('-A, --all-namespaces', 'applications of all namespaces')
    .option('-w, --watch', 'keep showing until Ctrl-C')
    .option('--json', 'print JSON; with --watch one document for each change')
  return withClusterFlags(command).action(async (name: string | undefined, flags: StatusFlags) => {
    if (name !== undefined && flags.allNamespaces === true)
      throw cliError('WEAVER_CLI_USAGE', 'a name is looked up in one namespace; leave out --all-namespaces')
    const client = await connect(context, flags)
    if (flags.watch === true) await watch(context, client, { name, flags })
    else {
      const [seen, absence] = await Promise.all([look(client, name, flags), absenceOf(client)])
      if (absence !== undefined && seen.apps.length > 0) context.output.warn(absence)
      show(context, seen, { name, flags })
    }
  })
}

interface Asked {
  readonly name: string | undefined
  readonly flags: StatusFlags
}

interface Seen {
  readonly apps: readonly WeaverApp[]
  /** Of the one that was asked for; absent for JSON, and where the user may not list them. */
  readonly pods?: readonly Pod[]
}

async function look(client: KubeClient, name: string | undefined, flags: StatusFlags): Promise<Seen> {
  const namespace = flags.namespace ?? client.namespace
  if (name === undefined) return { apps: await listApps(client, flags.allNamespaces === true ? undefined : namespace) }
  const apps = [await needApp(client, { namespace, name })]
  if (flags.json === true) return { apps }
  const pods = await listPods(client, { namespace, name }, {}).catch((error: unknown) => {
    if (isWeaverError(error, 'WEAVER_CLI_KUBE_FORBIDDEN')) return undefined
    throw error
  })
  return { apps, ...(pods === undefined ? {} : { pods }) }
}

const absenceOf = async (client: KubeClient): Promise<string | undefined> => absenceLine(await operatorPresence(client))

function show({ output }: CliContext, seen: Seen, { name, flags }: Asked): void {
  const { apps } = seen
  if (flags.json === true) output.json(name === undefined ? apps : apps[0])
  else if (apps.length === 0)
    output.progress(
      flags.allNamespaces === true ? 'there are no applications' : 'there are no applications in this namespace; -A shows all',
    )
  else output.result(lines({ output }, seen, { name, flags }).join('\n'))
}

function lines({ output }: Pick<CliContext, 'output'>, { apps, pods }: Seen, { name, flags }: Asked): readonly string[] {
  const options = { now: Date.now(), style: output.style }
  const [app] = apps
  return name !== undefined && app !== undefined
    ? appDetails(app, { ...options, pods })
    : appsTable(apps, { ...options, hasNamespace: flags.allNamespaces === true })
}

async function watch(context: CliContext, client: KubeClient, asked: Asked): Promise<void> {
  const { output } = context
  const interrupt = new AbortController()
  const release = context.onSignal(() => interrupt.abort())
  let last = ''
  try {
    while (!interrupt.signal.aborted) {
      const [seen, absence] = await Promise.all([look(client, asked.name, asked.flags), absenceOf(client)])
      const { apps } = seen
      const text = JSON.stringify(apps.map((app) => [app.metadata.name, app.metadata.generation, app.status]))
      const warning = absence === undefined || apps.length === 0 ? [] : [output.style.yellow(absence)]
      if (output.live !== undefined && asked.flags.json !== true) output.live.draw([...warning, ...lines(context, seen, asked)])
      else if (text !== last) {
        if (absence !== undefined && warning.length > 0) output.warn(absence)
        show(context, seen, asked)
      }
      last = text
      await sleep(1000, undefined, { signal: interrupt.signal }).catch(() => undefined) // the loop's condition sees the signal
    }
  } finally {
    output.live?.done()
    release()
  }
  context.setExitCode(EXIT.ok)
}
