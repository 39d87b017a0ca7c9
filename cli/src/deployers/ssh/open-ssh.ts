/**
 * One machine by OpenSSH's own program, so that the user's configuration, keys, agent, jump hosts
 * and known hosts hold. It never asks: a host whose key is not known, or that wants a password, is
 * an error that says so. One connection (ControlMaster) carries everything.
 *
 * I1  Nothing that is secret is in an argument: those are seen by every user of both machines.
 */
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

export type SshProcess = ChildProcessByStdio<Writable, Readable, Readable>

const CONNECT_S = 10
/** Of the connection that is there, or none: without this ssh would make one that nobody ends. */
const SHARED = ['-o', 'ControlMaster=no', '-o', 'ProxyCommand=false'] as const
/** What a machine says that its shell says of its own, and the master is there. */
const READY = 'weaver-ready'
/**
 * What a user's configuration may hold for terminals, and would be in the way here. Forwarding of
 * the user's agent to machines that do not need it is one of the things that are turned off. A
 * machine that falls silent in the middle of an upload ends the connection, too.
 */
const OPTIONS = [
  '-T', '-a', '-x',
  ...['BatchMode=yes', `ConnectTimeout=${CONNECT_S}`, 'ConnectionAttempts=1', 'RemoteCommand=none', 'RequestTTY=no', 'ClearAllForwardings=yes', 'PermitLocalCommand=no', 'StdinNull=no', 'ForkAfterAuthentication=no', 'ServerAliveInterval=5', 'ServerAliveCountMax=6'].flatMap((one) => ['-o', one]),
] // prettier-ignore

export interface SshConnection {
  /** Lines that the first script has printed. */
  readonly greeting: readonly string[]
  /** Runs a script. @returns what it printed; rejects with what it said where its code is not 0 */
  run(script: string, input?: Readable): Promise<string>
  /** Runs a script that goes on, and is talked to. */
  open(script: string): SshProcess
  close(): void
  /** Resolves when the connection is over, with what was said. */
  readonly ended: Promise<string>
}

/**
 * @param host as ssh takes it: an alias of the user's configuration, `user@host`
 * @param script of a POSIX shell, without single quotes and backslashes: login shells pass it on unchanged
 * @throws Error with what ssh said
 */
export async function connectSsh(
  host: string,
  script: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly signal: AbortSignal },
): Promise<SshConnection> {
  const { env, signal } = options
  const folder = mkdtempSync(join(tmpdir(), 'weaver-ssh-')) // of this user alone
  const path = join(folder, 'master')
  // In a session of its own: Ctrl-C in the terminal is the deployer's to act upon.
  const start = (given: string, ...more: readonly string[]): SshProcess =>
    spawn('ssh', [...OPTIONS, ...more, '-S', path, '--', host, `exec sh -c '${given}'`], { env, detached: true, stdio: 'pipe' })
  // It ends when its input does, so it does not outlive this process, however that ends.
  const master = start(`${script}\necho ${READY}\nexec cat >/dev/null`, '-o', 'ControlMaster=yes', '-o', 'ControlPersist=no')
  const said = textOf(master.stderr)
  const gone = new Promise<string>((resolve) => {
    master.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ENOENT' ? 'there is no program "ssh" on the PATH; install OpenSSH' : error.message),
    )
    master.on('close', () => resolve(lastLine(said()) || 'the connection was closed'))
  })
  const ended = gone.finally(() => rmSync(folder, { recursive: true, force: true }))
  const close = (): void => void master.kill()
  master.stdin.on('error', () => undefined) // `ended` says it
  signal.addEventListener('abort', close)
  void ended.then(() => signal.removeEventListener('abort', close))
  const greeting: string[] = []
  const ready = new Promise<'ready'>((resolve) =>
    createInterface({ input: master.stdout }).on('line', (line) => (line === READY ? resolve('ready') : greeting.push(line))),
  )
  if ((await Promise.race([ready, ended])) !== 'ready') {
    signal.throwIfAborted()
    throw new Error(await ended)
  }
  return {
    greeting,
    ended,
    close,
    open: (given) => start(given, ...SHARED),
    async run(given, input) {
      const child = start(given, ...SHARED)
      const [out, problem] = [textOf(child.stdout), textOf(child.stderr)]
      const over = once(child, 'close') as Promise<[code: number | null]>
      if (input === undefined) child.stdin.on('error', () => undefined).end()
      // Where the other end stops reading, its own words say more.
      else await Promise.all([pipeline(input, child.stdin).catch(() => undefined), over])
      const [code] = await over
      if (code !== 0) throw new Error(lastLine(problem()) || `it ended with code ${code}`)
      return out()
    },
  }
}

function textOf(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  return () => text
}

/** Without what ssh adds for people: "Connection closed", banners. */
function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? ''
}
