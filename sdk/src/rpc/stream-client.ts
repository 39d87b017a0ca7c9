/**
 * The calling side of streaming calls.
 *
 * I1  Nothing is sent before the caller asks for the first item: a stream that nobody reads costs nothing, here as in one process.
 * I2  Only opening is tried again, and only where surely no replica took the call. After that every failure is the caller's.
 * I3  A call ends once: by the callee's end or error, by its reader leaving, by its signal or deadline, or by the loss of the other side. Whatever it is,
 *     the callee is told unless it said so itself, and the caller's own argument stream is given back (`return()`).
 */
import type { Writer } from '../codec/writer.js'
import type { Reader } from '../codec/reader.js'
import type { MethodBinding } from '../component/binding.js'
import { isWeaverError } from '../contract/errors.js'
import { callSubject, replicaCallSubject } from '../contract/subjects.js'
import { backoffMs, pause } from './backoff.js'
import type { WatchedCall } from './callee-watch.js'
import { context, NEVER, runInContext, type CallContext } from './context.js'
import { readError, writeError } from './error-codec.js'
import { leavable, Leaving } from './leavable-stream.js'
import { RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import type { Route } from './route.js'
import { StreamEndpoint, type EndpointCall, type StreamEndpointOptions } from './stream-endpoint.js'
import { STREAM_KIND, writeItems, writeOpenHead, writeStreamHead } from './stream-frame.js'
import { StreamReceiver } from './stream-receiver.js'
import { StreamSender } from './stream-sender.js'
import { MAX_ITEM_BYTES } from './stream-window.js'

/** How long a call is offered again when nobody listens, or while there is no connection. */
const OPEN_WINDOW_MS = 1_000
/** Another replica, or the same one a moment later, may take the call. */
const PASSING: ReadonlySet<string> = new Set<RemoteCallCode>(['WEAVER_RPC_UNAVAILABLE', 'WEAVER_RPC_DISCONNECTED', 'WEAVER_RPC_OVERLOADED'])
const MAX_TIMER_MS = 2 ** 31 - 1

export interface StreamCall {
  readonly component: string
  readonly method: number
  readonly binding: MethodBinding
  readonly args: readonly unknown[]
  /** The component that calls. */
  readonly caller: string
  /** How long it may take until a replica has accepted the call, in milliseconds. */
  readonly openTimeoutMs: number
  readonly route?: Route | undefined
  /** Told when the caller asks for the first item; what it returns is told once when the call is over. */
  readonly observe?: () => (outcome: { readonly error?: unknown }) => void
}

export interface StreamClientOptions extends StreamEndpointOptions {
  readonly fingerprint: Uint8Array
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

  /** Calls that no replica has accepted yet. A replica says so before it answers any question: the one that has it would not be among those that do not. */
  get opening(): ReadonlySet<WatchedCall> {
    return this.#opening
  }

  /** The replica that was offered it is gone. */
  onLost(call: WatchedCall, why: string): void {
    if (call instanceof ClientCall && this.#opening.has(call)) call.onNotAccepted(why)
  }

  /** A call of a method that returns a stream. The context is that of the call, not of the reader. */
  stream(call: StreamCall): AsyncGenerator<unknown, void, undefined> {
    const leaving = new Leaving()
    return leavable(this.#items(call, context(), leaving), () => leaving.leave())
  }

  /** A call of a method that takes a stream and answers once. */
  async call(call: StreamCall): Promise<unknown> {
    const items = this.#items(call, context(), new Leaving())
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
    const started = Date.now()
    const openBy = Math.min(now.deadline ?? Infinity, started + call.openTimeoutMs)
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
        if (!mayPass || now.signal.aborted || leaving.isLeft || Date.now() + wait > Math.min(openBy, started + OPEN_WINDOW_MS)) throw error
        await pause(wait, now.signal)
        if (leaving.isLeft) throw error
      } finally {
        this.#opening.delete(attempt)
      }
    }
  }
}

interface ClientCallOptions {
  readonly call: StreamCall
  readonly now: CallContext
  readonly openBy: number
  /** The replica that owns the key of the call. */
  readonly owner: string | undefined
  readonly endpoint: StreamEndpoint
  readonly client: StreamClientOptions
}

class ClientCall implements EndpointCall, WatchedCall {
  readonly output: StreamReceiver
  /** Nobody is asked for it by number: see `opening`. */
  readonly id = 0
  readonly target: WatchedCall['target']
  readonly sentAt = Date.now()
  holder: string | undefined
  readonly #options: ClientCallOptions
  readonly #what: string
  readonly #onAbort = (): void => this.#abandon(this.#givenUp())
  #id = 0
  #state: 'opening' | 'open' | 'over' = 'opening'
  #callee: { readonly endpoint: string; readonly callId: number } | undefined
  #input: StreamSender | undefined
  #timer: NodeJS.Timeout | undefined
  #settleOpen: { resolve(): void; reject(error: unknown): void } | undefined

  constructor(options: ClientCallOptions) {
    this.#options = options
    const { call } = options
    this.#what = `${call.component}.${call.binding.name}`
    this.target = call
    this.holder = options.owner
    this.output = new StreamReceiver({
      decode: (r) => this.#decode(r),
      onCredit: (credits) => this.#send(STREAM_KIND.credit, (w) => w.uint(credits)),
      onCancel: () => this.#end({ isToldCallee: false }),
    })
  }

  /** Resolves when a replica has accepted the call. */
  open(): Promise<void> {
    const { call, now, openBy, owner, endpoint, client } = this.#options
    const { transport, deploymentId } = client
    if (now.signal.aborted) throw this.#givenUp()
    if (openBy <= Date.now()) throw this.#failure('WEAVER_RPC_DEADLINE', 'was not opened: its deadline has passed', false)
    if (!transport.isConnected)
      throw this.#failure('WEAVER_RPC_DISCONNECTED', 'was not opened: there is no connection to the broker', false)
    this.#id = endpoint.add(this)
    try {
      const frame = endpoint.encode((w) => this.#writeOpen(w))
      if (frame.length > transport.maxPayloadBytes)
        throw this.#failure('WEAVER_RPC_TOO_LARGE', `was not opened: the arguments take ${frame.length} bytes, the broker's limit is ${transport.maxPayloadBytes}`, false) // prettier-ignore
      const subject =
        owner === undefined ? callSubject(deploymentId, call.component) : replicaCallSubject(deploymentId, call.component, owner)
      transport.publish(subject, frame, endpoint.openReply(this.#id))
    } catch (error) {
      endpoint.remove(this.#id)
      throw error
    }
    if (now.signal !== NEVER) now.signal.addEventListener('abort', this.#onAbort, { once: true })
    this.#setTimer(openBy, () => this.#abandon(this.#failure('WEAVER_RPC_DEADLINE', 'was not accepted by a replica in time', true)))
    return new Promise((resolve, reject) => (this.#settleOpen = { resolve, reject }))
  }

  onFrame(kind: number, r: Reader): void {
    switch (kind) {
      case STREAM_KIND.accepted:
        return this.#onAccepted(r.string(), r.uint())
      case STREAM_KIND.items:
        return this.output.onItems(r)
      case STREAM_KIND.part:
        return this.output.onPart(r)
      case STREAM_KIND.credit:
        return this.#input?.grant(r.uint())
      case STREAM_KIND.cancel:
        return this.#input?.cancel()
      case STREAM_KIND.end:
        this.#end({ isToldCallee: true })
        return this.output.end()
      case STREAM_KIND.error:
        return this.#fail(readError(r))
      case STREAM_KIND.failure: {
        const code = r.string() as RemoteCallCode // written by stream-server.ts of the same build, or shown as it is
        return this.#fail(this.#failure(code, r.string(), r.bool()))
      }
      default:
        throw this.#failure('WEAVER_RPC_PROTOCOL', `got a frame of kind ${kind}, which no callee sends`, true)
    }
  }

  onNoResponders(): void {
    this.#fail(this.#failure('WEAVER_RPC_UNAVAILABLE', 'was not opened: no replica of it is up', false))
  }

  /** Its reader has gone before it was accepted. */
  leave(): void {
    this.#abandon(this.#failure('WEAVER_RPC_CANCELLED', 'is abandoned: its reader has left', true))
  }

  onNotAccepted(why: string): void {
    this.#fail(this.#failure('WEAVER_RPC_PEER_LOST', `will not be answered: ${why}`, true))
  }

  onLost(error: RemoteCallError): void {
    this.#fail(this.#failure(error.code as RemoteCallCode, error.message, true, error.cause))
  }

  #onAccepted(calleeEndpoint: string, calleeId: number): void {
    const { call, now, endpoint, client } = this.#options
    this.#callee = { endpoint: calleeEndpoint, callId: calleeId }
    this.#state = 'open'
    clearTimeout(this.#timer)
    if (now.deadline !== undefined)
      this.#setTimer(now.deadline, () =>
        this.#abandon(this.#failure('WEAVER_RPC_DEADLINE', 'was not at its end before its deadline', true)),
      )
    endpoint.connect(this.#id, calleeEndpoint)
    this.#settleOpen?.resolve()
    const { input } = call.binding
    if (input === undefined) return
    this.#input = new StreamSender({
      what: `the argument of ${this.#what}`,
      encode: (item) => endpoint.encode((w) => input.encodeItem(w, item)),
      maxPayloadBytes: client.transport.maxPayloadBytes,
      onItems: (first, items) => this.#send(STREAM_KIND.items, (w) => writeItems(w, first, items)),
      onPart: (bytes) => this.#send(STREAM_KIND.part, (w) => w.bytes(bytes)),
      onEnd: () => this.#send(STREAM_KIND.end),
      onError: (error) => this.#sendError(error),
      onTooLarge: (bytes) =>
        this.#abandon(this.#failure('WEAVER_RPC_TOO_LARGE', `is abandoned: an item of its argument takes ${bytes} bytes, the limit is ${MAX_ITEM_BYTES}; send less at once`, true)), // prettier-ignore
      onUnheard: (err) => client.log.debug('the argument of a streaming call failed after the call was over', { method: this.#what, err }),
    })
    const items = call.args[input.position] as AsyncIterable<unknown> // the generated stub is typed; the sender looks again
    void runInContext(now, () => this.#input?.run(() => items))
  }

  #writeOpen(w: Writer): void {
    const { call, now, endpoint, client } = this.#options
    writeOpenHead(
      w,
      {
        callId: this.#id,
        endpoint: endpoint.subject,
        method: call.method,
        timeLeftMs: now.deadline === undefined ? 0 : Math.min(Math.max(1, Math.ceil(now.deadline - Date.now())), 0xffff_ffff),
        metadata: now.metadata,
        caller: { component: call.caller, replica: client.replica },
        ...(now.traceparent === undefined ? {} : { traceparent: now.traceparent }),
        ...(now.tracestate === undefined ? {} : { tracestate: now.tracestate }),
      },
      client.fingerprint,
    )
    call.binding.encodeArgs(w, call.args)
  }

  #decode(r: Reader): unknown {
    try {
      return this.#options.call.binding.decodeResult(r)
    } catch (cause) {
      throw this.#failure('WEAVER_RPC_PROTOCOL', `sent an item that cannot be decoded: ${cause instanceof Error ? cause.message : 'unknown'}`, true, cause) // prettier-ignore
    }
  }

  #send(kind: (typeof STREAM_KIND)[keyof typeof STREAM_KIND], write?: (w: Writer) => void): void {
    const callee = this.#callee
    if (callee === undefined) return
    this.#options.endpoint.send(callee.endpoint, (w) => {
      writeStreamHead(w, kind, callee.callId)
      write?.(w)
    })
  }

  /** The caller's own stream threw: the method sees that error where it reads. */
  #sendError(error: unknown): void {
    try {
      this.#send(STREAM_KIND.error, (w) => writeError(w, error))
    } catch {
      this.#abandon(error) // it cannot be told there, but it is known here
    }
  }

  /** The callee, or what became of it, ended the call. */
  #fail(error: unknown): void {
    this.#end({ isToldCallee: true })
    this.#settleOpen?.reject(error)
    this.output.fail(error)
  }

  /** This side ends the call. */
  #abandon(error: unknown): void {
    this.#end({ isToldCallee: false })
    this.#settleOpen?.reject(error)
    this.output.abandon(error)
  }

  /** I3 */
  #end(how: { readonly isToldCallee: boolean }): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    clearTimeout(this.#timer)
    this.#options.now.signal.removeEventListener('abort', this.#onAbort)
    if (!how.isToldCallee) this.#send(STREAM_KIND.cancel)
    this.#options.endpoint.remove(this.#id)
    this.#input?.cancel()
  }

  #setTimer(at: number, onTime: () => void): void {
    if (at !== Infinity) this.#timer = setTimeout(onTime, Math.min(Math.max(0, at - Date.now()), MAX_TIMER_MS))
  }

  #givenUp(): RemoteCallError {
    const cause: unknown = this.#options.now.signal.reason
    const isTimeout = typeof cause === 'object' && cause !== null && 'name' in cause && cause.name === 'TimeoutError'
    return this.#failure(
      isTimeout ? 'WEAVER_RPC_DEADLINE' : 'WEAVER_RPC_CANCELLED',
      isTimeout ? 'is abandoned: its deadline has passed' : 'is abandoned: its caller has given up',
      this.#id !== 0,
      cause,
    )
  }

  #failure(code: RemoteCallCode, why: string, mayHaveRun: boolean, cause?: unknown): RemoteCallError {
    return new RemoteCallError(code, `${this.#what} ${why}`, { mayHaveRun, cause })
  }
}
