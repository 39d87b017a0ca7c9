/**
 * Log entries in files: one JSON line each, one file per process, split into numbered parts.
 *
 * I1  A part is only ever appended to and never renamed: a reader keeps its position by name and
 *     length.
 * I2  Parts of a process are ordered by number. The oldest is deleted when there are too many.
 */
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { jsonLine, type LogEntry } from '@weaver/sdk/contract'

/** One process of one deployment. */
export interface LogSource {
  readonly app: string
  /** When the deployment started, epoch milliseconds. */
  readonly startedAt: number
  readonly deploymentId: string
  readonly replica: string
}

export interface LogFile extends LogSource {
  readonly path: string
  /** Number of the part, from 1. */
  readonly part: number
}

export interface LogWriter {
  write(entry: LogEntry): void
  close(): void
}

export interface LogWriterOptions {
  /** Called once, when an entry cannot be written; later entries are still tried. */
  readonly onProblem: (error: unknown) => void
  /** A part of this size is followed by the next one. @default 8 MiB */
  readonly maxPartBytes?: number
  /** @default 4 */
  readonly maxParts?: number
}

/** How long deployers of this machine keep logs. */
export const KEEP_LOGS_MS = 14 * 24 * 60 * 60 * 1_000

/**
 * Writes the entries of one process below a folder. It writes at once, so that the last entries of
 * a process survive its death.
 */
export function createLogWriter(folder: string, source: LogSource, options: LogWriterOptions): LogWriter {
  const { onProblem, maxPartBytes = 8 * 1024 * 1024, maxParts = 4 } = options
  let file: number | undefined
  let part = 0
  let bytes = 0
  let isTold = false
  const next = (): number => {
    if (file !== undefined) closeSync(file)
    file = undefined // nothing is open if the next open fails
    // Logs may contain what only their owner should see.
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

/** Every part below a folder, by process and number; none if the folder does not exist. */
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

/** Removes files not written to since a time, epoch milliseconds. */
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

/**
 * `<startedAt>_<app>_<deploymentId>_<replica>_<part>.jsonl`, each escaped so that it holds no `_`.
 */
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
    return undefined // not one of our files
  }
}

function escape(text: string): string {
  return encodeURIComponent(text).replaceAll('_', '%5F')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
