import { spawn } from 'node:child_process'

/**
 * Runs the command that builds the application, in a shell.
 * @returns all that it wrote; `undefined` when it has succeeded
 */
export async function runBuild(
  command: string,
  { folder, env, signal }: { readonly folder: string; readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<string | undefined> {
  signal.throwIfAborted()
  const hasGroup = process.platform !== 'win32'
  const child = spawn(command, { shell: true, cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: hasGroup })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const stop = (): void => {
    try {
      if (hasGroup && child.pid !== undefined) process.kill(-child.pid, 'SIGTERM')
      else child.kill()
    } catch {
      // it has ended meanwhile
    }
  }
  signal.addEventListener('abort', stop)
  const failed = await new Promise<boolean>((resolve) => {
    child.on('error', () => resolve(true))
    child.on('close', (code) => resolve(code !== 0))
  })
  signal.removeEventListener('abort', stop)
  signal.throwIfAborted()
  return failed ? said.trimEnd() || `\`${command}\` failed` : undefined
}
