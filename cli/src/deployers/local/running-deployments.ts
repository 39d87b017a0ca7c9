/** The deployments that run on this machine by one deployer: a file for each, beside the socket that it answers on. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { isRunning, processStart } from './process-start.js'

export interface RunningDeployment {
  readonly version: 1
  readonly app: string
  readonly deploymentId: string
  /** Where several copies of one deployment run: which one this is. */
  readonly location?: string
  /** Of the application; with several processes, of the command that has started them. */
  readonly pid: number
  /** Of that process, by {@link processStart}: another one may get its number later. Absent: of an older release, or not known here. */
  readonly processStart?: string
  /**
   * What belongs to it beside that process, in waves. It ends by itself when that one has ended; what does not is ended by whoever reads the list next, a wave
   * when nothing is left of those before it.
   */
  readonly children?: readonly (readonly ChildProcessMark[])[]
  /** Epoch milliseconds. */
  readonly startedAt: number
  /** Its weaver.toml. */
  readonly config: string
  readonly controlSocket: string
  /** Addresses of its listeners, by name, where the deployer holds them. */
  readonly listeners?: Readonly<Record<string, string>>
}

/** A process, and what tells it from another one that got its number later. */
export interface ChildProcessMark {
  readonly pid: number
  /** A part of its command line. */
  readonly commandHas: string
}

/** A Unix socket's path has room for some 104 bytes on macOS, 108 on Linux. */
const MAX_SOCKET_PATH = 100

/** Names a deployment on a list. */
export function keyOf({ deploymentId, location }: { readonly deploymentId: string; readonly location?: string | undefined }): string {
  return location === undefined ? deploymentId : `${deploymentId}.${location}`
}

/** Of a key: ids have no dot. Copies of one deployment share it. */
export function deploymentIdOf(key: string): string {
  return key.split('.', 1)[0] ?? key
}

/** A path for a control socket; it is in a folder of this user alone. @param folder of the list @param key of the deployment */
export function controlSocketPath(folder: string, key: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\weaver-${key}`
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700) // it may have been there, and guards the socket until that has a mode of its own
  const path = join(folder, `${key}.sock`)
  return Buffer.byteLength(path) <= MAX_SOCKET_PATH ? path : join(mkdtempSync(join(tmpdir(), 'weaver-')), 'control.sock')
}

/** Puts a deployment on the list. @returns takes it off, and its socket away */
export function listDeployment(folder: string, of: RunningDeployment): () => void {
  const start = processStart(of.pid)
  const entry: RunningDeployment = start === undefined ? of : { ...of, processStart: start }
  const path = join(folder, `${keyOf(entry)}.json`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(`${path}.new`, JSON.stringify(entry))
  renameSync(`${path}.new`, path) // a reader sees all of it or nothing
  return () => remove(path, entry)
}

/** The first wave of its children of which some still run although it does not. */
function childrenLeft({ children = [] }: RunningDeployment): readonly ChildProcessMark[] {
  for (const wave of children) {
    const left = stillThere(wave)
    if (left.length > 0) return left
  }
  return []
}

function stillThere(wave: readonly ChildProcessMark[]): readonly ChildProcessMark[] {
  const alive = wave.filter(({ pid }) => isRunning({ pid }))
  if (alive.length === 0 || process.platform === 'win32') return []
  const { stdout } = spawnSync('ps', ['-o', 'pid=,args=', '-p', alive.map(({ pid }) => pid).join(',')], { encoding: 'utf8' })
  const commands = new Map((stdout ?? '').split('\n').map((line) => [Number.parseInt(line, 10), line]))
  return alive.filter(({ pid, commandHas }) => commands.get(pid)?.includes(commandHas) === true)
}

/** Those that run, oldest first. What a command left behind that was killed is cleared away, its processes first. */
export function runningDeployments(folder: string): readonly RunningDeployment[] {
  const running: RunningDeployment[] = []
  for (const name of namesIn(folder)) {
    const path = join(folder, name)
    const entry = readEntry(path)
    if (entry === undefined) continue
    if (isRunning(entry)) {
      running.push(entry)
      continue
    }
    const left = childrenLeft(entry)
    for (const { pid } of left) end(pid, 'SIGTERM')
    if (left.length === 0) remove(path, entry) // else the next command looks again
  }
  return running.sort((a, b) => a.startedAt - b.startedAt)
}

/** Ends the process of a deployment, and no other one that has its number now. Upon SIGTERM it drains. */
export function endProcess(running: RunningDeployment): void {
  if (isRunning(running)) end(running.pid, 'SIGTERM')
}

/** Ends at once what is left of deployments whose command was killed. */
export function killLeft(folder: string): void {
  for (const name of namesIn(folder)) {
    const entry = readEntry(join(folder, name))
    if (entry === undefined || isRunning(entry)) continue
    for (const { pid } of stillThere((entry.children ?? []).flat())) end(pid, 'SIGKILL')
  }
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
function readEntry(path: string): RunningDeployment | undefined {
  try {
    const entry = JSON.parse(readFileSync(path, 'utf8')) as RunningDeployment | null // checked in the next line; this user's own command wrote it
    return entry?.version === 1 && typeof entry.pid === 'number' && typeof entry.controlSocket === 'string' ? entry : undefined
  } catch {
    return undefined
  }
}

/** Upon SIGTERM it drains, if it does not already. */
function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // it has ended meanwhile
  }
}

/** In the folder of the list: the configuration of the broker of a deployment that has one of its own. */
export function brokerFileOf(key: string): string {
  return `${key}.nats`
}

function remove(path: string, { controlSocket }: RunningDeployment): void {
  rmSync(path, { force: true })
  rmSync(join(dirname(path), brokerFileOf(basename(path, '.json'))), { force: true })
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
