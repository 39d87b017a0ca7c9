import { processMetrics } from '../../telemetry/metrics.js'
import type { Logger } from '../../telemetry/logger.js'
import { processNow } from '../../context/process-clock.js'

const EVERY_MS = 10_000

export const DAMAGED_METRIC = {
  name: 'weaver_damaged_messages_total',
  help: 'Messages of other processes that could not be understood, by what they were meant to be.',
} as const

const counted = processMetrics.counter(DAMAGED_METRIC.name, { help: DAMAGED_METRIC.help, labels: ['kind'] })

/**
 * Counts frames that cannot be understood, and logs them: the first at once, then at most every ten seconds how many there were. Whoever may publish here can
 * send them without end.
 */
export class DamagedFrames {
  readonly #log: Logger
  readonly #message: string
  readonly #kind: 'answer' | 'other' | 'request' | 'stream'
  #loggedAt = -Infinity
  #count = 0
  #total = 0

  /** @param of the log entry and the metric */
  constructor(log: Logger, of: { readonly message: string; readonly kind: 'answer' | 'other' | 'request' | 'stream' }) {
    this.#log = log
    this.#message = of.message
    this.#kind = of.kind
  }

  /** One more. @param fields of the entry, where there is one */
  add(fields: { readonly reason: string; readonly component?: string; readonly subject?: string; readonly err?: unknown }): void {
    this.#count++
    this.#total++
    counted.with({ kind: this.#kind }).add()
    const now = processNow()
    if (now - this.#loggedAt < EVERY_MS) return
    this.#log.warn(this.#message, { ...fields, count: this.#count, total: this.#total })
    this.#loggedAt = now
    this.#count = 0
  }
}
