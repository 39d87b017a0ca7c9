import { jsonLine, prettyPrinter, shortDeploymentId, type LogEntry } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { foldersOf, type LocalDeployer } from '../../deployers/local/local-deployer.js'
import { runningDeployments, type RunningDeployment } from '../../deployers/local/running-deployments.js'
import { cliError } from '../../errors/catalogue.js'
import { listLogFiles, type LogFile } from '../../logs/log-files.js'
import { createLogReader } from '../../logs/read-logs.js'
import { withLogSelectionFlags, type LogSelectionFlags } from '../../logs/selection-flags.js'

interface LogFlags extends LogSelectionFlags {
  readonly all?: true
  readonly follow?: true
  readonly tail?: string
  readonly json?: true
}

/** Past entries shown before new ones, by default. */
const FOLLOW_TAIL = 10
const NOTHING_SHOWN = 'no entry matches; --system also shows the entries of the runtime'

export function logsCommand(context: CliContext, deployer: LocalDeployer): Command {
  const remedy = `\`weaver ${deployer.name} deploy\` keeps it`
  const command = new Command('logs')
    .description(`print the logs that \`weaver ${deployer.name} deploy\` has kept, including those of ended applications`)
    .argument('[name]', 'name of an application (default: all), or a query')
    .option('--all', 'of all deployments that are kept, not only of the newest of each application')
    .option('-f, --follow', 'follow until Ctrl-C, including deployments that start later')
    .option('--tail <entries>', 'last entries only (default: all; 10 with --follow)')
    .option('--json', 'print one JSON object for each entry')
  return withLogSelectionFlags(command).action(async (given: string | undefined, asked: LogFlags) => {
    const { name, flags } = nameOrQuery(given, asked)
    if (flags.tail !== undefined && !/^\d+$/.test(flags.tail))
      throw cliError('WEAVER_CLI_USAGE', `--tail "${flags.tail}" is not a number of entries`)
    const { selectEntries } = await import('../../logs/select-entries.js') // the language of queries, which no other verb needs
    const { isShown, problem } = selectEntries(flags)
    const tellProblem = (): void => {
      const told = problem()
      if (told !== undefined) context.output.warn(told)
    }
    const { list, logs: folder } = foldersOf(deployer, context.env)
    const files = listLogFiles(folder).filter(({ app }) => name === undefined || app === name)
    if (name !== undefined && files.length === 0 && flags.follow !== true)
      throw cliError('WEAVER_CLI_NOT_RUNNING', `no log is kept of "${name}"; ${remedy}`)
    const isAll = flags.all === true
    const newest = isAll ? [] : newestOf(files, runningDeployments(list), name)
    for (const note of newest.flatMap((one) => noteOf(one) ?? [])) context.output.progress(note)
    const seen = new Set(files.map(({ deploymentId }) => deploymentId))
    const chosen = new Set(newest.flatMap(({ deploymentIds }) => deploymentIds))
    const reader = createLogReader(
      folder,
      ({ app, deploymentId }) => (name === undefined || app === name) && (isAll || chosen.has(deploymentId) || !seen.has(deploymentId)),
    )
    const pretty = prettyPrinter({ isColored: context.output.isColored, showsReplica: true, isDated: deployer.name !== 'single' })
    const print = (entry: LogEntry): void => context.output.result((flags.json === true ? jsonLine(entry) : pretty(entry)).trimEnd())

    const tail = flags.tail === undefined ? (flags.follow === true ? FOLLOW_TAIL : Infinity) : Number(flags.tail)
    const last: LogEntry[] = []
    let isAny = false
    for await (const entry of reader.read()) {
      if (!isShown(entry)) continue
      isAny = true
      if (tail === Infinity) print(entry)
      else if (last.push(entry) > tail) last.shift()
    }
    last.forEach(print)
    if (flags.follow !== true) {
      tellProblem()
      if (!isAny) context.output.progress(files.length > 0 ? NOTHING_SHOWN : `no log is kept; ${remedy}`)
      return
    }
    const interrupt = new AbortController()
    const release = context.onSignal(() => interrupt.abort())
    try {
      for await (const entry of reader.follow(interrupt.signal)) if (isShown(entry)) print(entry)
    } finally {
      release()
      tellProblem()
    }
  })
}

/** As in Service Weaver a query may stand where we have a name. No name has blanks, quotes or operators. @throws WeaverError `WEAVER_CLI_USAGE` for two queries */
function nameOrQuery(given: string | undefined, flags: LogFlags): { readonly name: string | undefined; readonly flags: LogFlags } {
  if (given === undefined || /^[-\w.@/]+$/.test(given)) return { name: given, flags }
  if (flags.query !== undefined) throw cliError('WEAVER_CLI_USAGE', 'there are two queries; give one')
  return { name: undefined, flags: { ...flags, query: given } }
}

/** Whose log is shown of one application. */
interface Newest {
  readonly app: string
  readonly deploymentIds: readonly string[]
  readonly startedAt: number
  /** Whether they run; else it is the one that was started last. */
  readonly isRunning: boolean
  /** Of those that run: whether none has written anything. */
  readonly isEmpty: boolean
}

/** Those that run, by application, and of an application that does not run the last one. */
function newestOf(files: readonly LogFile[], running: readonly RunningDeployment[], name: string | undefined): readonly Newest[] {
  const apps = new Set([...files, ...running].map(({ app }) => app).filter((app) => name === undefined || app === name))
  return [...apps].flatMap((app): Newest[] => {
    const now = running.filter((one) => one.app === app)
    const kept = files.filter((file) => file.app === app) // in order of time
    const [first] = now
    if (first !== undefined) {
      const deploymentIds = now.map(({ deploymentId }) => deploymentId)
      const isEmpty = !kept.some(({ deploymentId }) => deploymentIds.includes(deploymentId))
      return [{ app, deploymentIds, startedAt: first.startedAt, isRunning: true, isEmpty }]
    }
    const last = kept.at(-1)
    if (last === undefined) return []
    return [{ app, deploymentIds: [last.deploymentId], startedAt: last.startedAt, isRunning: false, isEmpty: false }]
  })
}

/** What a reader would take for something else: the log of a deployment that has ended, and none of one that runs. */
function noteOf({ app, deploymentIds, startedAt, isRunning, isEmpty }: Newest): string | undefined {
  const ids = deploymentIds.map(shortDeploymentId).join(', ')
  if (!isRunning) return `"${app}" does not run; this is the log of its last deployment, ${ids}, of ${new Date(startedAt).toISOString()}`
  return isEmpty ? `"${app}" (${ids}) runs, and has logged nothing yet; --all shows what is kept of deployments before it` : undefined
}
