import { jsonLine, prettyPrinter, type LogEntry } from '@weaver/sdk/contract'
import { Command } from 'commander'
import type { CliContext } from '../../context.js'
import { foldersOf, type LocalDeployer } from '../../deployers/local/local-deployer.js'
import { cliError } from '../../errors/catalogue.js'
import { listLogFiles, type LogFile } from '../../logs/log-files.js'
import { createLogReader } from '../../logs/read-logs.js'
import { selectEntries, withLogSelectionFlags, type LogSelectionFlags } from '../../logs/select-entries.js'

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
    .argument('[name]', 'name of an application (default: all)')
    .option('--all', 'of all deployments that are kept, not only of the newest of each application')
    .option('-f, --follow', 'follow until Ctrl-C, including deployments that start later')
    .option('--tail <entries>', 'last entries only (default: all; 10 with --follow)')
    .option('--json', 'print one JSON object for each entry')
  return withLogSelectionFlags(command).action(async (name: string | undefined, flags: LogFlags) => {
    if (flags.tail !== undefined && !/^\d+$/.test(flags.tail))
      throw cliError('WEAVER_CLI_USAGE', `--tail "${flags.tail}" is not a number of entries`)
    const { isShown, problem } = selectEntries(flags)
    const tellProblem = (): void => {
      const told = problem()
      if (told !== undefined) context.output.warn(told)
    }
    const { logs: folder } = foldersOf(deployer, context.env)
    const files = listLogFiles(folder).filter(({ app }) => name === undefined || app === name)
    if (name !== undefined && files.length === 0 && flags.follow !== true)
      throw cliError('WEAVER_CLI_NOT_RUNNING', `no log is kept of "${name}"; ${remedy}`)
    const reader = createLogReader(folder, wanted(files, { name, isAll: flags.all === true }))
    const pretty = prettyPrinter({ isColored: context.output.isColored, showsReplica: true, isDated: deployer.name === 'multi' })
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

/** The newest deployment of each present application, and all later ones. */
function wanted(files: readonly LogFile[], of: { readonly name: string | undefined; readonly isAll: boolean }): (file: LogFile) => boolean {
  const newest = new Map(files.map(({ app, startedAt }) => [app, startedAt])) // files are in order of time
  return ({ app, startedAt }) => (of.name === undefined || app === of.name) && (of.isAll || startedAt >= (newest.get(app) ?? 0))
}
