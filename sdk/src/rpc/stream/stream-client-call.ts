/**
 * One streaming call, on its caller's side.
 *
 * I1  A request larger than a message is sent in parts, like that of any other call (parts.ts).
 * I2  A call ends once: by the callee's end or error, by its consumer leaving, by its signal or
 *     deadline, or by the loss of the other side. In each case the callee is notified, unless it
 *     ended the call itself, and the caller's own argument stream is returned (`return()`).
 */
import { codecError } from '../../codec/codec-error.js'
import { whyArgumentsRefused } from '../../codec/find-refused.js'
import type { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'
import type { MethodBinding } from '../../component/binding.js'
import { MAX_TIMER_MS } from '../../contract/bootstrap.js'
import { reasonOf } from '../../contract/errors.js'
import { callSubject, replicaCallSubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import type { WatchedCall } from '../replicas/watched-call.js'
import { NEVER, runInContext, type CallContext } from '../../context/context.js'
import { readError, writeError } from '../../codec/error-codec.js'
import { KIND } from '../wire/frame.js'
import { sendParts, tooLarge, writeOffer } from '../wire/parts.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import type { Route } from '../replicas/route.js'
import type { EndpointCall, StreamEndpoint } from './stream-endpoint.js'
import { STREAM_KIND, writeItems, writeOpenHead, writeStreamHead } from '../wire/stream-frame.js'
import { StreamReceiver } from './stream-receiver.js'
import { StreamSender } from './stream-sender.js'
import { MAX_ITEM_BYTES } from './stream-window.js'
import type { Transport } from '../transport/transport.js'

export interface StreamCall {
  readonly component: string
  readonly method: number
  readonly binding: MethodBinding
  readonly args: readonly unknown[]
  /** The calling component. */
  readonly caller: string
  /** Time limit until a replica has accepted the call, in milliseconds. */
  readonly openTimeoutMs: number
  readonly route?: Route | undefined
  /**
   * Called when the caller requests the first item; its result is called once, when the call is
   * over.
   */
  readonly observe?: () => (outcome: { readonly error?: unknown }) => void
}

/** What all calls of a process share. */
export interface ClientCallEnvironment {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly log: Logger
  readonly fingerprint: Uint8Array
  /** Maximum size of a request, in bytes. */
  readonly maxMessageBytes: number
  /** A number that no other call of this replica has. */
  readonly number: () => number
}

export interface ClientCallOptions {
  readonly call: StreamCall
  readonly now: CallContext
  readonly openBy: number
  /** The replica that owns the call's key. */
  readonly owner: string | undefined
  readonly endpoint: StreamEndpoint
  readonly client: ClientCallEnvironment
}

export class ClientCall implements EndpointCall, WatchedCall {
  readonly output: StreamReceiver
  /** Number of a request in parts; other requests are not looked up by number: see `opening`. */
  id: number = 0
  readonly target: WatchedCall['target']
  readonly sentAt: number = processNow()
  holder: string | undefined
  readonly #options: ClientCallOptions
  readonly #what: string
  readonly #onAbort = (): void => this.#abandon(this.#givenUp())
  #id = 0
  #state: 'opening' | 'open' | 'over' = 'opening'
  /** The request, if larger than a message. */
  #large: Uint8Array | undefined
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
    if (openBy <= processNow()) throw this.#failure('WEAVER_RPC_DEADLINE', 'was not opened: its deadline has passed', false)
    if (!transport.takesCalls) throw this.#failure('WEAVER_RPC_DISCONNECTED', 'was not opened: there is no connection to the broker', false)
    this.#id = endpoint.add(this)
    try {
      const frame = endpoint.encode((w) => this.#writeOpen(w))
      const isLarge = frame.length > Math.min(transport.maxPayloadBytes, client.maxMessageBytes)
      const subject =
        owner === undefined ? callSubject(deploymentId, call.component) : replicaCallSubject(deploymentId, call.component, owner)
      transport.publish(subject, isLarge ? this.#offer(frame) : frame, endpoint.openReply(this.#id))
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
      case KIND.accept:
        return void this.#sendLarge(r.string())
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
      case KIND.failure:
      case STREAM_KIND.failure: {
        const code = r.string() as RemoteCallCode // written by stream-server.ts of the same build; others are shown as they are
        return this.#fail(this.#failure(code, r.string(), r.bool()))
      }
      default:
        throw this.#failure('WEAVER_RPC_PROTOCOL', `got a frame of kind ${kind}, which no callee sends`, true)
    }
  }

  onNoResponders(): void {
    this.#fail(this.#failure('WEAVER_RPC_UNAVAILABLE', 'was not opened: no replica of it is up', false))
  }

  /** Its consumer left before it was accepted. */
  leave(): void {
    this.#abandon(this.#failure('WEAVER_RPC_CANCELLED', 'is abandoned: its reader has left', true))
  }

  /**
   * Has no effect if it was accepted a moment ago, in the same packet as the answer to the question
   * about it.
   */
  onCalleeLost(why: string): void {
    if (this.#state === 'opening') this.#fail(this.#failure('WEAVER_RPC_PEER_LOST', `will not be answered: ${why}`, true))
  }

  onLost(error: RemoteCallError): void {
    this.#fail(this.#failure(error.code as RemoteCallCode, error.message, true, error.cause))
  }

  /** I1. @throws RemoteCallError if it exceeds the maximum size */
  #offer(frame: Uint8Array): Uint8Array {
    const { fingerprint, maxMessageBytes, number, replica } = this.#options.client
    if (frame.length > maxMessageBytes) throw tooLarge(this.#what, frame.length, maxMessageBytes)
    this.#large = frame
    this.id = number()
    return writeOffer(new Writer(), { call: this.id, fingerprint, total: frame.length, caller: replica })
  }

  /** That replica accepts the parts of the request. */
  async #sendLarge(replica: string): Promise<void> {
    const { call, client, endpoint } = this.#options
    const { deploymentId, transport } = client
    if (this.#large === undefined) return // nothing was offered
    this.holder = replica
    const subject = replicaCallSubject(deploymentId, call.component, replica)
    const whole = { call: this.id, sender: client.replica, bytes: this.#large, maxPayloadBytes: transport.maxPayloadBytes }
    try {
      await sendParts(whole, {
        writer: new Writer(),
        publish: (part) => transport.publish(subject, part, endpoint.openReply(this.#id)),
        isWanted: () => this.#state === 'opening',
      })
    } catch (error) {
      this.#fail(error) // a lost connection has already ended the call
    }
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
      encode: (write) => endpoint.encode(write),
      encodeItem: (w, item) => input.encodeItem(w, item),
      maxPayloadBytes: client.transport.maxPayloadBytes,
      onItems: (first, items) => this.#send(STREAM_KIND.items, (w) => writeItems(w, first, items)),
      onPart: (bytes) => this.#send(STREAM_KIND.part, (w) => w.bytes(bytes)),
      onEnd: () => this.#send(STREAM_KIND.end),
      onError: (error) => this.#sendError(error),
      onTooLarge: (bytes) =>
        this.#abandon(this.#failure('WEAVER_RPC_TOO_LARGE', `is abandoned: an item of its argument takes ${bytes} bytes, the limit is ${MAX_ITEM_BYTES}; send less at once`, true)), // prettier-ignore
      onUnheard: (err) => client.log.debug('the argument of a streaming call failed after the call was over', { method: this.#what, err }),
    })
    const items = call.args[input.position] as AsyncIterable<unknown> // the generated stub is typed; the sender checks again
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
        timeLeftMs: now.deadline === undefined ? 0 : Math.min(Math.max(1, Math.ceil(now.deadline - processNow())), 0xffff_ffff),
        metadata: now.metadata,
        caller: { component: call.caller, replica: client.replica },
        ...(now.traceparent === undefined ? {} : { traceparent: now.traceparent }),
        ...(now.tracestate === undefined ? {} : { tracestate: now.tracestate }),
      },
      client.fingerprint,
    )
    try {
      call.binding.encodeArgs(w, call.args)
    } catch (cause) {
      const why = whyArgumentsRefused((again, args) => call.binding.encodeArgs(again, args), call.args, cause)
      throw codecError(`${this.#what} was not sent: its arguments cannot be: ${why}`, cause)
    }
  }

  #decode(r: Reader): unknown {
    try {
      return this.#options.call.binding.decodeResult(r)
    } catch (cause) {
      throw this.#failure('WEAVER_RPC_PROTOCOL', `sent an item that cannot be decoded: ${reasonOf(cause)}`, true, cause) // prettier-ignore
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
      this.#abandon(error) // it cannot be sent, but it is known here
    }
  }

  /** The callee ended the call, or was lost. */
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

  /** I2 */
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
    if (at !== Infinity) this.#timer = setTimeout(onTime, Math.min(Math.max(0, at - processNow()), MAX_TIMER_MS))
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
