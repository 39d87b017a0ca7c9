/** The deployments of `weaver single deploy` that run on this machine: a file for each, beside the socket that it answers on. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

export interface RunningSingle {
  readonly version: 1
  readonly app: string
  readonly deploymentId: string
  /** Of the application. */
  readonly pid: number
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Its weaver.toml. */
  readonly config: string
  readonly controlSocket: string
}

/** A Unix socket's path has room for some 104 bytes on macOS, 108 on Linux. */
const MAX_SOCKET_PATH = 100

/** A path for the control socket of a deployment; it is in a folder of this user alone. @param folder of the list */
export function controlSocketPath(folder: string, deploymentId: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\weaver-${deploymentId}`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700) // it may have been there, and guards the socket until that has a mode of its own
  const path = join(folder, `${deploymentId}.sock`)
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : join(mkdtempSync(join(tmpdir(), 'weaver-')), 'control.sock')
}

/** Puts a deployment on the list. @returns takes it off, and its socket away */
export function listSingle(folder: string, entry: RunningSingle): () => void {
  const path = join(folder, `${entry.deploymentId}.json`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, JSON.stringify(entry))
  renameSync(`${path}.new`, path) // a reader sees all of it or nothing
  return () => remove(path, entry)
}

/** Those that run, oldest first. What a command left behind that was killed is cleared away. */
export function runningSingles(folder: string): readonly RunningSingle[] {
  const running: RunningSingle[] = []
  for (const name of namesIn(folder)) {
    const path = join(folder, name)
    const entry = readEntry(path)
    if (entry === undefined) continue
    if (isAlive(entry.pid)) running.push(entry)
    else remove(path, entry)
  }
  return running.sort((a, b) => a.startedAt - b.startedAt)
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => name.endsWith('.json'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** `undefined` for a file that is gone, or of another release. */
function readEntry(path: string): RunningSingle | undefined {
  try {
    const entry = JSON.parse(readFileSync(path, 'utf8')) as RunningSingle | null // checked in the next line; this user's own command wrote it
    return entry?.version === 1 && typeof entry.pid === 'number' && typeof entry.controlSocket === 'string' ? entry : undefined
  } catch {
    return undefined
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false // EPERM too: what this user's command started is this user's, so the number has gone to another process
  }
}

function remove(path: string, { controlSocket }: RunningSingle): void {
  rmSync(path, { force: true })
  removeControlSocket(dirname(path), controlSocket)
}

/** Takes away what {@link controlSocketPath} made, and what was bound there. @param folder of the list */
export function removeControlSocket(folder: string, controlSocket: string): void {
  if (process.platform === 'win32') return
  rmSync(controlSocket, { force: true })
  if (dirname(controlSocket) === folder) return
  try {
    rmdirSync(dirname(controlSocket)) // the folder that was made for it alone
  } catch (error) {
    // One that holds more was not made for it, whatever the list says: it stays.
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
