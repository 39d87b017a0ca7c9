/**
 * Calls to the owner of their key that wait behind a call sent in parts. Parts are sent only when
 * the owner has accepted them, and a call sent meanwhile would overtake: calls with one key would
 * be reordered.
 *
 * I1  Places are assigned in the order of the requests, and each waits for the previous one,
 *     whatever its outcome.
 * I2  A waiting call ends at its own deadline or signal; those behind it keep their order.
 */
import { MAX_TIMER_MS } from '../../contract/bootstrap.js'
import type { Cancellation } from '../../context/cancellation.js'
import { processNow } from '../../context/process-clock.js'
import { abandoned, deadlineError } from '../../errors/remote-call-error.js'

export interface Place {
  /** Resolves when it is the first in the queue. */
  readonly before: Promise<void>
  /** Call it when the call is sent, or will not be. Only the first time has an effect. */
  end(): void
}

export class OwnerQueue {
  readonly #tails = new Map<string, Promise<void>>()

  /** Whether a call to this replica must wait. */
  isBusy(replica: string): boolean {
    return this.#tails.has(replica)
  }

  /** I1 */
  take(replica: string): Place {
    const before = this.#tails.get(replica) ?? Promise.resolve()
    let resolve = (): void => undefined
    const sent = new Promise<void>((done) => (resolve = done))
    const over = (): void => {
      if (this.#tails.get(replica) === sent) this.#tails.delete(replica)
      resolve()
    }
    this.#tails.set(replica, sent)
    return { before, end: () => void before.then(over) }
  }
}

/**
 * Waits for the turn (I2).
 * @throws RemoteCallError `WEAVER_RPC_DEADLINE`, `WEAVER_RPC_CANCELLED`: it was not sent
 */
export function turn(
  before: Promise<void>,
  call: { readonly what: string; readonly deadline: number; readonly cancellation: Cancellation | undefined },
): Promise<void> {
  const { what, deadline, cancellation } = call
  if (cancellation?.isAborted === true) return Promise.reject(abandoned(cancellation.reason, what, false))
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void): void => {
      clearTimeout(timer)
      cancellation?.remove(listener)
      outcome()
    }
    const listener = { onCancelled: (reason: unknown) => settle(() => reject(abandoned(reason, what, false))) }
    const timer = setTimeout(
      () => settle(() => reject(deadlineError(what, { isSent: false }))),
      Math.min(Math.max(0, deadline - processNow()), MAX_TIMER_MS),
    )
    cancellation?.add(listener)
    void before.then(() => settle(resolve))
  })
}
