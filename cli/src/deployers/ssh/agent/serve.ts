/**
 * The agent of one deployment on one machine (agent.ts), as a process: its socket, its files.
 *
 * I1  There is one at a time: it holds a lock in the folder of the deployment.
 * I2  When it listens, nothing of an agent before it runs: one that was killed had no time to.
 */
import { randomUUID } from 'node:crypto'
import { closeSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnProcess, type ProcessListener, type WeaveletProcess } from '@weaver/deployer/process'
import { takeLock } from '../../local/process-lock.js'
import { processStart } from '../../local/process-start.js'
import { Agent, type DeployerLink } from './agent.js'
import type { RemoteCommand, ToAgent } from './messages.js'
import { readFrames } from './read-frames.js'

/** All in the folder of the deployment, which is the working directory: the path of a socket is short. */
export const SOCKET = 'agent.sock'
export const LOG_FILE = 'agent.log'
export const LOCK_FILE = 'agent.lock'
const CHILDREN_FILE = 'children.json'
/** Where it says that it listens; it closes it unsaid when another agent does. */
export const READY_FD = 3
const LOOK_MS = 20

/** A process group of an agent before. */
interface Mark {
  readonly pid: number
  readonly start: string | undefined
}

export async function serve(leaseMs: number): Promise<void> {
  if ('holder' in takeLock(LOCK_FILE, process.pid)) return // I1
  await endLeftovers() // I2
  const agent = new Agent({
    instance: randomUUID(),
    leaseMs,
    now: () => performance.now(),
    start: startHere,
    writeFile: (name, text) => writeFileSync(name, text, { mode: 0o600 }),
    mark,
    end(why, pids) {
      console.error(`${new Date().toISOString()} the agent ends: ${why}`)
      for (const pid of pids) killGroup(pid)
      rmSync(process.cwd(), { recursive: true, force: true }) // it holds passwords
      process.exit(0)
    },
  })
  // A full disk, say: what it runs could not be found again.
  process.on('uncaughtException', (error) => agent.end(error.message))
  const server = createServer((socket) => {
    const link: DeployerLink = { send: (frame) => socket.write(`${JSON.stringify(frame)}\n`), close: () => socket.destroy() }
    socket
      .on('error', () => undefined)
      .on('drain', () => agent.flush())
      .on('close', () => agent.detach(link))
    agent.attach(link)
    readFrames<ToAgent>(socket, (frame) => agent.take(link, frame), link.close)
  })
  rmSync(SOCKET, { force: true })
  await new Promise<void>((resolve) => server.listen(SOCKET, resolve))
  writeSync(READY_FD, 'ready')
  closeSync(READY_FD)
  const watch = (): void => {
    const { left } = agent
    if (left <= 0) return agent.end('nothing was heard of its deployer')
    setTimeout(watch, left)
  }
  watch()
}

function startHere({ file, args, cwd, env }: RemoteCommand, listener: ProcessListener): WeaveletProcess {
  const own = { hasLifeline: true, hasOwnGroup: true, ...(cwd === undefined ? {} : { cwd }) }
  return spawnProcess({ file, args, env: { ...process.env, ...env }, ...own }, listener)
}

/** It is there with its text, or not at all. */
function mark(pids: readonly number[]): void {
  const marks = pids.map((pid): Mark => ({ pid, start: processStart(pid) }))
  writeFileSync(`${CHILDREN_FILE}.new`, JSON.stringify(marks))
  renameSync(`${CHILDREN_FILE}.new`, CHILDREN_FILE)
}

/** I2 */
async function endLeftovers(): Promise<void> {
  let marks: readonly Mark[]
  try {
    marks = JSON.parse(readFileSync(CHILDREN_FILE, 'utf8')) as readonly Mark[] // an agent wrote it
  } catch {
    return // there was none
  }
  const left = marks.filter(({ pid, start }) => start !== undefined && processStart(pid) === start)
  for (const { pid } of left) killGroup(pid)
  for (const { pid, start } of left) while (processStart(pid) === start) await sleep(LOOK_MS)
}

/** With what it has started itself. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended meanwhile
  }
}
