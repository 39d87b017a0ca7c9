/**
 * The calling side of streaming calls; one call is stream-client-call.ts.
 *
 * I1  Nothing is sent before the caller asks for the first item: a stream that nobody reads costs nothing, here as in one process.
 * I2  Only opening is tried again, and only where surely no replica took the call. After that every failure is the caller's.
 */
import { isWeaverError } from '../../contract/errors.js'
import { backoffMs, pause } from '../../context/backoff.js'
import type { WatchedCall } from '../replicas/callee-watch.js'
import { scope, type CallContext } from '../../context/context.js'
import { leavable, Leaving } from './leavable-stream.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import { ClientCall, type ClientCallEnvironment, type StreamCall } from './stream-client-call.js'
import { StreamEndpoint, type StreamEndpointOptions } from './stream-endpoint.js'

/** How long a call is offered again, from the first time that nobody took it. */
const OPEN_WINDOW_MS = 1_000
/** Another replica, or the same one a moment later, may take the call. */
const PASSING: ReadonlySet<string> = new Set<RemoteCallCode>([
  'WEAVER_RPC_UNAVAILABLE',
  'WEAVER_RPC_DISCONNECTED',
  'WEAVER_RPC_OVERLOADED',
  'WEAVER_RPC_PEER_LOST', // parts of the request were
])

export interface StreamClientOptions extends StreamEndpointOptions, ClientCallEnvironment {
  /** Told when a call is offered: whoever watches over `opening` may begin. */
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

  /** Calls that no replica has accepted yet. A replica says so before it answers any question: the one that has it would not be among those that do not. */
  get opening(): ReadonlySet<WatchedCall> {
    return this.#opening
  }

  /** A call of a method that returns a stream. The context is that of the call, not of the reader. */
  stream(call: StreamCall): AsyncGenerator<unknown, void, undefined> {
    const leaving = new Leaving()
    return leavable(this.#items(call, scope(), leaving), () => leaving.leave())
  }

  /** A call of a method that takes a stream and answers once. */
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
      if (leaving.isLeft) return // nobody is there to hear it
      outcome = { error }
      throw error
    } finally {
      ended?.(outcome) // also when the reader leaves
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
        // One that there is no connection for waits for it, and only then for a replica.
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
