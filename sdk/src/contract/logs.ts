/**
 * Log entries, and how they cross process borders: one JSON line each on stdout, or in batches over
 * the broker.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export interface LogEntry {
  /** ISO 8601 in UTC with milliseconds. */
  readonly time: string
  /** `stdout` and `stderr`: a line that the process wrote around the logger. */
  readonly level: LogLevel | 'stdout' | 'stderr'
  readonly message: string
  readonly app?: string
  /** Short id of the version, as users see it. */
  readonly version?: string
  readonly deploymentId?: string
  readonly group?: string
  /** The process; on Kubernetes the pod's name. */
  readonly replica?: string
  /** Absent for entries of the runtime itself. */
  readonly component?: string
  /** Place in the program, `file:line`. */
  readonly source?: string
  readonly traceId?: string
  readonly spanId?: string
  /** All else that was logged; errors are under `err`. */
  readonly attributes: Readonly<Record<string, unknown>>
}

/**
 * Fields of an entry that are not attributes, in the order of the JSON line; there `message` is
 * `msg`, and `time` is `ts`.
 */
export const ENTRY_FIELDS = ['app', 'version', 'deploymentId', 'group', 'replica', 'component', 'source', 'traceId', 'spanId'] as const

/** What a weavelet sends on {@link logSubject}, if its bootstrap requests it. */
export interface LogBatch {
  readonly kind: 'logs'
  readonly replica: string
  /** Number of the batch, from 1; a gap means that a batch was lost. */
  readonly number: number
  /**
   * Entries dropped since the last batch, because they were written faster than they could be sent.
   */
  readonly dropped: number
  readonly entries: readonly LogEntry[]
}

/** @returns `undefined` for bytes that are not a batch */
export function parseLogBatch(data: Uint8Array): LogBatch | undefined {
  try {
    const batch = JSON.parse(Buffer.from(data).toString('utf8')) as LogBatch | null // checked in the next line; a weavelet of the same account sent it
    return batch?.kind === 'logs' && Array.isArray(batch.entries) ? batch : undefined
  } catch {
    return undefined
  }
}
