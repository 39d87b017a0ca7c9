// The composition root of the `weaver` command: it alone reads process.argv and process.env,
// installs signal handlers and ends the process.
import { createInterface } from 'node:readline/promises'
import { createProgram } from './program.js'
import type { CliContext } from './context.js'
import { EXIT } from './errors/catalogue.js'
import { reportError } from './errors/report-error.js'
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
// `weaver kube logs hello | head` closes our stdout; that is not a failure. What runs an application stops it first.
let isUnread = false
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    if (isUnread) return // whatever is said while it stops
    isUnread = true
    const taker = takers.at(-1)
    if (taker === undefined) process.exit(EXIT.ok)
    taker('SIGPIPE')
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
  const program = await createProgram(context, process.argv.slice(2))
  await program.parseAsync(process.argv)
} catch (error) {
  process.exitCode = reportError(error, context)
}
