/**
 * What becomes of a call whose attempt failed on its way.
 *
 * I1  A call is sent again only when it surely did not run, or when its method may run twice; never past its deadline.
 * I2  `mayHaveRun` speaks of the call, not of its last attempt: once it may have run, no later attempt takes that back.
 * I3  Attempts that cost a replica work come out of the budget of the component. Those that the broker turned away, because nobody listens, cost none, nor do
 *     those that there was no connection for.
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
 * How long a call is offered again while nobody listens: longer than a replica takes to move, shorter than a user waits. It begins when nobody does for the first
 * time: the request may be a large one, whose replica left while it was on its way.
 */
const UNAVAILABLE_WINDOW_MS = 900
/**
 * How long a call that may have run waits for a lost connection to come back, over all its attempts: a broker that restarts is back in a tenth of it. One that
 * surely did not run has nothing to tell its caller yet, and waits until its deadline.
 */
const RECONNECT_WINDOW_MS = 900
/** So many calls may wait for the connection; one more fails at once. */
const MAX_WAITING = 65_536
const MAX_RETRIES = 3
/** Failures after which another attempt may end otherwise, and which a replica may have had work with. */
const RETRIED: ReadonlySet<string> = new Set<RemoteCallCode>(['WEAVER_RPC_DISCONNECTED', 'WEAVER_RPC_OVERLOADED', 'WEAVER_RPC_PEER_LOST'])

export class Retrier {
  readonly #transport: Transport
  readonly #reconnected = new Set<() => void>()

  constructor(transport: Transport) {
    this.#transport = transport
  }

  /** After the first attempt: tries again where that may help. @param first what came of it */
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
        // The owner of its key has gone: any other replica will do, and nothing is to be waited for.
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

  /** Waits for a lost connection to return; a message sent meanwhile would be lost without a word. */
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

/** There was no connection to send it over. */
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
