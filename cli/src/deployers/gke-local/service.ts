/**
 * The processes of `weaver gke-local` that outlive the command: platform, load balancer, and a host
 * for each version in each region. How one is started, found, and watched.
 */
import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { reasonOf } from '@weaver/sdk/contract'
import { askDeployment } from '../local/ask-deployment.js'
import { isRunning, processStart } from '../local/process-start.js'
import { lockHolder } from '../local/process-lock.js'

/** A process that answers on a socket. */
export interface Service {
  /** Of the application, or what it is, in messages. */
  readonly app: string
  readonly pid: number
  /** By `processStart`: another process may get its number later. */
  readonly processStart?: string
  readonly controlSocket: string
}

/** Of this process. */
export function ownMark(app: string): Pick<Service, 'app' | 'pid' | 'processStart'> {
  const start = processStart(process.pid)
  return { app, pid: process.pid, ...(start === undefined ? {} : { processStart: start }) }
}

export interface ServiceCommand {
  /** After `weaver gke-local`. */
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where it writes what it has to say. */
  readonly logFile: string
  /** Of which it holds the lock from its start; another one that was faster may hold it. */
  readonly lockFile?: string
}

const WEAVER = fileURLToPath(new URL('../../../bin/weaver.js', import.meta.url))
const LOOK_MS = 50
/** A machine with other things to do takes its time. */
const START_MS = 60_000
/** A watch is answered after this at the latest. */
const WATCH_MS = 25_000
const WATCH_LIMIT_MS = 60_000

/**
 * Starts it, in a session of its own.
 * @returns resolves with what it said last when it has ended
 */
function spawnService({ args, env, logFile }: ServiceCommand): { readonly ended: Promise<string> } {
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 })
  const log = openSync(logFile, 'a', 0o600)
  const from = sizeOf(logFile)
  const child = spawn(process.execPath, [WEAVER, 'gke-local', ...args], {
    detached: true,
    stdio: ['ignore', log, log],
    env,
    cwd: dirname(logFile),
  })
  closeSync(log)
  child.unref()
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('exit', (code, signal) => resolve(saidSince(logFile, from) || `it ended with ${signal ?? `code ${code}`}`))
  })
  return { ended }
}

function sizeOf(logFile: string): number {
  return statSync(logFile, { throwIfNoEntry: false })?.size ?? 0
}

function saidSince(logFile: string, from: number): string {
  try {
    return readFileSync(logFile).subarray(from).toString('utf8').trim()
  } catch {
    return '' // all was deleted meanwhile
  }
}

/** Of what a command said: why it ended, on one line. */
export function lastWords(text: string): string {
  const lines = text.split('\n')
  const from = lines.findLastIndex((line) => line.startsWith('error'))
  if (from < 0) return lines.at(-1) ?? ''
  const to = lines.findIndex((line, i) => i > from && line.startsWith('warning'))
  return lines
    .slice(from, to < 0 ? undefined : to)
    .join(' ')
    .replace(/^error( WEAVER_\w+)?: /, '')
}

/**
 * Starts a service, and waits until it is there.
 * @param find the one that runs, however it was started
 * @throws Error with what it said last
 */
export async function startService<S extends Service>(command: ServiceCommand, find: () => S | undefined): Promise<S> {
  let why: string | undefined
  let wasTaken = false
  const begin = (): void => {
    why = undefined
    wasTaken = false
    void spawnService(command).ended.then((said) => (why = said))
  }
  begin()
  for (const until = performance.now() + START_MS; ; await sleep(LOOK_MS)) {
    const found = find()
    if (found !== undefined && isRunning(found)) return found
    if (why !== undefined) {
      // Ours was not needed: another one is starting, or has yet to end.
      if (command.lockFile !== undefined && lockHolder(command.lockFile) !== undefined) wasTaken = true
      else if (wasTaken) begin()
      else throw new Error(why)
    }
    if (performance.now() > until) throw new Error(`it was not there after ${START_MS / 1_000} s`)
  }
}

export interface KeepOptions<S extends Service, V> {
  readonly command: ServiceCommand
  /** The one that runs. */
  readonly find: () => S | undefined
  /** It is there, and what it shows has changed. */
  readonly onView: (view: V, service: S) => void
  /** It has gone, or cannot be started; it is started again. */
  readonly onLost: (why: string) => void
}

export interface KeptService {
  /** Keeps it no longer; it goes on. Resolves when nothing of it is being started any more. */
  release(): Promise<void>
}

const FIRST_PAUSE_MS = 200
const LONGEST_PAUSE_MS = 30_000
/** One that runs and does not answer so often is not ours. */
const MAX_SILENCES = 8
/** One that was there for so long has recovered. */
const RECOVERED_MS = 60_000

/**
 * Keeps a service running: takes over the one that runs, starts one where none does, watches it,
 * and starts another when it has gone.
 */
export function keepService<S extends Service, V>({ command, find, onView, onLost }: KeepOptions<S, V>): KeptService {
  const over = new AbortController()
  const { signal } = over
  let pauseMs = FIRST_PAUSE_MS
  const watch = async (service: S): Promise<void> => {
    for (let seen = -1; !signal.aborted;) {
      const request = { kind: 'watch', seen }
      const reply = await askDeployment(service, { request, expect: 'watched', timeoutMs: WATCH_LIMIT_MS, signal })
      const { revision, view } = reply as unknown as { readonly revision: number; readonly view: V } // of the kind that was expected
      if (revision !== seen && !signal.aborted) onView(view, service)
      seen = revision
    }
  }
  const strangers = new Set<number>()
  let silences = 0
  /** Length of its log when its present life began, or was first seen. */
  let saidBefore: number | undefined
  const look = (): S | undefined => {
    const found = find()
    return found !== undefined && isRunning(found) && !strangers.has(found.pid) ? found : undefined
  }
  const keep = async (): Promise<void> => {
    while (!signal.aborted) {
      const since = performance.now()
      let isThere = false
      saidBefore ??= sizeOf(command.logFile)
      try {
        const service = look() ?? (await startService(command, look))
        isThere = true
        await watch(service)
      } catch (error) {
        if (signal.aborted) return
        silences = performance.now() - since > WATCH_MS ? 0 : silences + 1
        const found = look()
        if (found !== undefined && silences < MAX_SILENCES) {
          await sleep(LOOK_MS * silences, undefined, { signal }).catch(() => undefined) // the loop's condition sees the signal
          continue
        }
        // After a restart of the machine its number may be that of another program.
        if (found !== undefined) strangers.add(found.pid)
        silences = 0
        const said = lastWords(isThere ? saidSince(command.logFile, saidBefore) : reasonOf(error))
        saidBefore = undefined
        onLost(!isThere ? said : said === '' ? 'it ended' : `it ended: ${said}`)
      }
      pauseMs = performance.now() - since > RECOVERED_MS ? FIRST_PAUSE_MS : pauseMs
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined) // the loop's condition sees the signal
      pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)
    }
  }
  const kept = keep()
  return {
    release() {
      over.abort()
      return kept
    },
  }
}

/** The other side of a watch: answers when there is something newer, or after a while. */
export interface Watched<V> {
  changed(): void
  watch(seen: number): Promise<{ readonly kind: 'watched'; readonly revision: number; readonly view: V }>
}

export function createWatched<V>(view: () => V): Watched<V> {
  let revision = 0
  const waiting = new Set<() => void>()
  return {
    changed() {
      revision++
      for (const wake of waiting) wake()
    },
    async watch(seen) {
      if (seen === revision)
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            clearTimeout(timer)
            waiting.delete(wake)
            resolve()
          }
          const timer = setTimeout(wake, WATCH_MS).unref() // who waits keeps nothing alive
          waiting.add(wake)
        })
      return { kind: 'watched', revision, view: view() }
    },
  }
}
