/**
 * The serving side: every hosted component listens on its subject in the queue group of its replicas.
 *
 * I1  Each request gets exactly one answer: a result, the method's error, or a platform failure.
 * I2  Draining loses nothing: the subscription is drained before what runs is waited for, and answers are flushed after it.
 */
import { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import type { MethodBinding } from '../component/binding.js'
import { CALL_QUEUE, callSubject, replicaCallSubject } from '../contract/subjects.js'
import type { Logger } from '../telemetry/logger.js'
import { runInContext } from './context.js'
import { writeError } from './error-codec.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, readKind, readRequestHead } from './frame.js'
import type { RemoteCallCode } from './remote-call-error.js'
import { CANCEL_TOKEN } from './rpc-client.js'
import type { IncomingMessage, Subscription, Transport } from './transport.js'

export interface RpcServerOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
}

export interface ServedComponent {
  readonly name: string
  readonly methods: readonly MethodBinding[]
  readonly instance: object
}

type Method = (...args: unknown[]) => Promise<unknown>

export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #fingerprint: Buffer
  readonly #subscriptions: Subscription[] = []
  /** Calls that run, by their reply subject. */
  readonly #running = new Map<string, AbortController>()
  readonly #writer = new Writer()
  #served = 0
  #onIdle: (() => void) | undefined

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#fingerprint = Buffer.from(fingerprintPrefix(options.fingerprint))
  }

  get inFlight(): number {
    return this.#running.size
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
      transport.subscribe(replicaCallSubject(deploymentId, component.name, CANCEL_TOKEN), (message) => this.#onCancel(message)),
    )
  }

  /** I2. Resolves when everything that had arrived is answered. */
  async drain(): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()))
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
    await this.#options.transport.flush()
  }

  async #onRequest(component: ServedComponent, message: IncomingMessage): Promise<void> {
    const { reply } = message
    if (reply === undefined) return // nobody could hear the answer
    const { kind, reader } = readKind(message.data)
    if (kind !== KIND.request) return this.#fail(reply, 'WEAVER_RPC_PROTOCOL', 'the request is no frame that this release knows')
    const head = readRequestHead(reader)
    if (!this.#fingerprint.equals(head.fingerprint))
      return this.#fail(
        reply,
        'WEAVER_RPC_FINGERPRINT',
        `the caller ${head.caller.component} on ${head.caller.replica} is of build ${Buffer.from(head.fingerprint).toString('hex')}, this replica of build ${this.#fingerprint.toString('hex')}; two builds do not talk to each other`,
      )
    const binding = component.methods[head.method]
    if (binding === undefined) return this.#fail(reply, 'WEAVER_RPC_PROTOCOL', `"${component.name}" has no method number ${head.method}`)
    const abort = new AbortController()
    this.#running.set(reply, abort)
    const timer =
      head.timeLeftMs === 0
        ? undefined
        : setTimeout(() => abort.abort(new DOMException('the deadline of the call has passed', 'TimeoutError')), head.timeLeftMs)
    try {
      const result = await runInContext(
        {
          signal: abort.signal,
          metadata: head.metadata,
          caller: head.caller,
          ...(head.timeLeftMs === 0 ? {} : { deadline: Date.now() + head.timeLeftMs }),
          ...(head.traceparent === undefined ? {} : { traceparent: head.traceparent }),
        },
        () => invoke(component, binding, reader),
      )
      this.#answer(reply, KIND.result, (w) => binding.encodeResult(w, result))
    } catch (error) {
      this.#answer(reply, KIND.error, (w) => writeError(w, error))
    } finally {
      clearTimeout(timer)
      this.#running.delete(reply)
      this.#served++
      if (this.#running.size === 0) this.#onIdle?.()
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
      w.truncate(0)
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
    if (kind === KIND.cancel) this.#running.get(reader.string())?.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }
}

async function invoke(component: ServedComponent, binding: MethodBinding, reader: Reader): Promise<unknown> {
  const args = binding.decodeArgs(reader)
  return (component.instance as Record<string, Method | undefined>)[binding.name]?.(...args) // the generated binding names methods of this class
}
