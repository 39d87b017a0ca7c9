/**
 * Decides about a call whose attempt failed in transit.
 *
 * I1  A call is retried only if it certainly did not run, or if its method may run twice; never
 *     past its deadline.
 * I2  `mayHaveRun` is about the call, not about its last attempt: once it may have run, no later
 *     attempt reverts that.
 * I3  Attempts that cost a replica work are charged to the component's budget. Those rejected by
 *     the broker because there are no responders cost nothing, nor do those for which there was no
 *     connection.
 */
import type { MethodBinding } from '../../component/binding.js'
import { backoffMs, pause } from '../../context/backoff.js'
import { NEVER } from '../../context/context.js'
import type { CallLine } from './call-line.js'
import { decodeAnswer, isPlatformFailure } from './decode-answer.js'
import { whatOf, type Attempt, type Target } from './pending-call.js'
import { processNow } from '../../context/process-clock.js'
import { failure, RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import type { Transport } from '../transport/transport.js'

/**
 * How long a call is retried while there are no responders: longer than a replica takes to move,
 * shorter than a user waits. It starts when there are none for the first time: a large request may
 * lose its replica while in transit.
 */
const UNAVAILABLE_WINDOW_MS = 900
/**
 * How long a call that may have run waits for a lost connection, over all its attempts: a
 * restarting broker is back in a tenth of that. A call that certainly did not run has nothing to
 * report to its caller yet, and waits until its deadline.
 */
const RECONNECT_WINDOW_MS = 900
/** Maximum number of calls that wait for the connection; any further call fails at once. */
const MAX_WAITING = 65_536
const MAX_RETRIES = 3
/** Failures after which a retry may succeed, and which may have cost a replica work. */
const RETRIED: ReadonlySet<string> = new Set<RemoteCallCode>(['WEAVER_RPC_DISCONNECTED', 'WEAVER_RPC_OVERLOADED', 'WEAVER_RPC_PEER_LOST'])

export class Retrier {
  readonly #transport: Transport
  readonly #reconnected = new Set<() => void>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /**
   * Retries after the first attempt, if that may help.
   * @param first the outcome of the first attempt
   */
  async goOn(line: CallLine, call: Attempt, first: RemoteCallError): Promise<unknown> {
    const { target } = line
    const { deadline, now, method } = call
    const binding = target.methods[method] as MethodBinding // the stub and this list come from one generated file
    let error = first
    let { owner } = call
    let mayHaveRun = false
    let lostAt: number | undefined
    let unheardFrom: number | undefined
    for (let retry = 0; ; retry++) {
      mayHaveRun ||= error.mayHaveRun
      unheardFrom = error.code === 'WEAVER_RPC_UNAVAILABLE' ? (unheardFrom ?? processNow()) : undefined
      if (owner !== undefined && error.code === 'WEAVER_RPC_UNAVAILABLE') {
        // The owner of its key has gone: any other replica will do, without a wait.
        target.route?.onUnreachable(owner)
        owner = undefined
      } else {
        const wait = backoffMs(retry)
        const isWorthIt = this.#canRetry(error, { target, binding, retry, unheardFrom, mayHaveRun }) && processNow() + wait < deadline
        if (!isWorthIt) throw finalError(error, { mayHaveRun })
        if (hasCost(error) && !target.budget.spend(processNow())) throw finalError(error, { mayHaveRun, note: BUDGET })
        await pause(wait, now.signal)
        if (error.code === 'WEAVER_RPC_PEER_LOST') owner = undefined
      }
      try {
        if (!this.#transport.takesCalls) {
          if (!this.#transport.isConnected) lostAt ??= processNow()
          const until = mayHaveRun && lostAt !== undefined ? Math.min(deadline, lostAt + RECONNECT_WINDOW_MS) : deadline
          await this.#connection(whatOf(target, method), { until, signal: now.signal })
        }
        return decodeAnswer(await line.sendNow({ ...call, owner, place: undefined }, processNow()), binding, target)
      } catch (failed) {
        if (!isPlatformFailure(failed)) throw failed
        error = failed
      }
    }
  }

  /** I1 */
  #canRetry(
    error: RemoteCallError,
    at: {
      readonly target: Target
      readonly binding: MethodBinding
      readonly retry: number
      readonly unheardFrom: number | undefined
      readonly mayHaveRun: boolean
    },
  ): boolean {
    if (at.unheardFrom !== undefined) return processNow() < Math.max(at.unheardFrom + UNAVAILABLE_WINDOW_MS, this.#transport.unsettledUntil)
    if (isNeverSent(error) && !at.mayHaveRun) return this.#reconnected.size < MAX_WAITING
    if (!RETRIED.has(error.code) || at.retry >= MAX_RETRIES) return false
    return !error.mayHaveRun || !at.target.notRetriable.has(at.binding.name)
  }

  onReconnected(): void {
    const waiting = [...this.#reconnected]
    this.#reconnected.clear()
    for (const back of waiting) back()
  }

  /** Waits for a lost connection; a message sent meanwhile would silently be lost. */
  async #connection(what: string, wait: { readonly until: number; readonly signal: AbortSignal }): Promise<void> {
    if (this.#reconnected.size >= MAX_WAITING)
      throw failure(
        'WEAVER_RPC_DISCONNECTED',
        `${what} was not sent: ${MAX_WAITING} calls wait for the connection to the broker already`,
        false,
      )
    const back = new AbortController()
    const onBack = (): void => back.abort()
    this.#reconnected.add(onBack)
    await pause(wait.until - processNow(), wait.signal === NEVER ? back.signal : AbortSignal.any([back.signal, wait.signal]))
    this.#reconnected.delete(onBack)
    if (!this.#transport.takesCalls && !wait.signal.aborted)
      throw failure('WEAVER_RPC_DISCONNECTED', `${what} was not sent: there is no connection to the broker`, false)
  }
}

/** I3 */
function hasCost({ code, mayHaveRun }: RemoteCallError): boolean {
  return code !== 'WEAVER_RPC_UNAVAILABLE' && !isNeverSent({ code, mayHaveRun })
}

/** Whether there was no connection to send it over. */
function isNeverSent({ code, mayHaveRun }: Pick<RemoteCallError, 'code' | 'mayHaveRun'>): boolean {
  return code === 'WEAVER_RPC_DISCONNECTED' && !mayHaveRun
}

const BUDGET = 'it was not tried again: too many calls of this component were'

/** I2 */
function finalError(
  error: RemoteCallError,
  { mayHaveRun, note }: { readonly mayHaveRun: boolean; readonly note?: string },
): RemoteCallError {
  const notes = [note, mayHaveRun && !error.mayHaveRun ? 'an earlier attempt of this call may have run' : undefined]
  const text = notes.filter((n) => n !== undefined).join('; ')
  if (text === '') return error
  const { code, message, cause, details } = error
  return new RemoteCallError(code as RemoteCallCode, `${message}; ${text}`, { mayHaveRun, cause, details }) // its own code
}
