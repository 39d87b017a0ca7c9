/**
 * Log entries in files: one JSON line each, a file for each process, cut into numbered parts.
 *
 * I1  A part is only ever appended to, never renamed: a reader keeps its place by name and length.
 * I2  Parts of one process are in order of their numbers. The oldest goes when there are too many.
 */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { jsonLine, type LogEntry } from '@weaver/sdk/contract'

/** One process of one deployment. */
export interface LogSource {
  readonly app: string
  /** When the deployment began, epoch milliseconds. */
  readonly startedAt: number
  readonly deploymentId: string
  readonly replica: string
}

export interface LogFile extends LogSource {
  readonly path: string
  /** Of the part, from 1. */
  readonly part: number
}

export interface LogWriter {
  write(entry: LogEntry): void
  close(): void
}

export interface LogWriterOptions {
  /** Told once, when an entry cannot be written; later ones are tried again. */
  readonly onProblem: (error: unknown) => void
  /** A part that has reached it is followed by the next. @default 8 MiB */
  readonly maxPartBytes?: number
  /** @default 4 */
  readonly maxParts?: number
}

/** Deployers of this machine keep logs for so long. */
export const KEEP_LOGS_MS = 14 * 24 * 60 * 60 * 1_000

/** Writes the entries of one process below a folder. Writes at once, so that what a process said last is there when it dies. */
export function createLogWriter(folder: string, source: LogSource, options: LogWriterOptions): LogWriter {
  const { onProblem, maxPartBytes = 8 * 1024 * 1024, maxParts = 4 } = options
  let file: number | undefined
  let part = 0
  let bytes = 0
  let isTold = false
  const next = (): number => {
    if (file !== undefined) closeSync(file)
    file = undefined // nothing is open should the next fail
    // Logs may hold what only their owner should see.
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const opened = openSync(join(folder, fileName(source, part + 1)), 'a', 0o600)
    part++
    bytes = 0
    if (part > maxParts) rmSync(join(folder, fileName(source, part - maxParts)), { force: true })
    return (file = opened)
  }
  return {
    write(entry) {
      try {
        const to = file === undefined || bytes >= maxPartBytes ? next() : file
        const line = Buffer.from(jsonLine(entry))
        for (let at = 0; at < line.length;) at += writeSync(to, line, at)
        bytes += line.length
      } catch (error) {
        if (!isTold) onProblem(error)
        isTold = true
      }
    },
    close() {
      if (file !== undefined) closeSync(file)
      file = undefined
      bytes = 0
    },
  }
}

/** Every part below a folder, by process and number. A folder that is not there has none. */
export function listLogFiles(folder: string): readonly LogFile[] {
  return namesIn(folder)
    .flatMap((name) => {
      const parsed = parseFileName(name)
      return parsed === undefined ? [] : [{ ...parsed, path: join(folder, name) }]
    })
    .sort(
      (a, b) => a.startedAt - b.startedAt || compare(a.deploymentId, b.deploymentId) || compare(a.replica, b.replica) || a.part - b.part,
    )
}

/** Removes what nothing was written to since a time, epoch milliseconds. */
export function removeOldLogs(folder: string, before: number): void {
  for (const { path } of listLogFiles(folder))
    if ((statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity) < before) rmSync(path, { force: true })
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** `<startedAt>_<app>_<deploymentId>_<replica>_<part>.jsonl`, each escaped so that it holds no `_`. */
function fileName({ app, startedAt, deploymentId, replica }: LogSource, part: number): string {
  return `${startedAt}_${escape(app)}_${escape(deploymentId)}_${escape(replica)}_${String(part).padStart(4, '0')}.jsonl`
}

function parseFileName(name: string): Omit<LogFile, 'path'> | undefined {
  const [, startedAt, app, deploymentId, replica, part] = /^(\d+)_([^_]+)_([^_]+)_([^_]+)_(\d{4,})\.jsonl$/.exec(name) ?? []
  if (startedAt === undefined || app === undefined || deploymentId === undefined || replica === undefined) return undefined
  try {
    const [plainApp, plainId, plainReplica] = [app, deploymentId, replica].map(decodeURIComponent) as [string, string, string] // one for each
    return { app: plainApp, startedAt: Number(startedAt), deploymentId: plainId, replica: plainReplica, part: Number(part) }
  } catch {
    return undefined // a stranger's file
  }
}

function escape(text: string): string {
  return encodeURIComponent(text).replaceAll('_', '%5F')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
