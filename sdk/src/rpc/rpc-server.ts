/**
 * The serving side: every hosted component listens on its subject in the queue group of its replicas.
 *
 * I1  Each request gets exactly one answer: a result, the method's error, or a platform failure. Bytes that are no request are answered too: whoever may
 *     publish here can send anything, and nothing that is sent may end the process.
 * I2  Draining loses nothing: the subscription is drained before what runs is waited for, and answers are flushed after it.
 */
import { codecError } from '../codec/codec-error.js'
import { Writer } from '../codec/writer.js'
import type { MethodBinding } from '../component/binding.js'
import { CALL_QUEUE, callSubject, replicaCallSubject } from '../contract/subjects.js'
import type { Logger } from '../telemetry/logger.js'
import type { Tracing } from '../telemetry/tracing.js'
import { runInContext } from './context.js'
import { writeError } from './error-codec.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, readKind, readRequestHead, type RequestHead } from './frame.js'
import { RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import { CANCEL_TOKEN } from './rpc-client.js'
import { isOpenFrame } from './stream-frame.js'
import { StreamServer } from './stream-server.js'
import type { IncomingMessage, Subscription, Transport } from './transport.js'

export interface RpcServerOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
}

export interface ServedComponent {
  readonly name: string
  readonly methods: readonly MethodBinding[]
  readonly instance: object
}

type Method = (...args: unknown[]) => Promise<unknown>
/** The longest that a timer of Node can wait; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

interface Request {
  readonly head: RequestHead
  readonly binding: MethodBinding
  readonly args: readonly unknown[]
}

export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #fingerprint: Buffer
  readonly #subscriptions: Subscription[] = []
  readonly #cancellations: Subscription[] = []
  /** Calls that run, by their reply subject. */
  readonly #running = new Map<string, AbortController>()
  readonly #writer = new Writer()
  readonly #streams: StreamServer
  #served = 0
  #onIdle: (() => void) | undefined

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#fingerprint = Buffer.from(fingerprintPrefix(options.fingerprint))
    this.#streams = new StreamServer({ ...options, fingerprint: this.#fingerprint })
  }

  get inFlight(): number {
    return this.#running.size + this.#streams.inFlight
  }

  get served(): number {
    return this.#served
  }

  /** Begins to answer calls to a component. */
  serve(component: ServedComponent): void {
    const { transport, deploymentId, replica } = this.#options
    const onRequest = (message: IncomingMessage): void => void this.#onRequest(component, message)
    this.#subscriptions.push(
      transport.subscribe(callSubject(deploymentId, component.name), onRequest, { queue: CALL_QUEUE }),
      transport.subscribe(replicaCallSubject(deploymentId, component.name, replica), onRequest),
    )
    this.#cancellations.push(
      transport.subscribe(replicaCallSubject(deploymentId, component.name, CANCEL_TOKEN), (message) => this.#onCancel(message)),
    )
  }

  /**
   * I2. Resolves when everything that had arrived is answered; what runs can still be cancelled meanwhile. Streams that are not at their end after
   * `streamsMs` milliseconds are cut off. @default no limit
   */
  async drain(limit: { readonly streamsMs?: number } = {}): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()))
    await this.#streams.drain(limit.streamsMs)
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    for (const subscription of this.#cancellations.splice(0)) subscription.unsubscribe()
    // Without a broker there is nobody to answer; each answer that was lost has been logged.
    if (this.#options.transport.isConnected) await this.#options.transport.flush()
  }

  async #onRequest(component: ServedComponent, message: IncomingMessage): Promise<void> {
    const { reply } = message
    if (reply === undefined) return // nobody could hear the answer
    if (isOpenFrame(message.data)) return this.#streams.onOpen(component, message.data, reply)
    let request: Request
    try {
      request = this.#read(component, message.data)
    } catch (error) {
      const isRefusal = error instanceof RemoteCallError
      return this.#fail(
        reply,
        isRefusal ? (error.code as RemoteCallCode) : 'WEAVER_RPC_PROTOCOL',
        isRefusal ? error.message : `the request cannot be decoded: ${textOf(error)}`,
      )
    }
    const { head, binding, args } = request
    const abort = new AbortController()
    this.#running.set(reply, abort)
    const timer =
      head.timeLeftMs === 0
        ? undefined
        : setTimeout(
            () => abort.abort(new DOMException('the deadline of the call has passed', 'TimeoutError')),
            Math.min(head.timeLeftMs, MAX_TIMER_MS),
          )
    const span = this.#options.tracing?.startServe({
      component: component.name,
      method: binding.name,
      caller: head.caller.component,
      traceparent: head.traceparent,
      tracestate: head.tracestate,
    })
    try {
      const result = await runInContext(
        {
          signal: abort.signal,
          metadata: head.metadata,
          caller: head.caller,
          ...(head.timeLeftMs === 0 ? {} : { deadline: Date.now() + head.timeLeftMs }),
          ...(head.traceparent === undefined ? {} : { traceparent: head.traceparent }),
          ...(head.tracestate === undefined ? {} : { tracestate: head.tracestate }),
        },
        () => (span === undefined ? invoke(component, binding, args) : span.run(() => invoke(component, binding, args))),
      )
      this.#answer(reply, KIND.result, (w) => encodeResult(w, { component, binding, result }))
      span?.end()
    } catch (error) {
      span?.end(error)
      this.#answerError(reply, error)
    } finally {
      clearTimeout(timer)
      this.#running.delete(reply)
      this.#served++
      if (this.#running.size === 0) this.#onIdle?.()
    }
  }

  /**
   * Everything of a request that is not yet the method's business.
   * @throws RemoteCallError for a request that is understood and refused; anything else for bytes that are not understood. The method has not run.
   */
  #read(component: ServedComponent, data: Uint8Array): Request {
    const { kind, reader } = readKind(data)
    if (kind !== KIND.request) throw refusal('WEAVER_RPC_PROTOCOL', 'the request is no frame that this release knows')
    const head = readRequestHead(reader)
    if (!this.#fingerprint.equals(head.fingerprint))
      throw refusal(
        'WEAVER_RPC_FINGERPRINT',
        `the caller ${head.caller.component} on ${head.caller.replica} is of build ${Buffer.from(head.fingerprint).toString('hex')}, this replica of build ${this.#fingerprint.toString('hex')}; two builds do not talk to each other`,
      )
    const binding = component.methods[head.method]
    if (binding === undefined) throw refusal('WEAVER_RPC_PROTOCOL', `"${component.name}" has no method number ${head.method}`)
    return { head, binding, args: binding.decodeArgs(reader) }
  }

  /** The method's error; should that be one that cannot be told, the fact that there was one. */
  #answerError(reply: string, error: unknown): void {
    try {
      this.#answer(reply, KIND.error, (w) => writeError(w, error))
    } catch (why) {
      this.#fail(reply, 'WEAVER_RPC_PROTOCOL', `the method failed with an error that cannot be sent: ${textOf(why)}`, true)
    }
  }

  #answer(reply: string, kind: number, write: (w: Writer) => void): void {
    const { transport } = this.#options
    const frame = this.#encode(kind, write)
    if (frame.length > transport.maxPayloadBytes)
      return this.#fail(
        reply,
        'WEAVER_RPC_TOO_LARGE',
        `the answer takes ${frame.length} bytes, the broker's limit is ${transport.maxPayloadBytes}; return less, or raise max_payload`,
        true,
      )
    this.#publish(reply, frame)
  }

  #fail(reply: string, code: RemoteCallCode, message: string, mayHaveRun: boolean = false): void {
    this.#publish(
      reply,
      this.#encode(KIND.failure, (w) => {
        w.string(code)
        w.string(message)
        w.bool(mayHaveRun)
      }),
    )
  }

  #encode(kind: number, write: (w: Writer) => void): Uint8Array {
    const w = this.#writer
    try {
      w.u8(FRAME_VERSION)
      w.u8(kind)
      write(w)
      return w.finish()
    } catch (error) {
      w.reset()
      throw error
    }
  }

  #publish(reply: string, frame: Uint8Array): void {
    try {
      this.#options.transport.publish(reply, frame)
    } catch (error) {
      // The caller's side saw the same loss of the broker and has failed the call already.
      this.#options.log.warn('an answer could not be sent', { err: error })
    }
  }

  #onCancel(message: IncomingMessage): void {
    const { kind, reader } = readKind(message.data)
    if (kind !== KIND.cancel) return
    let reply: string
    try {
      reply = reader.string()
    } catch (error) {
      this.#options.log.warn('a cancellation cannot be decoded; no call is cancelled', { err: error })
      return
    }
    this.#running.get(reply)?.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }
}

function refusal(code: RemoteCallCode, message: string): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun: false })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

async function invoke(component: ServedComponent, binding: MethodBinding, args: readonly unknown[]): Promise<unknown> {
  return (component.instance as Record<string, Method | undefined>)[binding.name]?.(...args) // the generated binding names methods of this class
}

function encodeResult(
  w: Writer,
  of: { readonly component: ServedComponent; readonly binding: MethodBinding; readonly result: unknown },
): void {
  try {
    of.binding.encodeResult(w, of.result)
  } catch (cause) {
    throw codecError(`${of.component.name}.${of.binding.name}: what it returned cannot be sent: ${textOf(cause)}`, cause)
  }
}
