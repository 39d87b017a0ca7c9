import type { WeaverApp } from '@weaver/crds'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { knownVersions, type KnownVersion } from '../../deployers/kube/known-versions.js'
import { needApp } from '../../deployers/kube/weaver-apps.js'
import { formatAge, formatTable } from '../../print/table.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

export function historyCommand(context: CliContext): Command {
  const command = new Command('history')
    .description('list the versions of an application that the cluster knows: any of them can be rolled back to')
    .argument('<name>', 'name of the application')
    .option('--json', 'print JSON, with the spec of each version')
  return withClusterFlags(command).action(async (name: string, flags: ClusterFlags & { readonly json?: true }) => {
    const client = await connect(context, flags)
    const app = await needApp(client, { namespace: flags.namespace ?? client.namespace, name })
    const known = await knownVersions(client, app.metadata)
    if (flags.json === true)
      context.output.json(known.map((version) => ({ ...version, state: stateOf(version, app), ...lastEvent(version, app) })))
    else if (known.length === 0) context.output.progress('the cluster knows no version of it yet')
    else context.output.result(formatTable([HEADER, ...known.map((version) => rowOf(version, app, Date.now()))]).join('\n'))
  })
}

const HEADER = ['REVISION', 'VERSION', 'STATE', 'IMAGE', 'LAST EVENT', 'AGE']

function rowOf(version: KnownVersion, app: WeaverApp, now: number): readonly string[] {
  const { event, at, message } = lastEvent(version, app)
  const age = at === undefined ? '' : formatAge(now - Date.parse(at))
  return [
    String(version.revision),
    version.id,
    stateOf(version, app),
    version.spec.image,
    event === undefined ? '' : `${event}: ${message}`,
    age,
  ]
}

/**
 * `active`, `preview`, `burned`, `retired` (it does not run, and is known), or the phase of a version that is
 * neither served nor rolled out: `draining`, `failed`, `pending` while the operator has not taken
 * it up.
 */
function stateOf({ id, retiredAt }: KnownVersion, { status }: WeaverApp): string {
  if (id === status?.active) return 'active'
  if (id === status?.preview) return 'preview'
  if (status?.burned?.includes(id) === true) return 'burned'
  if (id === status?.desired && status.phase === 'Failed') return 'failed'
  if (retiredAt !== undefined) return 'retired'
  return status?.versions?.find((version) => version.id === id)?.phase.toLowerCase() ?? 'pending'
}

/** The youngest entry of the history that says how the version fared; its steps say nothing. */
function lastEvent(
  { id }: KnownVersion,
  { status }: WeaverApp,
): { readonly event?: string; readonly at?: string; readonly message?: string } {
  const found = status?.history?.findLast(({ version, event }) => version === id && !PASSING.includes(event))
  return found === undefined ? {} : { event: found.event, at: found.at, message: found.message }
}

const PASSING = ['StepStarted', 'DrainStarted', 'VersionRetained', 'VersionRemoved', 'DrainCut']
