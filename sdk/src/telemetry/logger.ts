export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
export type LogFields = Readonly<Record<string, unknown>>

/** Structured logging: a constant message, data in fields, an error under `err`. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to every entry. */
  with(fields: LogFields): Logger
}

export interface LogSink {
  level: LogLevel
  write(level: LogLevel, message: string, fields: LogFields): void
}

/** A logger over a sink; entries below the sink's level cost one comparison. */
export function createLogger(sink: LogSink, base: LogFields = {}): Logger {
  const at =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (LOG_LEVELS.indexOf(level) >= LOG_LEVELS.indexOf(sink.level)) sink.write(level, message, { ...base, ...fields })
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLogger(sink, { ...base, ...fields }),
  }
}

/** One JSON object a line: `ts`, `level`, `msg`, then the fields. */
export function jsonSink(write: (line: string) => void, level: LogLevel = 'info'): LogSink {
  return {
    level,
    write: (at, message, fields) =>
      write(`${JSON.stringify({ ts: new Date().toISOString(), level: at, msg: message, ...plain(fields) })}\n`),
  }
}

/** For people: time, level, component, message, fields. */
export function prettySink(write: (line: string) => void, level: LogLevel = 'info'): LogSink {
  return {
    level,
    write: (at, message, fields) => {
      const { component = '', ...rest } = plain(fields)
      const shown = Object.entries(rest).filter(([name]) => !PROCESS_FIELDS.has(name))
      const text = shown.map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ')
      write(
        `${new Date().toISOString().slice(11, 23)} ${(at[0] ?? '').toUpperCase()} ${String(component).padEnd(20)} ${message}${text === '' ? '' : `  ${text}`}\n`,
      )
    },
  }
}

/** The same in every entry of a process, so the pretty form leaves them out: the banner has told them. */
const PROCESS_FIELDS = new Set(['app', 'version', 'deploymentId', 'group', 'replica'])

function plain(fields: LogFields): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(fields))
    out[name] = name === 'err' ? errorFields(value) : typeof value === 'bigint' ? value.toString() : value
  return out
}

function errorFields(error: unknown): unknown {
  if (typeof error !== 'object' || error === null || !('message' in error)) return String(error)
  const { name, message, stack, code, cause } = error as {
    name?: unknown
    message?: unknown
    stack?: unknown
    code?: unknown
    cause?: unknown
  }
  return { name, message, ...(code === undefined ? {} : { code }), stack, ...(cause === undefined ? {} : { cause: errorFields(cause) }) }
}
