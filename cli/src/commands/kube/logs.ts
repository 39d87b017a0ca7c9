import { componentGroupName, LABELS, type GroupSpec } from '@weaver/crds'
import { parseJsonLine, prettyPrinter, type LogEntry } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import type { WantedGroup } from '../../deployers/kube/hosted-components.js'
import { followLogs, readLogs, type LogLine, type LogOptions } from '../../deployers/kube/stream-logs.js'
import { needApp } from '../../deployers/kube/weaver-apps.js'
import { cliError } from '../../errors/catalogue.js'
import { selectEntries } from '../../logs/select-entries.js'
import { withLogSelectionFlags, type LogSelectionFlags } from '../../logs/selection-flags.js'
import { connect, withClusterFlags, type ClusterFlags } from './flags.js'

interface LogFlags extends ClusterFlags, LogSelectionFlags {
  readonly version?: string
  readonly group?: string
  readonly component?: string
  readonly follow?: true
  readonly tail?: string
  readonly json?: true
}

export function logsCommand(context: CliContext): Command {
  const command = new Command('logs')
    .description('print the logs of all pods of an application as one stream')
    .argument('<name>', 'name of the application')
    .option('--version <id>', 'of one version only')
    .option('--group <name>', 'of one colocation group only')
    .option('--component <name>', 'of the group that hosts a component only')
    .option('-f, --follow', 'follow until Ctrl-C, including pods that start later')
    .option('--tail <lines>', 'last lines of each pod (default: all; 10 with --follow)')
    .option('--json', 'print one JSON object for each line')
  return withClusterFlags(withLogSelectionFlags(command)).action(async (name: string, flags: LogFlags) => {
    if (flags.group !== undefined && flags.component !== undefined)
      throw cliError('WEAVER_CLI_USAGE', 'give --group or --component, not both')
    if (flags.tail !== undefined && !/^\d+$/.test(flags.tail))
      throw cliError('WEAVER_CLI_USAGE', `--tail "${flags.tail}" is not a number of lines`)
    const { isShown, problem } = selectEntries(flags)
    const client = await connect(context, flags)
    const app = { namespace: flags.namespace ?? client.namespace, name }
    const { spec } = await needApp(client, app)
    const groups = spec.groups ?? []
    const group = wantedGroup(groups, flags)
    const interrupt = new AbortController()
    const release = context.onSignal(() => interrupt.abort())
    const options: LogOptions = {
      app,
      ...(flags.version === undefined ? {} : { version: flags.version }),
      ...(group === undefined ? {} : { group }),
      ...(flags.tail === undefined ? {} : { tail: Number(flags.tail) }),
      signal: interrupt.signal,
      labels: { group: LABELS.group, version: LABELS.version },
      onProblem: (message) => context.output.warn(message),
    }
    const pretty = prettyPrinter({ isColored: context.output.isColored })
    const print = (line: LogLine): void => {
      const own = parseJsonLine(line.text)
      if (isShown(own ?? plainEntry(name, line)))
        context.output.result(
          flags.json === true
            ? JSON.stringify(toJson(line))
            : `${whereOf(line, context)} ${own === undefined ? line.text : pretty(own).trimEnd()}`,
        )
    }
    try {
      if (flags.follow === true) await followLogs(client, options, print)
      else {
        const lines = await readLogs(client, options)
        lines.forEach(print)
        if (lines.length === 0)
          context.output.progress(
            `no pod of "${app.namespace}/${name}" has written anything${group === undefined ? '' : ` in group "${group.name}"`}`,
          )
      }
    } finally {
      release()
      const told = problem()
      if (told !== undefined) context.output.warn(told)
    }
  })
}

function wantedGroup(groups: readonly GroupSpec[], { group, component }: Pick<LogFlags, 'group' | 'component'>): WantedGroup | undefined {
  const names = groups.map((g) => g.name)
  if (component !== undefined)
    return { name: groups.find((g) => g.components.includes(component))?.name ?? componentGroupName(component, names), component }
  if (group === undefined) return undefined
  const hosted = groups.find((g) => g.name === group)?.components[0]
  return { name: group, ...(hosted === undefined ? {} : { component: hosted }) }
}

/** A line that the application wrote as a JSON object is merged into the object. */
function toJson(line: LogLine): unknown {
  const { text, ...where } = line
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return { ...where, entry: parsed }
  } catch {
    // not every line is JSON
  }
  return { ...where, text }
}

/** An entry for the query, of a line that the application wrote without its logger. */
function plainEntry(app: string, { time, pod, group, version, text }: LogLine): LogEntry {
  return { time, level: 'stdout', message: text, app, version, group, replica: pod, attributes: {} }
}

function whereOf({ version, group, pod }: LogLine, { output }: CliContext): string {
  return output.style.dim(`${version}/${group}/${pod.slice(pod.lastIndexOf('-') + 1)}`)
}
