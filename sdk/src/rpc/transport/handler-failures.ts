import { WeaverError } from '../../contract/errors.js'
import type { Logger } from '../../telemetry/logger.js'
import { processNow } from '../../context/process-clock.js'

const EVERY_MS = 10_000
/** Errors caused by a message that this build would not write. */
const OF_THE_SENDER: ReadonlySet<string> = new Set(['WEAVER_CODEC_INVALID', 'WEAVER_RPC_PROTOCOL'])

/** Whether the message's bytes are to blame, and not the handler that read them. */
export function isOfTheSender(error: unknown): boolean {
  return error instanceof WeaverError && OF_THE_SENDER.has(error.code)
}

/**
 * Logs errors of message handlers, which are bugs of this process: per subscription the first at
 * once, then at most every ten seconds.
 */
export class HandlerFailures {
  readonly #log: Logger
  readonly #now: () => number
  /** By subject of the subscription, of which there are a few per component. */
  readonly #loggedAt = new Map<string, number>()
  #unlogged = 0

  constructor(log: Logger, now: () => number = processNow) {
    this.#log = log
    this.#now = now
  }

  /** @param failed its subject is that of the subscription */
  add({ subject, err }: { readonly subject: string; readonly err: unknown }): void {
    const now = this.#now()
    if (now - (this.#loggedAt.get(subject) ?? -Infinity) < EVERY_MS) return void this.#unlogged++
    this.#loggedAt.set(subject, now)
    this.#log.error('a message could not be handled', { subject, unlogged: this.#unlogged, err })
    this.#unlogged = 0
  }
}
