import { isWeaverError, reasonOf } from '@weaver/sdk/contract'
import { CommanderError } from 'commander'
import type { CliContext } from '../context.js'
import { EXIT, exitCodeOf } from './catalogue.js'

/**
 * Reports why a command failed: code and message, which includes the remedy; with `WEAVER_DEBUG`
 * everything.
 * @returns the exit code
 */
export function reportError(error: unknown, { output, env }: Pick<CliContext, 'output' | 'env'>): number {
  // commander has already printed the help, the version or the problem
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const system = systemRemedy(error)
  const code = isWeaverError(error) ? error.code : system === undefined ? undefined : 'WEAVER_CLI_SYSTEM'
  const isDebugging = (env['WEAVER_DEBUG'] ?? '') !== ''
  if (isDebugging && error instanceof Error) output.error(error.stack ?? error.message, code)
  if (isDebugging && error instanceof Error && error.cause !== undefined)
    output.error(`caused by ${String((error.cause as Error).stack ?? error.cause)}`) // a cause need not be an Error
  if (!isDebugging) {
    output.error(system === undefined ? reasonOf(error) : `${reasonOf(error)}; ${system}`, code)
    if (code === undefined) output.error('this is a fault of weaver itself; WEAVER_DEBUG=1 shows where')
  }
  return exitCodeOf(error)
}

const SYSTEM_REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'free some space; logs and the list of running deployments may be on another disk (XDG_STATE_HOME)',
  EDQUOT: 'your quota is used up: free some space; logs and the list of running deployments may be on another disk (XDG_STATE_HOME)',
  EROFS: 'the file system is read-only; name a folder on another one',
  EACCES: 'ask for the permission, or name another file or folder',
  EPERM: 'ask for the permission, or name another file or folder',
  ENOTDIR: 'something on the way to it is not a folder; correct the path',
  EMFILE: 'this process has too many open files; raise the limit (ulimit -n)',
  ENFILE: 'this machine has too many open files',
}

/** What to do about an error of the operating system that is not a fault of ours. */
function systemRemedy(error: unknown): string | undefined {
  const { code, syscall } = (error ?? {}) as Partial<NodeJS.ErrnoException> // whatever was thrown
  return code === undefined || syscall === undefined ? undefined : SYSTEM_REMEDIES[code]
}
