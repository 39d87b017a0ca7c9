import { spawn } from 'node:child_process'

export interface ShResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}
export interface ShOptions {
  readonly input?: string
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** @default 120000 */
  readonly timeoutMs?: number
  /** Resolve whatever the exit code. @default false */
  readonly mayFail?: boolean
  /** Pass each chunk of stdout and stderr on, for people. */
  readonly onOutput?: (text: string) => void
}

/** Runs a command without a shell. A non-zero exit rejects with what it printed; so does running into the time limit. */
export async function sh(command: readonly [string, ...string[]], options: ShOptions = {}): Promise<ShResult> {
  const [file, ...args] = command
  const child = spawn(file, args, { cwd: options.cwd, env: { ...process.env, ...options.env }, stdio: ['pipe', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
    options.onOutput?.(chunk)
  })
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
    options.onOutput?.(chunk)
  })
  child.stdin.on('error', () => undefined /* the child may end without reading its input; its exit code tells */)
  child.stdin.end(options.input ?? '')
  const timeoutMs = options.timeoutMs ?? 120_000
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs)
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit, signal) => resolve(exit ?? (signal === null ? 1 : 128)))
  }).finally(() => clearTimeout(timer))
  if (code !== 0 && options.mayFail !== true)
    throw new Error(
      `${command.join(' ').slice(0, 400)}\nexit ${code} (limit ${timeoutMs} ms)\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`,
    )
  return { code, stdout, stderr }
}

/** Polls until `probe` gives something; the last reason it did not is in the error. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const limit = Date.now() + (options.timeoutMs ?? 60_000)
  let last: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined) return found
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() > limit) throw new Error(`gave up waiting for: ${what}${last === undefined ? '' : `\n${String(last)}`}`)
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 500))
  }
}
