/**
 * The serving side: every hosted component subscribes to its subject in the queue group of its
 * replicas.
 *
 * I1  Each request gets exactly one answer: a result, the method's error, or a platform failure.
 *     Bytes that are not a request are answered, too: anyone who may publish here can send
 *     anything, and nothing that is sent may end the process.
 * I2  The number of concurrent calls of a component is limited; an excess call is rejected before
 *     it is decoded, so that another replica can take it.
 * I3  Callers and other replicas know a replica before it can get a call (replica-roster.ts), and
 *     can ask it about calls until the last is answered (callee-watch.ts).
 * I4  Draining loses nothing: the subscription is drained before running calls are awaited, and
 *     answers are flushed after that.
 */
import type { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'
import { reasonOf } from '../../contract/errors.js'
import { CALL_QUEUE, callSubject, everyReplicaSubject, replicaCallSubject, replicaQuerySubject } from '../../contract/subjects.js'
import type { Logger } from '../../telemetry/logger.js'
import type { Tracing } from '../../telemetry/tracing/tracing.js'
import { AnswerWriter } from './answer-writer.js'
import { applyInContext, runInContext } from '../../context/context.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { fingerprintPrefix, KIND, readCallHead, readCalls, readFingerprint, readKind, writeCalls, writeNames } from '../wire/frame.js'
import { DEFAULT_MAX_MESSAGE_BYTES, LargeRequests, readOffer, readPart } from '../wire/parts.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import { ReplicaRoster } from '../replicas/replica-roster.js'
import {
  RunningCall,
  RunningCalls,
  type Addressee,
  type Delivery,
  type HostedComponent,
  type KnownCaller,
  type ServedComponent,
} from './running-calls.js'
import { isOpenFrame } from '../wire/stream-frame.js'
import { StreamServer } from '../stream/stream-server.js'
import type { IncomingMessage, Subscription, Transport } from '../transport/transport.js'

export interface RpcServerOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
  /**
   * Maximum size of a request or answer, in bytes. What exceeds the broker's message size is sent
   * in parts.
   * @default DEFAULT_MAX_MESSAGE_BYTES
   */
  readonly maxMessageBytes?: number | undefined
  /**
   * Maximum number of concurrent calls of one component, including streams; more are rejected.
   * @default 10000
   */
  readonly maxConcurrent?: number | undefined
}

type Method = (...args: unknown[]) => Promise<unknown>
/** Maximum memory of requests in parts, as a multiple of the largest request. */
const LARGE_AT_ONCE = 4
const DEFAULT_MAX_CONCURRENT = 10_000
/**
 * How long calls have to react to the signal of a stop: at least this, and otherwise a share of the
 * time before.
 */
const MIN_HEED_MS = 20
const HEED_SHARE = 0.05

export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #fingerprint: Uint8Array
  /** The subscriptions for calls. */
  readonly #subscriptions: Subscription[] = []
  readonly #hosted: HostedComponent[] = []
  /** Components that take no calls at present, because the connection is about to move. */
  readonly #left: HostedComponent[] = []
  #isDraining = false
  /** Subscriptions that last until the final call is answered. */
  readonly #queries: Subscription[] = []
  readonly #running = new RunningCalls()
  readonly #answers: AnswerWriter
  readonly #writer = new Writer()
  readonly #roster: ReplicaRoster
  readonly #streams: StreamServer
  readonly #maxConcurrent: number
  readonly #maxMessageBytes: number
  readonly #large: LargeRequests
  readonly #damaged: DamagedFrames
  /** The sender of the last message: nearly always the same. */
  #lastCaller: KnownCaller | undefined
  #served = 0

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#damaged = new DamagedFrames(options.log, { message: 'a message cannot be understood; nothing is done', kind: 'request' })
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    this.#large = new LargeRequests(this.#maxMessageBytes * LARGE_AT_ONCE)
    options.transport.onConnection((isConnected) => {
      if (!isConnected) this.#large.clear()
      else for (const component of this.#left.splice(0)) this.#listen(component)
    })
    options.transport.onMove({ leave: () => this.#leave() })
    this.#maxConcurrent = options.maxConcurrent ?? DEFAULT_MAX_CONCURRENT
    this.#roster = new ReplicaRoster(options, this.#writer)
    this.#streams = new StreamServer({ ...options, fingerprint: this.#fingerprint, maxConcurrent: this.#maxConcurrent })
    this.#answers = new AnswerWriter({
      ...options,
      maxMessageBytes: this.#maxMessageBytes,
      onOver: (call) => {
        this.#served++
        this.#running.delete(call)
      },
    })
  }

  get inFlight(): number {
    return this.#running.size + this.#streams.inFlight
  }

  get served(): number {
    return this.#served
  }

  /** Starts to answer calls of a component. */
  serve(component: ServedComponent): void {
    const { transport, deploymentId, replica } = this.#options
    const { name } = component
    const onQuery = (message: IncomingMessage): void => this.#onQuery(name, message)
    this.#queries.push(
      transport.subscribe(everyReplicaSubject(deploymentId, name), onQuery),
      transport.subscribe(replicaQuerySubject(deploymentId, name, replica), onQuery),
    )
    this.#roster.join(name) // I3
    const hosted: HostedComponent = { ...component, running: 0 }
    this.#hosted.push(hosted)
    this.#listen(hosted)
  }

  #listen(hosted: HostedComponent): void {
    if (this.#isDraining) return
    const { transport, deploymentId, replica } = this.#options
    const { name } = hosted
    const onRequest = (message: IncomingMessage): void => this.#onRequest(hosted, message)
    this.#subscriptions.push(
      transport.subscribe(callSubject(deploymentId, name), onRequest, { queue: CALL_QUEUE }),
      transport.subscribe(replicaCallSubject(deploymentId, name, replica), onRequest),
    )
  }

  /**
   * I4, for a connection that moves: what has arrived is answered before it does, unless that takes
   * too long.
   */
  async #leave(): Promise<void> {
    this.#left.splice(0, this.#left.length, ...this.#hosted)
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()))
    await Promise.all([this.#running.whenNoneRuns(), this.#streams.whenOpenOnesEnd()])
  }

  /**
   * I4. Resolves when everything that had arrived is answered; running calls can still be cancelled
   * meanwhile. After `streamsMs` milliseconds open streams are cut off; after `callsMs` the signal
   * of running calls aborts, and those that ignore it are abandoned a moment later: their callers
   * then find that no replica has them.
   * @default no limit
   * @returns how many calls were told to end, and how many streams were cut off
   */
  async drain(
    limit: { readonly streamsMs?: number; readonly callsMs?: number } = {},
  ): Promise<{ readonly calls: number; readonly streams: number }> {
    const { callsMs } = limit
    this.#isDraining = true
    let calls = 0
    let left = (): void => undefined
    const isLeft = new Promise<void>((resolve) => (left = resolve))
    const timer =
      callsMs === undefined
        ? undefined
        : setTimeout(() => {
            calls = this.#running.size
            this.#running.abort(new DOMException('the replica that runs the call stops', 'AbortError'))
            setTimeout(left, Math.max(MIN_HEED_MS, callsMs * HEED_SHARE))
          }, callsMs)
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()))
    const streams = await this.#streams.drain(limit.streamsMs)
    await Promise.race([this.#running.whenNoneRuns(), isLeft])
    clearTimeout(timer)
    this.#running.leave()
    for (const subscription of this.#queries.splice(0)) subscription.unsubscribe()
    this.#roster.close()
    // Without a broker there is no receiver; each lost answer has been logged. During a move to
    // another server answers are held, and the transport's `close()` waits for that.
    if (this.#options.transport.isConnected) await this.#options.transport.flush()
    return { calls, streams }
  }

  #onRequest(component: HostedComponent, message: IncomingMessage): void {
    const { reply, data } = message
    if (reply === undefined) return // no receiver for an answer
    if (isOpenFrame(data)) return this.#streams.onOpen(component, data, reply)
    const { kind, reader } = readKind(data)
    const to = { reply, id: 0, isOneOfMany: false }
    try {
      if (kind === KIND.requests) return this.#onRequests(component, reader, reply)
      if (kind !== KIND.offer && kind !== KIND.part)
        throw refusal('WEAVER_RPC_PROTOCOL', 'the request is not a frame that this release knows')
      to.id = reader.u32()
      if (kind === KIND.offer) this.#onOffer(component, reader, to)
      else this.#onPart(component, reader, to)
    } catch (error) {
      this.#refuse(to, error)
    }
  }

  /** @throws the reason why none of them can be run */
  #onRequests(component: HostedComponent, reader: Reader, reply: string): void {
    const { otherBuild } = readFingerprint(reader, this.#fingerprint)
    const caller = this.#readCaller(reader)
    if (otherBuild !== undefined) throw this.#otherBuild(`${caller.caller.component} on ${caller.caller.replica}`, otherBuild)
    const delivery: Delivery = { component, caller, reply, at: processNow(), count: 0 }
    const calls: Reader[] = []
    while (reader.left > 0) calls.push(reader.part())
    if (calls.length === 0) throw refusal('WEAVER_RPC_PROTOCOL', 'the request has no call')
    delivery.count = calls.length
    for (const call of calls) this.#onCall(delivery, call)
  }

  #readCaller(reader: Reader): KnownCaller {
    const length = reader.uint()
    const last = this.#lastCaller
    if (last?.bytes.length === length && reader.skip(last.bytes)) return last
    return (this.#lastCaller = this.#running.caller(reader.view(length)))
  }

  #onCall(delivery: Delivery, reader: Reader): void {
    const { component, caller, reply } = delivery
    let id = 0
    let call: RunningCall
    let args: readonly unknown[]
    try {
      id = reader.u32()
      if (id === 0) return // given up before it was sent
      const head = readCallHead(reader, id)
      const binding = component.methods[head.method]
      if (binding === undefined) throw refusal('WEAVER_RPC_PROTOCOL', `"${component.name}" has no method number ${head.method}`)
      if (component.running >= this.#maxConcurrent)
        throw refusal('WEAVER_RPC_OVERLOADED', `"${this.#options.replica}" runs ${component.running} calls of "${component.name}" already`) // I2
      args = binding.decodeArgs(reader)
      const { traceparent, tracestate } = head
      const span = this.#options.tracing?.startServe({
        component: component.name,
        method: binding.name,
        caller: caller.caller.component,
        traceparent,
        tracestate,
      })
      call = new RunningCall(delivery, head, { binding, span })
    } catch (error) {
      return this.#refuse({ reply, id, isOneOfMany: id !== 0 && delivery.count > 1 }, error)
    }
    this.#running.add(call)
    let result: Promise<unknown>
    try {
      const { instance } = component
      const method = (instance as Record<string, Method>)[call.binding.name] as Method // the generated binding names methods of this class
      const { span } = call
      result =
        span === undefined
          ? applyInContext(call, method, { self: instance, args })
          : runInContext(call, () => span.run(() => method.apply(instance, args as unknown[]))) // not shared with other code
    } catch (error) {
      return this.#onFailed(call, error)
    }
    // A result that is not a promise is an answer, too: its class was type-checked, but not every
    // caller of it.
    if (typeof result?.then !== 'function') return this.#onResult(call, result)
    result.then(
      (value) => this.#onResult(call, value),
      (error: unknown) => this.#onFailed(call, error),
    )
  }

  #refuse(to: Addressee, error: unknown): void {
    const isRefusal = error instanceof RemoteCallError
    const code = isRefusal ? (error.code as RemoteCallCode) : 'WEAVER_RPC_PROTOCOL'
    const message = isRefusal ? error.message : `the request cannot be decoded: ${reasonOf(error)}`
    if (code === 'WEAVER_RPC_PROTOCOL') this.#damaged.add({ reason: message })
    this.#answers.refuse(to, code, message)
  }

  /**
   * Handles a part of a message of requests, or of one that opens a stream.
   * @throws RemoteCallError what cannot be accepted
   */
  #onPart(component: HostedComponent, reader: Reader, { reply, id }: Addressee): void {
    const whole = this.#large.add(id, readPart(reader))
    if (whole === undefined) return
    if (isOpenFrame(whole)) return this.#streams.onOpen(component, whole, reply)
    const { kind, reader: request } = readKind(whole)
    if (kind !== KIND.requests) throw refusal('WEAVER_RPC_PROTOCOL', 'the parts make no request')
    this.#onRequests(component, request, reply)
  }

  /**
   * Handles the offer of a request in parts.
   * @throws RemoteCallError what cannot be accepted
   */
  #onOffer(component: HostedComponent, reader: Reader, to: Addressee): void {
    const { caller, otherBuild, total } = readOffer(reader, this.#fingerprint)
    if (otherBuild !== undefined) throw this.#otherBuild(caller, otherBuild)
    if (total > this.#maxMessageBytes)
      throw refusal('WEAVER_RPC_TOO_LARGE', `the arguments take ${total} bytes, ${this.#maxMessageBytes} are allowed`)
    if (component.running >= this.#maxConcurrent || !this.#large.offer(caller, to.id, total))
      throw refusal('WEAVER_RPC_OVERLOADED', `"${this.#options.replica}" has no room for ${total} bytes of arguments`)
    this.#answers.accept(to)
  }

  #otherBuild(caller: string, theirs: Uint8Array): RemoteCallError {
    const [their, own] = [theirs, this.#fingerprint].map((bytes) => Buffer.from(bytes).toString('hex'))
    return refusal(
      'WEAVER_RPC_FINGERPRINT',
      `the caller ${caller} is of build ${their}, this replica of build ${own}; two builds do not talk to each other`,
    )
  }

  #onResult(call: RunningCall, result: unknown): void {
    try {
      this.#answers.result(call, result)
    } catch (error) {
      return this.#onFailed(call, error)
    }
    call.span?.end()
  }

  #onFailed(call: RunningCall, error: unknown): void {
    call.span?.end(error)
    this.#answers.error(call, error)
  }

  /** A caller gives up, or asks which of its calls run here. */
  #onQuery(component: string, message: IncomingMessage): void {
    const { kind, reader } = readKind(message.data)
    try {
      if (kind === KIND.cancel) this.#onCancel(reader.u32(), reader.string())
      else if (message.reply === undefined) return
      else if (kind === KIND.ask) this.#onAsk(message.reply, readCalls(reader))
      else if (kind === KIND.roster) {
        const frame = writeNames(this.#writer, KIND.roster, { replica: this.#options.replica, names: this.#roster.others(component) })
        this.#options.transport.publish(message.reply, frame)
      }
    } catch (error) {
      this.#damaged.add({ component, reason: `a message of a caller about its calls cannot be decoded: ${reasonOf(error)}` })
    }
  }

  #onCancel(id: number, replica: string): void {
    this.#running.find(replica, id)?.cancellation.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }

  /** I3. Finished answers go first, so that a call that has ended is not missed. */
  #onAsk(reply: string, asked: { readonly replica: string; readonly calls: readonly number[] }): void {
    setImmediate(() => {
      const { transport, replica, log } = this.#options
      const calls = asked.calls.filter((id) => this.#running.find(asked.replica, id) !== undefined || this.#large.has(asked.replica, id))
      try {
        transport.publish(reply, writeCalls(this.#writer, KIND.holds, { replica, calls }))
      } catch (error) {
        log.debug('a caller was not notified which calls run here', { err: error })
      }
    })
  }
}

function refusal(code: RemoteCallCode, message: string): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun: false })
}
