/** What ssh runs on a machine: connects its own input and output with the agent, which it starts where there is none. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { lockHolder } from '../../local/process-lock.js'
import { LOCK_FILE, LOG_FILE, READY_FD, SOCKET } from './serve.js'

const LOOK_MS = 50

/** @param main the file that is the agent; the working directory is the folder of the deployment */
export async function attach(main: string, leaseMs: number): Promise<void> {
  const socket = await connect().catch(() => startAgent(main, leaseMs))
  // An agent that says nothing for so long hangs; what it runs is ended by the next one.
  const hung = setTimeout(() => {
    const holder = lockHolder(LOCK_FILE)
    if (holder !== undefined) process.kill(holder, 'SIGKILL')
  }, leaseMs)
  socket.once('data', () => clearTimeout(hung))
  // Either end takes the other one with it: the agent goes on, the connection is over.
  const end = (): never => process.exit(0)
  for (const stream of [socket, process.stdin, process.stdout]) stream.on('error', end).on('close', end)
  process.stdin.on('end', end).pipe(socket)
  socket.on('end', end).pipe(process.stdout)
}

async function connect(): Promise<Socket> {
  const socket = createConnection(SOCKET)
  await once(socket, 'connect')
  return socket
}

async function startAgent(main: string, leaseMs: number): Promise<Socket> {
  const log = openSync(LOG_FILE, 'a', 0o600)
  const child = spawn(process.execPath, [main, 'serve', String(leaseMs)], { detached: true, stdio: ['ignore', log, log, 'pipe'] })
  closeSync(log)
  const ready = child.stdio[READY_FD]
  if (!(ready instanceof Readable)) throw new Error('the agent has no pipe') // it was asked for above
  let said = ''
  for await (const chunk of ready) said += String(chunk)
  child.unref()
  if (said !== '') return connect()
  // Another connection has started one at the same time, or it has failed.
  for (const limit = performance.now() + leaseMs; lockHolder(LOCK_FILE) !== undefined && performance.now() < limit; await sleep(LOOK_MS)) {
    const socket = await connect().catch(() => undefined)
    if (socket !== undefined) return socket
  }
  const last = readFileSync(LOG_FILE, 'utf8').trim().split('\n').at(-1) ?? ''
  throw new Error(`the agent ended at once: ${last}`)
}
