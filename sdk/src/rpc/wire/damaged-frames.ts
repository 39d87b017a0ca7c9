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
 * Counts frames that cannot be decoded, and logs them: the first at once, then their number at most
 * every ten seconds. Anyone who may publish here can send them without end.
 */
export class DamagedFrames {
  readonly #log: Logger
  readonly #message: string
  readonly #kind: 'answer' | 'other' | 'request' | 'stream'
  #loggedAt = -Infinity
  #count = 0
  #total = 0

  /** @param of words for the log entry, and the label of the metric */
  constructor(log: Logger, of: { readonly message: string; readonly kind: 'answer' | 'other' | 'request' | 'stream' }) {
    this.#log = log
    this.#message = of.message
    this.#kind = of.kind
  }

  /** Counts a damaged frame. @param fields of the log entry, if there is one */
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
