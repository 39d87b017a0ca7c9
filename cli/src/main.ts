// The composition root of the `weaver` command: it alone reads process.argv and process.env, installs signal handlers and ends the process.
import { createInterface } from 'node:readline/promises'
import { isWeaverError } from '@weaver/sdk/contract'
import { CommanderError } from 'commander'
import { createProgram } from './commands/program.js'
import type { CliContext } from './context.js'
import { EXIT, exitCodeOf } from './errors/catalogue.js'
import { createOutput } from './print/output.js'

const output = createOutput({ stdout: process.stdout, stderr: process.stderr, env: process.env })
const takers: ((signal: NodeJS.Signals) => void)[] = []
const SIGNAL_EXIT = { SIGINT: 130, SIGTERM: 143 } as const

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    const taker = takers.at(-1)
    if (taker === undefined) process.exit(SIGNAL_EXIT[signal])
    taker(signal)
  })
// `weaver kube logs hello | head` closes our stdout; that is no failure
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.ok)
  throw error
})

const context: CliContext = {
  env: process.env,
  cwd: process.cwd(),
  output,
  onSignal(listener) {
    takers.push(listener)
    return () => void takers.splice(takers.indexOf(listener), 1)
  },
  ...(process.stdin.isTTY && process.stderr.isTTY ? { ask } : {}),
  setExitCode: (code) => (process.exitCode = code),
}

async function ask(question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim())
  } finally {
    prompt.close()
  }
}

try {
  await createProgram(context).parseAsync(process.argv)
} catch (error) {
  process.exitCode = report(error)
}

function report(error: unknown): number {
  // commander has printed the help, the version or the complaint already
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
  const isDebugging = (process.env['WEAVER_DEBUG'] ?? '') !== ''
  if (isDebugging && error instanceof Error) output.error(error.stack ?? error.message)
  if (isDebugging && error instanceof Error && error.cause !== undefined)
    output.error(`caused by ${String((error.cause as Error).stack ?? error.cause)}`) // a cause need not be an Error
  if (!isDebugging) {
    output.error(error instanceof Error ? error.message : String(error))
    if (!isWeaverError(error)) output.error('this is a fault of weaver itself; WEAVER_DEBUG=1 shows where')
  }
  return exitCodeOf(error)
}
