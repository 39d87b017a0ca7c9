import { Writable } from 'node:stream'
import { createProgram } from '../program.js'
import { reportError } from '../errors/report-error.js'
import { createOutput } from '../print/output.js'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly cwd: string
  readonly env: Readonly<Record<string, string | undefined>>
  /** The user's answer at the terminal. @default there is no terminal */
  readonly answer?: boolean
}

export interface RunningWeaver {
  /** Output so far. */
  stdout(): string
  stderr(): string
  /** Ctrl-C. */
  interrupt(): void
  readonly done: Promise<Ran>
}

/**
 * Runs the command as main.ts does, but in this process: arguments and environment in, exit code
 * and both streams out.
 */
export function startWeaver(args: readonly string[], { cwd, env, answer }: RunOptions): RunningWeaver {
  const stdout = collector()
  const stderr = collector()
  const output = createOutput({ stdout, stderr, env })
  const takers: ((signal: NodeJS.Signals) => void)[] = []
  let code = 0
  const context = {
    env,
    cwd,
    output,
    onSignal(listener: (signal: NodeJS.Signals) => void) {
      takers.push(listener)
      return () => void takers.splice(takers.indexOf(listener), 1)
    },
    setExitCode: (to: number) => void (code = to),
    ...(answer === undefined ? {} : { ask: async () => answer }),
  }
  const done = createProgram(context, args)
    .then((program) => program.parseAsync(['node', 'weaver', ...args]))
    .then(
      () => code,
      (error: unknown) => reportError(error, context),
    )
    .then((ended) => ({ code: ended, stdout: stdout.text(), stderr: stderr.text() }))
  return { stdout: stdout.text, stderr: stderr.text, interrupt: () => takers.at(-1)?.('SIGINT'), done }
}

export function runWeaver(args: readonly string[], options: RunOptions): Promise<Ran> {
  return startWeaver(args, options).done
}

function collector(): Writable & { readonly text: () => string } {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  return Object.assign(stream, { text: () => text })
}
