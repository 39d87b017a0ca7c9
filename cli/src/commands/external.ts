/** External commands: `weaver NAME …` runs the program `weaver-NAME` of the PATH, as git does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import { reasonOf } from '@weaver/sdk/contract'
import type { CliContext } from '../context.js'
import { cliError } from '../errors/catalogue.js'
import { findProgram } from '../programs/find-program.js'

/** @returns the path of the program */
export function findExternal(name: string, env: CliContext['env']): string | undefined {
  if (!/^[\w-]+$/.test(name)) return undefined
  return findProgram(process.platform === 'win32' ? `weaver-${name}.exe` : `weaver-${name}`, env)
}

/**
 * Runs it with this command's terminal, environment and folder.
 * @returns its exit code, or 128 plus the number of the signal that ended it
 * @throws WeaverError `WEAVER_CLI_USAGE` when it cannot be started
 */
export async function runExternal(path: string, args: readonly string[], { cwd, env, onSignal }: CliContext): Promise<number> {
  const child = spawn(path, args, { cwd, env, stdio: 'inherit' })
  // The terminal sends Ctrl-C to both processes.
  const release = onSignal((signal) => void (signal === 'SIGTERM' && child.kill(signal)))
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
  } catch (cause) {
    throw cliError('WEAVER_CLI_USAGE', `"${path}" cannot be run: ${reasonOf(cause)}`, { cause })
  } finally {
    release()
  }
}
