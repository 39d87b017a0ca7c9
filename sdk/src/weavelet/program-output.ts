import { isWeaverError } from '../contract/errors.js'
import { jsonLine } from '../contract/log-print.js'
import type { LogEntry } from '../contract/logs.js'
import { LogShipper, type LogShipperOptions } from '../telemetry/log-shipper.js'
import { createLogger, entrySink, type LogSink } from '../telemetry/logger.js'

/** Thrown by code of the application, whose stack shows the place. */
const THROWN_BY_CODE: readonly string[] = ['WEAVER_CONSTRUCT_FAILED', 'WEAVER_INIT_FAILED', 'WEAVER_START_INVALID']

/**
 * Where log entries and failures of the process go: to the terminal of whoever started it, until a
 * deployer is known to read them.
 */
export class ProgramOutput {
  sink: LogSink
  shipper: LogShipper | undefined

  /** @param print formats an entry for people */
  constructor(print: (entry: LogEntry) => string) {
    this.sink = entrySink((entry) => void process.stderr.write(print(entry)))
  }

  /** From now on writes lines of JSON. */
  toLines(stream: NodeJS.WriteStream): void {
    this.sink = entrySink((entry) => void stream.write(jsonLine(entry)))
  }

  /** From now on sends entries over the broker, and writes to stdout what cannot be sent. */
  toBroker(of: Omit<LogShipperOptions, 'fallback'>): void {
    const shipper = new LogShipper({ ...of, fallback: (line) => void process.stdout.write(line) })
    this.sink = entrySink((entry) => shipper.write(entry))
    this.shipper = shipper
  }

  /** A user's mistake needs its message, not our stack. */
  fail(error: unknown): void {
    if (isWeaverError(error)) {
      const isInCode = THROWN_BY_CODE.includes(error.code) && error.cause !== undefined
      // Directly to the sink: the SDK's line is of no help.
      this.sink.write('error', error.message, { code: error.code, ...(isInCode ? { err: error.cause } : {}) })
    } else createLogger(this.sink).error('the application failed', { err: error })
    process.exitCode = 1
  }
}
