import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  BOOTSTRAP_ENV,
  DESCRIBE_ENV,
  parseDescription,
  withDescribedConfig,
  type ComponentGraph,
  type DescribeRequest,
  type Description,
} from '@weaver/sdk/contract'
import { buildCommandFor } from '../packages/build-command.js'
import { cliError } from '../errors/catalogue.js'

/** Loading an application takes a second or two; one that takes longer is doing something else. */
const DEFAULT_TIMEOUT_MS = 30_000
const LAST_LINES = 10
/**
 * How long to wait for remaining output of an ended process: a child of it may hold its stderr
 * open.
 */
const DRAIN_MS = 500

export interface DescribeOptions {
  /** Folder of the package; the process runs in it. */
  readonly folder: string
  /** The command that starts the application, `node` first; any other is not run. */
  readonly command: readonly string[]
  readonly graph: ComponentGraph
  readonly env: Readonly<Record<string, string | undefined>>
  /** @default 30000 */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
  /** Receives what the application's author should know, though nothing is wrong. */
  readonly onWarning?: (line: string) => void
}

/**
 * The graph with the full JSON Schema of each component's configuration, from a describe run of the
 * built application. Nothing runs if no component takes configuration.
 * @throws WeaverError `WEAVER_CLI_DESCRIBE_FAILED`; `WEAVER_CLI_GENERATED_STALE` when build and
 * graph come from different sources
 */
export async function describedGraph(options: DescribeOptions): Promise<ComponentGraph> {
  const { graph, command } = options
  const components = graph.components.filter(({ config }) => config !== undefined).map(({ name }) => name)
  if (components.length === 0 || command[0] !== 'node') return graph
  const description = await describe(options, components)
  if (description.fingerprint !== graph.fingerprint)
    throw cliError(
      'WEAVER_CLI_GENERATED_STALE',
      `what is built in "${options.folder}" is older than its component graph; build again (\`${buildCommandFor(options.folder)}\`)`,
    )
  if (description.problems.length > 0) throw describeFailed(options, description.problems.join('\n  - '))
  for (const warning of description.warnings ?? []) options.onWarning?.(warning)
  return withDescribedConfig(graph, description)
}

async function describe(options: DescribeOptions, components: readonly string[]): Promise<Description> {
  const folder = await mkdtemp(join(tmpdir(), 'weaver-describe-'))
  try {
    const file = join(folder, 'description.json')
    const ended = await runToItsEnd(options, { file, components })
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) throw describeFailed(options, `${ended}, and did not describe itself; does it call run(App, weaver)?`)
    const description = parseDescription(text)
    if (typeof description === 'string')
      throw describeFailed(options, `its description cannot be used: ${description}; use the weaver command and the SDK of one release`)
    return description
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** @returns how it ended, in words, with the last lines of its output */
async function runToItsEnd(options: DescribeOptions, request: DescribeRequest): Promise<string> {
  const { folder, command, env, signal, timeoutMs = DEFAULT_TIMEOUT_MS } = options
  signal?.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, command.slice(1), {
      cwd: folder,
      env: { ...env, [BOOTSTRAP_ENV]: undefined, [DESCRIBE_ENV]: JSON.stringify(request) },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-10_000)))
    let drain: NodeJS.Timeout | undefined
    let isSettled = false
    const settle = (then: () => void): void => {
      isSettled = true
      clearTimeout(timer)
      clearTimeout(drain)
      signal?.removeEventListener('abort', stop)
      child.stderr.destroy() // otherwise a child of the process would keep this one waiting
      then()
    }
    const giveUp = (why: Error): void => {
      child.kill('SIGKILL')
      settle(() => reject(why))
    }
    const timer = setTimeout(() => {
      const seconds = timeoutMs / 1_000
      giveUp(
        describeFailed(
          options,
          `it did not end within ${seconds} s; modules, fields and constructors must not wait or keep anything running`,
        ),
      )
    }, timeoutMs)
    const stop = (): void => giveUp(signal?.reason as Error) // the signal's reason says why
    signal?.addEventListener('abort', stop, { once: true })
    const ended = (code: number | null, killed: NodeJS.Signals | null): void =>
      settle(() => {
        const lines = said.trimEnd().split('\n').slice(-LAST_LINES).join('\n')
        resolve(`it ended with ${killed ?? code ?? 'nothing'}${lines === '' ? '' : `, saying:\n${lines}\n`}`)
      })
    child.on('error', (cause) => settle(() => reject(describeFailed(options, `it cannot be started: ${cause.message}`, cause))))
    child.on('exit', (code, killed) => {
      if (isSettled) return
      clearTimeout(timer) // it ended in time
      drain = setTimeout(() => ended(code, killed), DRAIN_MS)
    })
    child.on('close', ended)
  })
}

function describeFailed({ folder, command }: DescribeOptions, why: string, cause?: unknown): Error {
  return cliError('WEAVER_CLI_DESCRIBE_FAILED', `\`${command.join(' ')}\` in "${folder}" cannot be described:\n  - ${why}`, { cause })
}
