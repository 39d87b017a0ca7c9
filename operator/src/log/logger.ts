/** The operator's log: one JSON object a line. Messages are constant; data stands in fields, an error under `err`. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'
const ORDER: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

export type LogFields = Readonly<Record<string, unknown>>
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to every entry. */
  child(fields: LogFields): Logger
}
export interface LoggerOptions {
  /** @default "info" */
  readonly level?: LogLevel
  /** @default stdout */
  readonly write?: (line: string) => void
  readonly fields?: LogFields
}

export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', write = (line) => void process.stdout.write(line), fields: base = {} } = options
  const at =
    (own: LogLevel) =>
    (message: string, fields: LogFields = {}) => {
      if (ORDER.indexOf(own) < ORDER.indexOf(level)) return
      const { err, ...rest } = fields
      const error = err === undefined ? {} : { err: errorFields(err) }
      write(`${JSON.stringify({ ts: new Date().toISOString(), level: own, msg: message, ...base, ...rest, ...error })}\n`)
    }
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => createLogger({ level, write, fields: { ...base, ...fields } }),
  }
}

function errorFields(error: unknown): unknown {
  if (!(error instanceof Error)) return String(error)
  const { code } = error as { readonly code?: unknown }
  return {
    name: error.name,
    message: error.message,
    ...(code === undefined ? {} : { code }),
    stack: error.stack,
    ...(error instanceof AggregateError ? { errors: error.errors.map(errorFields) } : {}),
    ...(error.cause === undefined ? {} : { cause: errorFields(error.cause) }),
  }
}
