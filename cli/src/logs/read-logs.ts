/**
 * Reads entries from log files (log-files.ts): existing ones, in order of time over all processes,
 * and new ones.
 */
import { open, type FileHandle } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseJsonLine, type LogEntry } from '@weaver/sdk/contract'
import { listLogFiles, type LogFile } from './log-files.js'

/** Scan interval of the files. */
const POLL_MS = 200
const CHUNK_BYTES = 64 * 1024
const LINE_END = 0x0a

/** An entry, and the byte of its file at which its line begins. A part never moves, so that this stays true while it is kept. */
export interface PlacedLine {
  readonly entry: LogEntry
  readonly path: string
  readonly offset: number
}

export interface LogReader {
  /**
   * Entries not yet returned, merged by time. Entries of one process keep their order. Holds one
   * chunk per process in memory.
   */
  read(): AsyncGenerator<LogEntry>
  /** The same, with their places. */
  readPlaced(): AsyncGenerator<PlacedLine>
  /** Repeats `read` until the signal aborts; includes files created later. */
  follow(signal: AbortSignal): AsyncGenerator<LogEntry>
}

/** @param isWanted selects the files; also called for those created later */
export function createLogReader(folder: string, isWanted: (file: LogFile) => boolean): LogReader {
  /**
   * Bytes returned of each file: always up to the end of a line, however the writer's bytes
   * arrived.
   */
  const offsets = new Map<string, number>()
  async function* readPlaced(): AsyncGenerator<PlacedLine> {
    const byProcess = new Map<string, LogFile[]>()
    for (const file of listLogFiles(folder).filter(isWanted)) {
      const key = `${file.deploymentId} ${file.replica}`
      const files = byProcess.get(key)
      if (files === undefined) byProcess.set(key, [file])
      else files.push(file)
    }
    yield* merge([...byProcess.values()].map((files) => entriesOf(files, offsets)))
  }
  async function* read(): AsyncGenerator<LogEntry> {
    for await (const { entry } of readPlaced()) yield entry
  }
  return {
    read,
    readPlaced,
    async *follow(signal) {
      while (!signal.aborted) {
        yield* read()
        await sleep(POLL_MS, undefined, { signal }).catch(() => undefined) // the loop's condition sees the signal
      }
    },
  }
}

async function* entriesOf(files: readonly LogFile[], offsets: Map<string, number>): AsyncGenerator<PlacedLine> {
  for (const { path } of files) {
    let offset = offsets.get(path) ?? 0
    for await (const { line, end } of linesFrom(path, offset)) {
      offsets.set(path, end)
      const entry = parseJsonLine(line)
      if (entry !== undefined) yield { entry, path, offset }
      offset = end
    }
  }
}

/** The entries at known places of one file; `undefined` where one is no longer kept. */
export async function entriesAt(path: string, offsets: readonly number[]): Promise<readonly (LogEntry | undefined)[]> {
  const file = await openIfThere(path)
  if (file === undefined) return offsets.map(() => undefined)
  try {
    let chunk = Buffer.alloc(0)
    let chunkAt = 0
    /** The line that begins there; a longer one than a chunk takes several. */
    const lineAt = async (offset: number): Promise<string | undefined> => {
      for (let wanted = CHUNK_BYTES; ; wanted *= 2) {
        const from = offset - chunkAt
        const end = from >= 0 && from < chunk.length ? chunk.indexOf(LINE_END, from) : -1
        if (end >= 0) return chunk.toString('utf8', from, end)
        const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(wanted), position: offset })
        chunk = buffer.subarray(0, bytesRead)
        chunkAt = offset
        if (bytesRead < wanted && chunk.indexOf(LINE_END) < 0) return undefined
      }
    }
    const entries: (LogEntry | undefined)[] = []
    for (const offset of offsets) {
      const line = await lineAt(offset)
      entries.push(line === undefined ? undefined : parseJsonLine(line))
    }
    return entries
  } finally {
    await file.close()
  }
}

/** `undefined`: the writer has deleted its oldest part. */
async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Complete lines between an offset and the present end of the file; none if the file is gone. */
async function* linesFrom(path: string, from: number): AsyncGenerator<{ readonly line: string; readonly end: number }> {
  const file = await openIfThere(path)
  if (file === undefined) return
  try {
    const { size } = await file.stat()
    let rest: Buffer = Buffer.alloc(0)
    for (let at = from; at < size;) {
      const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(Math.min(CHUNK_BYTES, size - at)), position: at })
      if (bytesRead === 0) return
      at += bytesRead
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)])
      let begin = 0
      for (let stop = rest.indexOf(LINE_END); stop >= 0; stop = rest.indexOf(LINE_END, begin)) {
        yield { line: rest.toString('utf8', begin, stop), end: at - rest.length + stop + 1 }
        begin = stop + 1
      }
      rest = rest.subarray(begin)
    }
  } finally {
    await file.close()
  }
}

/** Always yields the oldest of the next entries. */
async function* merge(sources: readonly AsyncGenerator<PlacedLine>[]): AsyncGenerator<PlacedLine> {
  const heads: { placed: PlacedLine; readonly source: AsyncGenerator<PlacedLine> }[] = []
  try {
    for (const source of sources) {
      const first = await source.next()
      if (first.done !== true) heads.push({ placed: first.value, source })
    }
    while (heads.length > 0) {
      // Linear, since there are only as many sources as processes on one machine.
      const oldest = heads.reduce((a, b) => (b.placed.entry.time < a.placed.entry.time ? b : a))
      yield oldest.placed
      const next = await oldest.source.next()
      if (next.done === true) heads.splice(heads.indexOf(oldest), 1)
      else oldest.placed = next.value
    }
  } finally {
    for (const { source } of heads) await source.return(undefined)
  }
}
