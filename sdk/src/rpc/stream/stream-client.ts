/**
 * The calling side of streaming calls; stream-client-call.ts is one call.
 *
 * I1  Nothing is sent before the caller requests the first item: an unread stream costs nothing, as
 *     in one process.
 * I2  Only opening is retried, and only if certainly no replica took the call. Any later failure is
 *     reported to the caller.
 */
import { isWeaverError } from '../../contract/errors.js'
import { backoffMs, pause } from '../../context/backoff.js'
import type { WatchedCall } from '../replicas/watched-call.js'
import { scope, type CallContext } from '../../context/context.js'
import { leavable, Leaving } from './leavable-stream.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import { ClientCall, type ClientCallEnvironment, type StreamCall } from './stream-client-call.js'
import { StreamEndpoint, type StreamEndpointOptions } from './stream-endpoint.js'

/** How long opening is retried, from the first time that there was no taker. */
const OPEN_WINDOW_MS = 1_000
/** Another replica, or the same one a moment later, may take the call. */
const PASSING: ReadonlySet<string> = new Set<RemoteCallCode>([
  'WEAVER_RPC_UNAVAILABLE',
  'WEAVER_RPC_DISCONNECTED',
  'WEAVER_RPC_OVERLOADED',
  'WEAVER_RPC_PEER_LOST', // parts of the request were lost
])

export interface StreamClientOptions extends StreamEndpointOptions, ClientCallEnvironment {
  /** Called when a call is offered, to start the watch over `opening`. */
  readonly onOpening?: () => void
}

export class StreamClient {
  readonly #options: StreamClientOptions
  readonly #endpoint: StreamEndpoint
  readonly #opening = new Set<ClientCall>()

  constructor(options: StreamClientOptions) {
    this.#options = options
    this.#endpoint = new StreamEndpoint(options)
  }

  get inFlight(): number {
    return this.#endpoint.inFlight
  }

  /** Resolves when no stream is open, including streams that are opened meanwhile. */
  whenNoneIsOpen(): Promise<void> {
    return this.#endpoint.whenNoneIsOpen()
  }

  /**
   * Calls that no replica has accepted yet. A replica accepts before it answers any question, so
   * the one with the call would not deny having it.
   */
  get opening(): ReadonlySet<WatchedCall> {
    return this.#opening
  }

  /** Calls a method that returns a stream. The context is that of the call, not of the consumer. */
  stream(call: StreamCall): AsyncGenerator<unknown, void, undefined> {
    const leaving = new Leaving()
    return leavable(this.#items(call, scope(), leaving), () => leaving.leave())
  }

  /** Calls a method that takes a stream and returns one result. */
  async call(call: StreamCall): Promise<unknown> {
    const items = this.#items(call, scope(), new Leaving())
    const first = await items.next()
    await items.next() // the end
    return first.value
  }

  async *#items(call: StreamCall, now: CallContext, leaving: Leaving): AsyncGenerator<unknown, void, undefined> {
    const ended = call.observe?.()
    let outcome: { readonly error?: unknown } = {}
    try {
      const opened = await this.#open(call, now, leaving)
      leaving.onLeave(() => opened.output.cancel())
      yield* opened.output.items()
    } catch (error) {
      if (leaving.isLeft) return // the consumer has left and receives nothing
      outcome = { error }
      throw error
    } finally {
      ended?.(outcome) // also when the consumer leaves
    }
  }

  /** I2 */
  async #open(call: StreamCall, now: CallContext, leaving: Leaving): Promise<ClientCall> {
    const openBy = Math.min(now.deadline ?? Infinity, processNow() + call.openTimeoutMs)
    let failsFrom: number | undefined
    let owner = call.route?.ownerFor(call.binding.name, call.args)
    for (let retry = 0; ; retry++) {
      const attempt = new ClientCall({ call, now, openBy, owner, endpoint: this.#endpoint, client: this.#options })
      try {
        const opened = attempt.open()
        this.#opening.add(attempt)
        this.#options.onOpening?.()
        leaving.onLeave(() => attempt.leave())
        await opened
        return attempt
      } catch (error) {
        if (owner !== undefined && isWeaverError(error, 'WEAVER_RPC_UNAVAILABLE')) {
          call.route?.onUnreachable(owner)
          owner = undefined
          continue
        }
        const wait = backoffMs(retry)
        const surelyNotTaken = error instanceof RemoteCallError && !error.mayHaveRun
        const mayPass = surelyNotTaken && PASSING.has(error.code)
        // Without a connection a call waits for it first, and only then for a replica.
        failsFrom = isWeaverError(error, 'WEAVER_RPC_DISCONNECTED') ? undefined : (failsFrom ?? processNow())
        const { unsettledUntil } = this.#options.transport
        const until = failsFrom === undefined ? openBy : Math.min(openBy, Math.max(failsFrom + OPEN_WINDOW_MS, unsettledUntil))
        if (!mayPass || now.signal.aborted || leaving.isLeft || processNow() + wait > until) throw error
        await pause(wait, now.signal)
        if (leaving.isLeft) throw error
      } finally {
        this.#opening.delete(attempt)
      }
    }
  }
}
