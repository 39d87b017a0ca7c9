import { LOG_LEVELS, type LogEntry, type LogLevel } from '../contract/logs.js'
import { callSite } from '../context/call-site.js'
import { logEntry, type LogFields } from './log-entry.js'

export type { LogFields, LogLevel }

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
  /** @param source the logging line, `file:line` */
  write(level: LogLevel, message: string, fields: LogFields, source?: string): void
}

/** A logger over a sink; entries below the sink's level cost one comparison. */
export function createLogger(sink: LogSink, base: LogFields = {}): Logger {
  const at = (level: LogLevel): Logger['info'] => {
    const rank = LOG_LEVELS.indexOf(level)
    const log = (message: string, fields: LogFields = {}): void => {
      if (rank < LOG_LEVELS.indexOf(sink.level)) return
      const source = callSite(log)
      try {
        sink.write(level, message, { ...base, ...fields }, source)
      } catch (error) {
        // Such as a getter among the fields that throws: logging must never throw.
        sink.write(level, message, { ...base, notLogged: String(error) }, source)
      }
    }
    return log
  }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLogger(sink, { ...base, ...fields }),
  }
}

/** A sink that creates entries and passes them to `write`. */
export function entrySink(write: (entry: LogEntry) => void, level: LogLevel = 'info'): LogSink {
  return { level, write: (at, message, fields, source) => write(logEntry({ level: at, message, fields, source })) }
}
