import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { access } from 'node:fs/promises'
import { constants } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { captureLines } from '@weaver/deployer'
import { banner, prettyPrinter, shortDeploymentId, SINGLE_ENV, type LogEntry, type SingleLaunch } from '@weaver/sdk/contract'
import { binaryOf, launchOf } from '../../config/launch.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { CliContext } from '../../context.js'
import { cliError } from '../../errors/catalogue.js'
import { DEFAULT_MAIN } from '../../image/make-image.js'
import { createLogWriter, removeOldLogs, type LogWriter } from '../../logs/log-files.js'
import { controlSocketPath, listSingle, removeControlSocket } from './running-singles.js'
import { LOGS_FOLDER, SINGLES_FOLDER, stateFolder } from './state-folder.js'

const KEEP_LOGS_MS = 14 * 24 * 60 * 60 * 1_000
/** How long the output of an application that has ended is waited for: what it has started may hold it open. */
const DRAIN_MS = 1_000

type SingleContext = Pick<CliContext, 'env' | 'onSignal' | 'ask' | 'output'>

/**
 * @returns the absolute path of what the file names as the application
 * @throws WeaverError `WEAVER_CLI_NOT_BUILT`
 */
export async function checkBinary(config: WeaverToml): Promise<string> {
  const binary = binaryOf(config)
  try {
    await access(binary)
    return binary
  } catch (cause) {
    throw cliError(
      'WEAVER_CLI_NOT_BUILT',
      `"${binary}", the binary of "${config.file}", does not exist; build it first (\`npm run build\`), or correct \`binary\``,
      { cause },
    )
  }
}

/**
 * Runs the whole application in one child process of this terminal, told by `WEAVER_CONFIG` where its weaver.toml is. Its log is printed, and kept in files for
 * `weaver single logs`; what it writes to stdout is passed on as it is. Signals are passed on, so that the application shuts down by itself; a second Ctrl-C
 * kills it.
 * @returns the child's exit code; 128 and the number of the signal when one ended it
 */
export async function runSingle(config: WeaverToml, context: SingleContext): Promise<number> {
  const binary = await checkBinary(config)
  const { command, cwd, env } = launchOf(config, context.env)
  const [first = binary, ...args] = command
  const app = config.application.name ?? basename(binary).replace(/\.[cm]?js$/, '') // as the SDK names it
  const [deploymentId, startedAt] = [randomUUID(), Date.now()]
  const state = openState(context, deploymentId)
  // Without one the application says it itself.
  if (state !== undefined) context.output.progress(banner([['app', app], ['deployment', deploymentId]]).trimEnd()) // prettier-ignore
  const launch: SingleLaunch | undefined =
    state === undefined ? undefined : { version: 1, deploymentId, controlSocket: state.controlSocket }
  const child = spawn(first === 'node' ? process.execPath : first, args, {
    cwd,
    env: { ...env, [SINGLE_ENV]: launch === undefined ? undefined : JSON.stringify(launch) },
    stdio: ['inherit', 'pipe', 'pipe'],
  })
  const isDrained = once(child, 'close').catch(() => undefined) // its failure is told below
  const pid = child.pid ?? 0
  const of = { app, version: shortDeploymentId(deploymentId), deploymentId, group: 'main', replica: String(pid) }
  const writer = state && createLogWriter(state.logs, { ...of, startedAt }, { onProblem: warnOf(context, 'the log cannot be kept') })
  const captures = print(child, { of, writer, output: context.output })
  const unlist =
    state && pid !== 0
      ? attempt(context, () =>
          listSingle(state.singles, {
            version: 1,
            app,
            deploymentId,
            pid,
            startedAt,
            config: config.path,
            controlSocket: state.controlSocket,
          }),
        )
      : undefined
  let signals = 0
  const release = context.onSignal((signal) => {
    // A terminal sends Ctrl-C to the child as well; a second SIGINT there would be taken for impatience.
    if (++signals > 1) child.kill('SIGKILL')
    else if (signal !== 'SIGINT' || context.ask === undefined) child.kill(signal)
  })
  try {
    return await new Promise<number>((done, fail) => {
      child.on('error', (cause: NodeJS.ErrnoException) => {
        const why =
          cause.code === 'EACCES'
            ? `it is no file that may be run; make it executable (chmod +x), or name a script such as ${DEFAULT_MAIN}`
            : cause.message
        fail(cliError('WEAVER_CLI_CHILD_FAILED', `"${binary}", the binary of "${config.file}", cannot be started: ${why}`, { cause }))
      })
      child.on('exit', (code, signal) => done(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
    })
  } finally {
    release()
    if (unlist !== undefined) unlist()
    else if (state !== undefined) removeControlSocket(state.singles, state.controlSocket)
    await Promise.race([isDrained, sleep(DRAIN_MS, undefined, { ref: false })])
    for (const capture of captures) capture.end()
    writer?.close()
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
    const folder = stateFolder(context.env)
    const [singles, logs] = [join(folder, SINGLES_FOLDER), join(folder, LOGS_FOLDER)]
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
  return (error) => output.warn(`${what}: ${error instanceof Error ? error.message : String(error)}`)
}

/** Prints what a child writes, and keeps it: its stdout as it is, entries of its log for people, the rest of its stderr as it is. */
function print(
  child: { readonly stdout: NodeJS.ReadableStream; readonly stderr: NodeJS.ReadableStream },
  to: { readonly of: Partial<LogEntry>; readonly writer: LogWriter | undefined; readonly output: CliContext['output'] },
): readonly { end(): void }[] {
  const { of, writer, output } = to
  const pretty = prettyPrinter({ isColored: output.isColored })
  const stdout = captureLines({ stream: 'stdout', of, onEntry: (entry) => writer?.write(entry) })
  const stderr = captureLines({
    stream: 'stderr',
    of,
    onEntry(entry) {
      output.raw('stderr', entry.level === 'stderr' ? `${entry.message}\n` : pretty(entry))
      writer?.write(entry)
    },
    onBlank: () => output.raw('stderr', '\n'),
  })
  child.stdout.on('data', (chunk: Buffer) => {
    output.raw('stdout', chunk)
    stdout.write(chunk)
  })
  child.stderr.on('data', (chunk: Buffer) => stderr.write(chunk))
  return [stdout, stderr]
}
