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
  const code = isWeaverError(error) ? error.code : undefined
  const isDebugging = (env['WEAVER_DEBUG'] ?? '') !== ''
  if (isDebugging && error instanceof Error) output.error(error.stack ?? error.message, code)
  if (isDebugging && error instanceof Error && error.cause !== undefined)
    output.error(`caused by ${String((error.cause as Error).stack ?? error.cause)}`) // a cause need not be an Error
  if (!isDebugging) {
    output.error(reasonOf(error), code)
    if (code === undefined) output.error('this is a fault of weaver itself; WEAVER_DEBUG=1 shows where')
  }
  return exitCodeOf(error)
}
