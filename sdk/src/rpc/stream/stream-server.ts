/**
 * The serving side of streaming calls.
 *
 * I1  An accepted call ends with exactly one of `end`, `error` or `failure`, unless its caller has
 *     gone.
 * I2  The method, its generator at every `yield`, and its reading of an argument stream run in the
 *     context of the call.
 * I3  When the caller has gone, by its own will, its deadline or its death, the context's signal
 *     aborts, the argument stream fails, and the generator's `return()` is called. The call counts
 *     as in flight until all of that has finished.
 */
import type { Writer } from '../../codec/writer.js'
import type { Reader } from '../../codec/reader.js'
import type { MethodBinding } from '../../component/binding.js'
import { MAX_TIMER_MS } from '../../contract/bootstrap.js'
import { reasonOf } from '../../contract/errors.js'
import type { Tracing } from '../../telemetry/tracing/tracing.js'
import { runInContext } from '../../context/context.js'
import { readError, writeError } from '../../codec/error-codec.js'
import { readKind } from '../wire/frame.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import { StreamEndpoint, type EndpointCall, type StreamEndpointOptions } from './stream-endpoint.js'
import {
  readFingerprint,
  readOpenHead,
  STREAM_KIND,
  writeItems,
  writeStreamHead,
  type OpenHead,
  type StreamKind,
} from '../wire/stream-frame.js'
import { StreamReceiver } from './stream-receiver.js'
import { StreamSender } from './stream-sender.js'
import { MAX_ITEM_BYTES } from './stream-window.js'

export interface StreamServerOptions extends StreamEndpointOptions {
  readonly fingerprint: Uint8Array
  readonly tracing?: Tracing | undefined
  /** Maximum number of concurrent calls of one component, streaming or not. */
  readonly maxConcurrent: number
}

/** What the server needs of a component. */
export interface StreamedComponent {
  readonly name: string
  readonly methods: readonly MethodBinding[]
  readonly instance: object
  /** Number of its running calls, streaming or not. */
  running: number
}

type Method = (...args: unknown[]) => unknown

export class StreamServer {
  readonly #options: StreamServerOptions
  readonly #endpoint: StreamEndpoint
  readonly #running = new Map<ServerCall, Promise<void>>()

  constructor(options: StreamServerOptions) {
    this.#options = options
    this.#endpoint = new StreamEndpoint(options)
  }

  get inFlight(): number {
    return this.#running.size
  }

  /** Resolves when the streams that are open now have ended, whatever is opened meanwhile. */
  async whenOpenOnesEnd(): Promise<void> {
    await Promise.all(this.#running.values())
  }

  /** Handles an `open` frame. `reply` is the subject for a refusal. Never throws. */
  onOpen(component: StreamedComponent, frame: Uint8Array, reply: string): void {
    let call: ServerCall
    try {
      call = this.#accept(component, readKind(frame).reader)
    } catch (error) {
      const isRefusal = error instanceof RemoteCallError
      const why = reasonOf(error)
      if (!isRefusal || error.code === 'WEAVER_RPC_PROTOCOL') this.#endpoint.onDamaged(why)
      return this.#endpoint.send(reply, (w) => {
        writeStreamHead(w, STREAM_KIND.failure, 0)
        w.string(isRefusal ? error.code : 'WEAVER_RPC_PROTOCOL')
        w.string(isRefusal ? why : `sent a request that cannot be decoded: ${why}`)
        w.bool(false)
      })
    }
    component.running++
    const done = call.run().finally(() => {
      component.running--
      this.#running.delete(call)
    })
    this.#running.set(call, done)
  }

  /**
   * Resolves when every stream has ended. Those still open after `limitMs` end with
   * `WEAVER_RPC_PEER_LOST`: an endless stream must not hold up the stop of its process.
   * @returns how many were cut off
   */
  async drain(limitMs: number = Infinity): Promise<number> {
    let cut = 0
    const timer =
      limitMs === Infinity
        ? undefined
        : setTimeout(() => {
            cut = this.#running.size
            for (const call of this.#running.keys()) call.stop('WEAVER_RPC_PEER_LOST', 'is cut off: the replica that served it stops')
          }, limitMs)
    await Promise.all(this.#running.values())
    clearTimeout(timer)
    this.#endpoint.close()
    return cut
  }

  #accept(component: StreamedComponent, reader: Reader): ServerCall {
    const { fingerprint, maxConcurrent, replica } = this.#options
    const theirs = readFingerprint(reader)
    if (Buffer.compare(theirs, fingerprint) !== 0)
      throw refusal(
        'WEAVER_RPC_FINGERPRINT',
        `was refused: the caller is of build ${Buffer.from(theirs).toString('hex')}, this replica of build ${Buffer.from(fingerprint).toString('hex')}; two builds do not talk to each other`,
      )
    const head = readOpenHead(reader)
    const binding = component.methods[head.method]
    if (binding === undefined || (binding.isStream === undefined && binding.input === undefined))
      throw refusal('WEAVER_RPC_PROTOCOL', `was refused: "${component.name}" has no streaming method number ${head.method}`)
    if (component.running >= maxConcurrent)
      throw refusal('WEAVER_RPC_OVERLOADED', `was refused: "${replica}" runs ${component.running} calls of "${component.name}" already`)
    const args = binding.decodeArgs(reader)
    return new ServerCall({ head, binding, args, component, endpoint: this.#endpoint, server: this.#options })
  }
}

interface ServerCallOptions {
  readonly head: OpenHead
  readonly binding: MethodBinding
  readonly args: readonly unknown[]
  readonly component: StreamedComponent
  readonly endpoint: StreamEndpoint
  readonly server: StreamServerOptions
}

class ServerCall implements EndpointCall {
  readonly #options: ServerCallOptions
  readonly #abort = new AbortController()
  readonly #output: StreamSender
  readonly #input: StreamReceiver | undefined
  readonly #id: number
  #isOver = false
  /** The method's failure, for its span. */
  #error: unknown

  constructor(options: ServerCallOptions) {
    this.#options = options
    const { binding, component, endpoint, head, server } = options
    const what = `${component.name}.${binding.name}`
    const { maxPayloadBytes } = server.transport
    this.#output = new StreamSender({
      what,
      encode: (write) => endpoint.encode(write),
      encodeItem: (w, item) => binding.encodeResult(w, item),
      maxPayloadBytes,
      onItems: (first, items) => this.#send(STREAM_KIND.items, (w) => writeItems(w, first, items)),
      onPart: (bytes) => this.#send(STREAM_KIND.part, (w) => w.bytes(bytes)),
      onEnd: () => this.#send(STREAM_KIND.end),
      onError: (error) => {
        this.#error = error
        this.#sendError(error)
      },
      onTooLarge: (bytes) => this.#fail('WEAVER_RPC_TOO_LARGE', `made an item of ${bytes} bytes, the limit is ${MAX_ITEM_BYTES}; send less at once`), // prettier-ignore
      onUnheard: (err) => server.log.debug('a stream failed after its caller had gone', { method: what, err }),
    })
    const { input } = binding
    if (input !== undefined)
      this.#input = new StreamReceiver({
        decode: (r) => input.decodeItem(r),
        onCredit: (credits) => this.#send(STREAM_KIND.credit, (w) => w.uint(credits)),
        onCancel: () => this.#send(STREAM_KIND.cancel),
      })
    this.#id = endpoint.add(this)
    endpoint.connect(this.#id, head.endpoint)
    this.#send(STREAM_KIND.accepted, (w) => {
      w.string(endpoint.subject)
      w.uint(this.#id)
    })
  }

  /** Runs the method to the end of its result. Never rejects. */
  async run(): Promise<void> {
    const { head, endpoint, binding, component, server } = this.#options
    const span = server.tracing?.startServe({
      component: component.name,
      method: binding.name,
      caller: head.caller.component,
      traceparent: head.traceparent,
      tracestate: head.tracestate,
    })
    const timer =
      head.timeLeftMs === 0
        ? undefined
        : setTimeout(
            () => this.#leave(new DOMException('the deadline of the call has passed', 'TimeoutError')),
            Math.min(head.timeLeftMs, MAX_TIMER_MS),
          )
    try {
      await runInContext(
        {
          signal: this.#abort.signal,
          metadata: head.metadata,
          caller: head.caller,
          ...(head.timeLeftMs === 0 ? {} : { deadline: processNow() + head.timeLeftMs }),
          ...(head.traceparent === undefined ? {} : { traceparent: head.traceparent }),
          ...(head.tracestate === undefined ? {} : { tracestate: head.tracestate }),
        },
        () => (span === undefined ? this.#invoke() : span.run(() => this.#invoke())), // I2
      )
    } finally {
      span?.end(this.#error)
      clearTimeout(timer)
      this.#isOver = true
      this.#input?.abandon(refusal('WEAVER_RPC_CANCELLED', 'the call that this argument belongs to is over'))
      endpoint.remove(this.#id)
    }
  }

  /** Ends the call from this side. */
  stop(code: RemoteCallCode, why: string): void {
    this.#fail(code, why)
    this.#leave(new DOMException(`the call ${why}`, 'AbortError'))
  }

  onFrame(kind: number, r: Reader): void {
    switch (kind) {
      case STREAM_KIND.items:
        return this.#input?.onItems(r)
      case STREAM_KIND.part:
        return this.#input?.onPart(r)
      case STREAM_KIND.end:
        return this.#input?.end()
      case STREAM_KIND.error:
        return this.#input?.fail(readError(r))
      case STREAM_KIND.credit:
        return this.#output.grant(r.uint())
      case STREAM_KIND.cancel:
        return this.#leave(new DOMException('the caller has given the call up', 'AbortError'))
      default:
        throw refusal('WEAVER_RPC_PROTOCOL', `a frame of kind ${kind}, which no caller sends`)
    }
  }

  onNoResponders(): void {
    // Only an `open` requests this answer, and this side sends none.
  }

  onLost(error: RemoteCallError): void {
    this.#leave(error)
  }

  #invoke(): Promise<void> {
    const { binding, component, args } = this.#options
    const given = [...args]
    if (binding.input !== undefined) given[binding.input.position] = this.#input?.items()
    const method = (component.instance as Record<string, Method | undefined>)[binding.name] // the generated binding names methods of this class
    return this.#output.run(() => itemsOf(binding, () => method?.apply(component.instance, given)))
  }

  /** I3 */
  #leave(reason: unknown): void {
    if (this.#abort.signal.aborted) return
    this.#abort.abort(reason)
    this.#output.cancel()
    this.#input?.abandon(reason)
  }

  #sendError(error: unknown): void {
    try {
      this.#send(STREAM_KIND.error, (w) => writeError(w, error))
    } catch (why) {
      this.#fail('WEAVER_RPC_PROTOCOL', `failed with an error that cannot be sent: ${reasonOf(why)}`)
    }
  }

  #fail(code: RemoteCallCode, why: string): void {
    this.#send(STREAM_KIND.failure, (w) => {
      w.string(code)
      w.string(why)
      w.bool(true)
    })
  }

  #send(kind: StreamKind, write?: (w: Writer) => void): void {
    const { endpoint, head } = this.#options
    if (this.#isOver) return
    endpoint.send(head.endpoint, (w) => {
      writeStreamHead(w, kind, head.callId)
      write?.(w)
    })
  }
}

/**
 * The result of a method as items: those of its stream, or the one result of a method that only
 * takes a stream.
 */
function itemsOf(binding: MethodBinding, call: () => unknown): AsyncIterable<unknown> {
  if (binding.isStream !== undefined) return call() as AsyncIterable<unknown> // the sender checks that it is one
  return (async function* () {
    yield await call()
  })()
}

function refusal(code: RemoteCallCode, message: string): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun: false })
}
