import { randomUUID } from 'node:crypto'
import { constants } from 'node:os'
import { causeText, lastWords, LIFELINE_FD, startEnvelope, type Death, type End, type EnvelopeOutput } from '@weaver/deployer'
import { banner, prettyPrinter, reasonOf, shortDeploymentId, SINGLE_ENV, type SingleLaunch } from '@weaver/sdk/contract'
import { binaryOf, launchOf, localAppName } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError, EXIT } from '../../errors/catalogue.js'
import { DEFAULT_MAIN } from '../../config/default-main.js'
import { createLogWriter, KEEP_LOGS_MS, removeOldLogs, type LogWriter } from '../../logs/log-files.js'
import { controlSocketPath, listDeployment, removeControlSocket } from '../local/running-deployments.js'
import { foldersOf } from '../local/local-deployer.js'
import { singleDeployer } from '../local/single-deployer.js'

/** Of an application that was killed. */
const LAST_LINES = 5

type SingleContext = Pick<CliContext, 'env' | 'onSignal' | 'ask' | 'output'>

/**
 * Runs the whole application in one child process of this terminal, told by `WEAVER_CONFIG` where its weaver.toml is. Its log is printed, and kept in files for
 * `weaver single logs`; what it writes to stdout is passed on as it is. Signals are passed on, so that the application shuts down by itself; a second Ctrl-C
 * kills it. It shuts down by itself, too, when this command is killed. An end that nobody asked for is told.
 * @returns the child's exit code; 128 and the number of the signal when one ended it; 141 when nobody read the output any more
 */
export async function runSingle(config: WeaverToml, context: SingleContext): Promise<number> {
  const binary = binaryOf(config)
  const { command, cwd, env } = launchOf(config, context.env)
  const [first = binary, ...args] = command
  const app = localAppName(config)
  const [deploymentId, startedAt] = [randomUUID(), Date.now()]
  const state = openState(context, deploymentId)
  // Without one the application says it itself.
  if (state !== undefined) context.output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
  const launch: SingleLaunch | undefined =
    state === undefined ? undefined : { version: 1, deploymentId, controlSocket: state.controlSocket, lifelineFd: LIFELINE_FD }
  const identityOf = (pid: number) => ({ app, version: shortDeploymentId(deploymentId), deploymentId, group: 'main', replica: String(pid) })
  const listeners = Object.fromEntries(
    Object.entries(config.single.listeners ?? {}).flatMap(([name, { address }]) => (address === undefined ? [] : [[name, address]])),
  )
  let writer: LogWriter | undefined
  let unlist: (() => void) | undefined
  const envelope = startEnvelope({
    name: app,
    command: {
      file: first === 'node' ? process.execPath : first,
      args,
      cwd,
      env: { ...env, [SINGLE_ENV]: launch === undefined ? undefined : JSON.stringify(launch) },
      stdin: 'inherit',
      hasLifeline: launch !== undefined,
    },
    identity: identityOf,
    output: outputTo(context.output, () => writer),
    onEvent(event) {
      if (event.kind !== 'spawned' || state === undefined) return
      const { pid } = event
      writer = createLogWriter(state.logs, { ...identityOf(pid), startedAt }, { onProblem: warnOf(context, 'the log cannot be kept') })
      const { controlSocket, singles } = state
      const entry = { version: 1, app, deploymentId, pid, startedAt, config: config.path, controlSocket, listeners } as const
      unlist = attempt(context, () => listDeployment(singles, entry))
    },
  })
  let signals = 0
  let isUnread = false
  const release = context.onSignal((signal) => {
    if (signal === 'SIGPIPE') {
      isUnread = true
      return envelope.kill('SIGTERM')
    }
    // A terminal sends Ctrl-C to the child as well; a second SIGINT there would be taken for impatience.
    if (++signals > 1) envelope.kill('SIGKILL')
    else if (signal !== 'SIGINT' || context.ask === undefined) envelope.kill(signal)
  })
  try {
    const end = await envelope.ended
    const code = exitCodeOf(end, `"${binary}", the binary of "${config.file}",`)
    if (isUnread) return code === 0 ? EXIT.unread : code
    if (code !== 0 && signals === 0 && end.death !== undefined) context.output.error(endText(app, end.death), 'WEAVER_CLI_DEPLOYMENT_ENDED')
    return code
  } finally {
    release()
    if (unlist !== undefined) unlist()
    else if (state !== undefined) removeControlSocket(state.singles, state.controlSocket)
    writer?.close()
  }
}

/** How an application ended that was not asked to. One that exits has said why; for one that was killed stand its last lines. */
function endText(app: string, { cause, pid, lastEntries }: Death): string {
  const what = `"${app}" (process ${pid}) ${causeText(cause)}`
  if (cause.kind !== 'signal') return `${what}; what it said last is above`
  const last = lastWords({ lastEntries: lastEntries.slice(-LAST_LINES) })
  const perhaps = cause.signal === 'SIGKILL' ? ' (by a user, or by the system when memory ran out)' : ''
  return `${what}${perhaps}; ${last === '' ? 'it had said nothing' : `it said last:\n${last}`}`
}

/** @throws WeaverError `WEAVER_CLI_CHILD_FAILED`: it could not be started */
function exitCodeOf({ death }: End, what: string): number {
  const cause = death?.cause
  switch (cause?.kind) {
    case 'exit':
      return cause.code
    case 'signal':
      return 128 + constants.signals[cause.signal]
    case 'spawn': {
      const why =
        cause.error.code === 'EACCES'
          ? `it is not a file that may be run; make it executable (chmod +x), or name a script such as ${DEFAULT_MAIN}`
          : cause.error.message
      throw cliError('WEAVER_CLI_CHILD_FAILED', `${what} cannot be started: ${why}`, { cause: cause.error })
    }
    case 'lost': // it is on this machine
    case 'late': // nothing is asked whether it is ready
    case undefined: // nor is it stopped before it ran
      return 1
  }
}

interface State {
  readonly singles: string
  readonly logs: string
  readonly controlSocket: string
}

/** Where this deployment leaves its traces. Without a place for them it runs all the same. */
function openState(context: SingleContext, deploymentId: string): State | undefined {
  return attempt(context, () => {
    const { list: singles, logs } = foldersOf(singleDeployer, context.env)
    removeOldLogs(logs, Date.now() - KEEP_LOGS_MS)
    return { singles, logs, controlSocket: controlSocketPath(singles, deploymentId) }
  })
}

function attempt<R>(context: SingleContext, body: () => R): R | undefined {
  try {
    return body()
  } catch (error) {
    warnOf(context, '`weaver single logs`, `status`, `metrics` and `profile` will not find this deployment')(error)
    return undefined
  }
}

function warnOf({ output }: SingleContext, what: string): (error: unknown) => void {
  return (error) => output.warn(`${what}: ${reasonOf(error)}`)
}

/** Prints what the application writes, and keeps it: its stdout as it is, entries of its log for people, the rest of its stderr as it is. */
function outputTo(output: CliContext['output'], writer: () => LogWriter | undefined): EnvelopeOutput {
  const pretty = prettyPrinter({ isColored: output.isColored })
  return {
    chunk(chunk, stream) {
      if (stream === 'stdout') output.raw('stdout', chunk)
    },
    entry(entry, stream) {
      if (stream === 'stderr') output.raw('stderr', entry.level === 'stderr' ? `${entry.message}\n` : pretty(entry))
      writer()?.write(entry)
    },
    blank(stream) {
      if (stream === 'stderr') output.raw('stderr', '\n')
    },
  }
}
