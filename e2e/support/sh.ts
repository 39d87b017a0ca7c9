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
  /** A limit for what hangs, not for what is slow. @default 900000 */
  readonly timeoutMs?: number
  /** Ends the command when another part of a story has failed. */
  readonly signal?: AbortSignal
  /** Resolve whatever the exit code. @default false */
  readonly mayFail?: boolean
  /** Pass each chunk of stdout and stderr on, for people. */
  readonly onOutput?: (text: string) => void
}

/**
 * Runs a command without a shell. A non-zero exit rejects with what it printed; so does running
 * into the time limit.
 */
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
  const timeoutMs = options.timeoutMs ?? 900_000
  const kill = (): void => void child.kill('SIGKILL')
  const timer = setTimeout(kill, timeoutMs)
  options.signal?.addEventListener('abort', kill, { once: true })
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit, signal) => resolve(exit ?? (signal === null ? 1 : 128)))
  }).finally(() => {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', kill)
  })
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
  const limit = Date.now() + (options.timeoutMs ?? 300_000)
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

/**
 * Runs parts of a story at the same time. When one fails the others are aborted, and all have ended
 * before this rejects, so that nothing goes on behind a later story.
 */
export async function together<T extends readonly unknown[]>(
  begin: (signal: AbortSignal) => { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const stop = new AbortController()
  const parts = begin(stop.signal)
  try {
    return await Promise.all(parts)
  } finally {
    stop.abort()
    await Promise.allSettled(parts)
  }
}
