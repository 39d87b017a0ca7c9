import { isWeaverError } from '../contract/errors.js'
import { jsonLine } from '../contract/log-print.js'
import type { LogEntry } from '../contract/logs.js'
import { LogShipper, type LogShipperOptions } from '../telemetry/log-shipper.js'
import { createLogger, entrySink, type LogSink } from '../telemetry/logger.js'

/** Code of the application threw these: where it did is worth its stack. */
const THROWN_BY_CODE: readonly string[] = ['WEAVER_CONSTRUCT_FAILED', 'WEAVER_INIT_FAILED', 'WEAVER_START_INVALID']

/** Where log entries and failures of the process go: to whoever started it by hand, until it is known that a deployer reads them. */
export class ProgramOutput {
  sink: LogSink
  shipper: LogShipper | undefined

  /** @param print an entry, for people */
  constructor(print: (entry: LogEntry) => string) {
    this.sink = entrySink((entry) => void process.stderr.write(print(entry)))
  }

  /** From now on as lines of JSON. */
  toLines(stream: NodeJS.WriteStream): void {
    this.sink = entrySink((entry) => void stream.write(jsonLine(entry)))
  }

  /** From now on over the broker, and to stdout what cannot be sent. */
  toBroker(of: Omit<LogShipperOptions, 'fallback'>): void {
    const shipper = new LogShipper({ ...of, fallback: (line) => void process.stdout.write(line) })
    this.sink = entrySink((entry) => shipper.write(entry))
    this.shipper = shipper
  }

  /** A user's mistake needs its message, not our stack. */
  fail(error: unknown): void {
    if (isWeaverError(error)) {
      const isInCode = THROWN_BY_CODE.includes(error.code) && error.cause !== undefined
      // Straight to the sink: where in the SDK it is told does not help.
      this.sink.write('error', error.message, { code: error.code, ...(isInCode ? { err: error.cause } : {}) })
    } else createLogger(this.sink).error('the application failed', { err: error })
    process.exitCode = 1
  }
}
