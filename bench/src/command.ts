/** What the commands have in common: flags, `--help`, and errors that need no stack. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { parseArgs, type ParseArgsConfig } from 'node:util'

const EXIT_FAILED = 1
const EXIT_USAGE = 2

/** What the user can mend; told without a stack. */
export class BenchError extends Error {
  override readonly name = 'BenchError'
}
/** Flags that the command does not know, or values that it cannot take. */
export class UsageError extends BenchError {}

type Options = NonNullable<ParseArgsConfig['options']>
export interface Command<T extends Options> {
  /** Whole text of `--help`. */
  readonly usage: string
  /** `help` and `json` need not be among them. */
  readonly options: T
  readonly needs?: 'nats-server'
}
const COMMON = { help: { type: 'boolean', short: 'h', default: false }, json: { type: 'boolean', default: false } } as const

export async function runCommand<const T extends Options>(
  command: Command<T>,
  body: (flags: ReturnType<typeof parseArgs<{ options: T & typeof COMMON }>>['values']) => Promise<void>,
): Promise<void> {
  try {
    const values = parse({ ...command.options, ...COMMON })
    if ((values as { readonly help?: boolean }).help === true) {
      process.stdout.write(command.usage)
      return
    }
    if (command.needs !== undefined && !isOnPath(command.needs))
      throw new BenchError(
        `there is no ${command.needs} on the PATH; \`e2e/cluster/cluster.sh build\` builds it, then: export PATH="$(e2e/cluster/cluster.sh bin):$PATH"`,
      )
    await body(values)
  } catch (error) {
    process.exitCode = error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED
    process.stderr.write(`${error instanceof BenchError ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
    if (error instanceof UsageError) process.stderr.write(`\n${command.usage}`)
  }
}

function parse<T extends Options>(options: T): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** A flag that is a number from `min` on. */
export function numberFlag(name: string, text: string | undefined, min = 1): number {
  const value = Number(text)
  if (text === undefined || text.trim() === '' || !(value >= min))
    throw new UsageError(`--${name} is a number from ${min}, not "${text ?? ''}"`)
  return value
}

function isOnPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false // the next one may have it
    }
  })
}
