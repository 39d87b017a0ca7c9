/** What a log entry is, and how entries cross process borders: as one JSON line each on stdout, or in batches over the broker. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogEntry {
  /** When, ISO 8601 in UTC with milliseconds. */
  readonly time: string
  /** `stdout` and `stderr`: a line that the process wrote past the logger. */
  readonly level: LogLevel | 'stdout' | 'stderr'
  readonly message: string
  readonly app?: string
  /** Short id of the version, as users see it. */
  readonly version?: string
  readonly deploymentId?: string
  readonly group?: string
  /** The process: the pod's name on Kubernetes. */
  readonly replica?: string
  /** Absent: the runtime itself. */
  readonly component?: string
  /** Where in the program, `file:line`. */
  readonly source?: string
  readonly traceId?: string
  readonly spanId?: string
  /** The rest of what was logged; errors under `err`. */
  readonly attributes: Readonly<Record<string, unknown>>
}

/** Fields of an entry that are not attributes, in the order in which a JSON line has them; `message` is `msg` there, `time` is `ts`. */
export const ENTRY_FIELDS = ['app', 'version', 'deploymentId', 'group', 'replica', 'component', 'source', 'traceId', 'spanId'] as const

/** What a weavelet sends on {@link logSubject}, when its bootstrap asks for it. */
export interface LogBatch {
  readonly kind: 'logs'
  readonly replica: string
  /** Number of this batch, from 1; a gap means that one was lost on the way. */
  readonly number: number
  /** Entries that were lost since the last batch, because more were written than could be sent. */
  readonly dropped: number
  readonly entries: readonly LogEntry[]
}

/** @returns `undefined` for bytes that are no batch. */
export function parseLogBatch(data: Uint8Array): LogBatch | undefined {
  try {
    const batch = JSON.parse(Buffer.from(data).toString('utf8')) as LogBatch | null // checked in the next line; a weavelet of the same account sent it
    return batch?.kind === 'logs' && Array.isArray(batch.entries) ? batch : undefined
  } catch {
    return undefined
  }
}
