/**
 * Sends log entries to the deployer over the broker, in batches.
 *
 * I1  Writing never waits and never throws: beyond the buffer's limits an entry is dropped, and the
 *     next batch reports the number of dropped entries.
 * I2  One batch is in flight at a time: the next is sent when the broker has received it. A slow or
 *     lost broker fills the buffer, not the client's memory.
 * I3  Accepted entries are sent, or written to the fallback, when the process ends. A batch in
 *     flight when the broker is lost may be lost too, which the batch numbers reveal.
 */
import type { LogEntry } from '../contract/logs.js'
import { logSubject } from '../contract/subjects.js'
import { processNow } from '../context/process-clock.js'
import { safeJson } from '../contract/safe-json.js'
import { jsonLine } from '../contract/log-print.js'
import { processMetrics } from './metrics.js'

/** The parts of the broker connection that the shipper needs. */
export interface LogTransport {
  readonly isConnected: boolean
  /** Largest message in bytes. */
  readonly maxPayloadBytes: number
  /** @throws when there is no connection */
  publish(subject: string, data: Uint8Array): void
  /** Resolves when the broker has received everything sent so far. */
  flush(): Promise<void>
  /** Called whenever the connection is lost or restored. */
  onConnection(listener: (isConnected: boolean) => void): void
}

export interface LogShipperOptions {
  readonly deploymentId: string
  readonly replica: string
  /** Receives what cannot be sent, as JSON lines. */
  readonly fallback: (line: string) => void
  /** Maximum number of waiting entries. @default 10000 */
  readonly maxEntries?: number
  /** Maximum size of waiting entries. @default 4 MiB */
  readonly maxBytes?: number
}

export const DROPPED_METRIC: { readonly name: string; readonly help: string } = {
  name: 'weaver_log_entries_dropped_total',
  help: 'Log entries that were lost because more were written than could be sent.',
}
const BATCH_ENTRIES = 500
const BATCH_BYTES = 256 * 1024
/** Size of a batch besides its entries. */
const HEAD_BYTES = 512
/** Characters kept of an entry's message when the entry exceeds a batch. */
const CUT_MESSAGE = 500
/** How long entries are collected before they are sent. */
const LINGER_MS = 50
const FLUSH_MS = 5_000
const STOP_MS = 2_000

interface Waiting {
  readonly json: string
  readonly bytes: number
  readonly entry: LogEntry
}

export class LogShipper {
  readonly #options: LogShipperOptions
  readonly #dropCounter = processMetrics.counter(DROPPED_METRIC.name, { help: DROPPED_METRIC.help })
  #queue: Waiting[] = []
  #bytes = 0
  #dropped = 0
  #number = 0
  #transport: LogTransport | undefined
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined
  #isStopped = false

  constructor(options: LogShipperOptions) {
    this.#options = options
  }

  /** I1 */
  write(entry: LogEntry): void {
    if (this.#isStopped) return this.#options.fallback(jsonLine(entry))
    const { maxEntries = 10_000, maxBytes = 4 * 1024 * 1024 } = this.#options
    const whole = waitingOf(entry)
    // An entry that would fill a batch alone is truncated now: it must not displace others while it
    // waits.
    const waiting = whole.bytes > BATCH_BYTES - HEAD_BYTES ? cut(whole) : whole
    const { bytes } = waiting
    if (this.#queue.length >= maxEntries || this.#bytes + bytes > maxBytes) {
      this.#dropped++
      this.#dropCounter.add()
      return
    }
    this.#queue.push(waiting)
    this.#bytes += bytes
    this.#schedule()
  }

  /** Starts to send entries, including those that were written before. */
  start(transport: LogTransport): void {
    this.#transport = transport
    transport.onConnection((isConnected) => {
      if (isConnected) this.#schedule()
    })
    this.#schedule()
  }

  /**
   * Sends waiting entries for at most two seconds, and writes the rest, and all later ones, to the
   * fallback. Call it before the transport is closed.
   */
  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    const limit = processNow() + STOP_MS
    while (this.#mustSend() && processNow() < limit) await isSettled(this.#pump(limit - processNow()), limit - processNow())
    this.#isStopped = true
    for (const { entry } of this.#queue.splice(0)) this.#options.fallback(jsonLine(entry))
    this.#bytes = 0
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#sending !== undefined || this.#isStopped || this.#transport === undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#pump(FLUSH_MS)
    }, LINGER_MS)
    this.#timer.unref()
  }

  #mustSend(): boolean {
    return this.#transport?.isConnected === true && this.#queue.length + this.#dropped > 0
  }

  /** I2. Never rejects. */
  #pump(limitMs: number): Promise<void> {
    this.#sending ??= this.#sendAll(limitMs).finally(() => {
      this.#sending = undefined
      if (this.#queue.length > 0 && this.#transport?.isConnected === true) this.#schedule()
    })
    return this.#sending
  }

  async #sendAll(limitMs: number): Promise<void> {
    const transport = this.#transport
    if (transport === undefined) return
    while (this.#mustSend()) {
      const dropped = this.#dropped
      const batch = this.#take(Math.min(BATCH_BYTES, transport.maxPayloadBytes) - HEAD_BYTES)
      const { deploymentId, replica } = this.#options
      const head = JSON.stringify({ kind: 'logs', replica, number: this.#number + 1, dropped })
      const text = `${head.slice(0, -1)},"entries":[${batch.map(({ json }) => json).join(',')}]}`
      try {
        transport.publish(logSubject(deploymentId), Buffer.from(text))
      } catch {
        // The connection has just been lost; they wait for the next one.
        this.#queue.unshift(...batch)
        this.#bytes += batch.reduce((sum, { bytes }) => sum + bytes, 0)
        return
      }
      this.#number++
      this.#dropped -= dropped
      if (!(await isSettled(transport.flush(), limitMs))) return
    }
  }

  /** The first entries that fit into one message; at least one if there is any. */
  #take(maxBytes: number): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#queue) {
      if (count >= BATCH_ENTRIES || (count > 0 && bytes + waiting.bytes + 1 > maxBytes)) break
      bytes += waiting.bytes + 1
      count++
    }
    const batch = this.#queue.slice(0, count)
    this.#queue = this.#queue.slice(count)
    this.#bytes -= batch.reduce((sum, waiting) => sum + waiting.bytes, 0)
    const [first] = batch
    return first !== undefined && count === 1 && first.bytes > maxBytes ? [cut(first)] : batch
  }
}

function waitingOf(entry: LogEntry): Waiting {
  const json = safeJson(entry)
  return { entry, json, bytes: Buffer.byteLength(json) }
}

/** Truncates an entry that exceeds a message. */
function cut({ entry, bytes }: Waiting): Waiting {
  return waitingOf({ ...entry, message: entry.message.slice(0, CUT_MESSAGE), attributes: { truncatedFromBytes: bytes } })
}

/**
 * @returns false if it took longer, or failed: the connection is lost and will be reported when
 * restored
 */
async function isSettled(work: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), limitMs)))
  try {
    return await Promise.race([work.then(() => true, () => false), late]) // prettier-ignore
  } finally {
    clearTimeout(timer)
  }
}
