import type { Logger } from '../telemetry/logger.js'
import { processNow } from './process-clock.js'

const EVERY_MS = 10_000

/** Logs frames that cannot be understood: the first at once, then at most every ten seconds how many there were. Whoever may publish here can send them without end. */
export class DamagedFrames {
  readonly #log: Logger
  readonly #message: string
  #loggedAt = -Infinity
  #count = 0
  #total = 0

  /** @param message of the log entry */
  constructor(log: Logger, message: string) {
    this.#log = log
    this.#message = message
  }

  /** One more. @param fields of the entry, where there is one */
  add(fields: { readonly reason: string; readonly component?: string }): void {
    this.#count++
    this.#total++
    const now = processNow()
    if (now - this.#loggedAt < EVERY_MS) return
    this.#log.warn(this.#message, { ...fields, count: this.#count, total: this.#total })
    this.#loggedAt = now
    this.#count = 0
  }
}
