/**
 * The serving side: every hosted component listens on its subject in the queue group of its replicas.
 *
 * I1  Each request gets exactly one answer: a result, the method's error, or a platform failure. Bytes that are no request are answered too: whoever may
 *     publish here can send anything, and nothing that is sent may end the process.
 * I2  No more calls of a component run at once than may; one too many is refused before it is decoded, so that another replica can have it.
 * I3  Callers and other replicas are told of a replica before it can get a call (replica-roster.ts), and they can ask it what it has until the last is answered (callee-watch.ts).
 * I4  Draining loses nothing: the subscription is drained before what runs is waited for, and answers are flushed after it.
 */
import { codecError } from '../codec/codec-error.js'
import type { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import type { MethodBinding } from '../component/binding.js'
import { CALL_QUEUE, callSubject, everyReplicaSubject, replicaCallSubject, replicaQuerySubject } from '../contract/subjects.js'
import type { Logger } from '../telemetry/logger.js'
import type { Tracing } from '../telemetry/tracing.js'
import { Cancellation } from './cancellation.js'
import { runInContext, Scope } from './context.js'
import { writeError } from './error-codec.js'
import {
  fingerprintPrefix,
  FRAME_VERSION,
  KIND,
  readBatch,
  readCalls,
  readKind,
  readRequestHead,
  writeBatch,
  writeCalls,
  writeNames,
  type RequestHead,
} from './frame.js'
import { Outbox } from './outbox.js'
import { RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import { ReplicaRoster } from './replica-roster.js'
import { DEFAULT_MAX_MESSAGE_BYTES, LargeRequests, readOffer, readPart, sendParts } from './parts.js'
import { RunningCalls, type Addressee, type HostedComponent, type RunningCall, type ServedComponent } from './running-calls.js'
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
  /** Largest request or answer, in bytes. What is larger than the broker takes goes in parts. @default DEFAULT_MAX_MESSAGE_BYTES */
  readonly maxMessageBytes?: number | undefined
  /** Calls of one component that may run here at once; more are refused. @default 10000 */
  readonly maxConcurrent?: number | undefined
}

type Method = (...args: unknown[]) => Promise<unknown>
/** Requests in parts may take so many times the largest of them. */
const LARGE_AT_ONCE = 4
const DEFAULT_MAX_CONCURRENT = 10_000
/** A method that runs this long or longer took its time: its caller sends no calls of it together. */
const SLOW_MS = 2
const MAX_BATCH = 64
const BATCH_BYTES = 16_384

export class RpcServer {
  readonly #options: RpcServerOptions
  readonly #fingerprint: Uint8Array
  readonly #subscriptions: Subscription[] = []
  /** Those that are there until the last call is answered. */
  readonly #queries: Subscription[] = []
  readonly #running = new RunningCalls()
  /** Answers of this tick, by reply subject. */
  readonly #outboxes = new Map<string, Outbox<Uint8Array>>()
  readonly #writer = new Writer()
  readonly #roster: ReplicaRoster
  readonly #streams: StreamServer
  readonly #maxConcurrent: number
  readonly #maxMessageBytes: number
  readonly #large: LargeRequests
  #served = 0

  constructor(options: RpcServerOptions) {
    this.#options = options
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    this.#large = new LargeRequests(this.#maxMessageBytes * LARGE_AT_ONCE)
    this.#maxConcurrent = options.maxConcurrent ?? DEFAULT_MAX_CONCURRENT
    this.#roster = new ReplicaRoster(options, this.#writer)
    this.#streams = new StreamServer({ ...options, fingerprint: this.#fingerprint, maxConcurrent: this.#maxConcurrent })
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
    const { name } = component
    const onQuery = (message: IncomingMessage): void => this.#onQuery(name, message)
    this.#queries.push(
      transport.subscribe(everyReplicaSubject(deploymentId, name), onQuery),
      transport.subscribe(replicaQuerySubject(deploymentId, name, replica), onQuery),
    )
    this.#roster.join(name) // I3
    const hosted: HostedComponent = { ...component, running: 0 }
    const onRequest = (message: IncomingMessage): void => this.#onRequest(hosted, message)
    this.#subscriptions.push(
      transport.subscribe(callSubject(deploymentId, name), onRequest, { queue: CALL_QUEUE }),
      transport.subscribe(replicaCallSubject(deploymentId, name, replica), onRequest),
    )
  }

  /**
   * I4. Resolves when everything that had arrived is answered; what runs can still be cancelled meanwhile. Streams that are not at their end after
   * `streamsMs` milliseconds are cut off. @default no limit
   */
  async drain(limit: { readonly streamsMs?: number } = {}): Promise<void> {
    await Promise.all(this.#subscriptions.splice(0).map((subscription) => subscription.drain()))
    await this.#streams.drain(limit.streamsMs)
    await this.#running.idle()
    for (const subscription of this.#queries.splice(0)) subscription.unsubscribe()
    this.#roster.close()
    // Without a broker there is nobody to answer; each answer that was lost has been logged.
    if (this.#options.transport.isConnected) await this.#options.transport.flush()
  }

  #onRequest(component: HostedComponent, message: IncomingMessage): void {
    const { reply, data } = message
    if (reply === undefined) return // nobody could hear the answer
    if (isOpenFrame(data)) return this.#streams.onOpen(component, data, reply)
    const { kind, reader } = readKind(data)
    if (kind !== KIND.batch) return this.#onRequestFrame(component, { kind, reader, reply, isOneOfMany: false })
    try {
      for (const frame of readBatch(reader)) {
        const each = readKind(frame)
        this.#onRequestFrame(component, { ...each, reply, isOneOfMany: true })
      }
    } catch (error) {
      this.#fail({ reply, id: 0, isOneOfMany: false }, 'WEAVER_RPC_PROTOCOL', `the requests cannot be decoded: ${textOf(error)}`)
    }
  }

  #onRequestFrame(
    component: HostedComponent,
    from: { readonly kind: number; readonly reader: Reader; readonly reply: string; readonly isOneOfMany: boolean },
  ): void {
    const { kind, reader, reply, isOneOfMany } = from
    let id = 0
    let head: RequestHead
    let binding: MethodBinding | undefined
    let args: readonly unknown[]
    try {
      if (kind === KIND.offer || kind === KIND.part) {
        id = reader.u32()
        return this.#onLarge(component, id, from)
      }
      if (kind !== KIND.request) throw refusal('WEAVER_RPC_PROTOCOL', 'the request is no frame that this release knows')
      id = reader.u32()
      const read = readRequestHead(reader, id, this.#fingerprint)
      if (read.otherBuild !== undefined) throw this.#otherBuild(`${read.caller.component} on ${read.caller.replica}`, read.otherBuild)
      head = read
      binding = component.methods[head.method]
      if (binding === undefined) throw refusal('WEAVER_RPC_PROTOCOL', `"${component.name}" has no method number ${head.method}`)
      if (component.running >= this.#maxConcurrent)
        throw refusal('WEAVER_RPC_OVERLOADED', `"${this.#options.replica}" runs ${component.running} calls of "${component.name}" already`) // I2
      args = binding.decodeArgs(reader)
    } catch (error) {
      const isRefusal = error instanceof RemoteCallError
      const code = isRefusal ? (error.code as RemoteCallCode) : 'WEAVER_RPC_PROTOCOL'
      return this.#fail({ reply, id, isOneOfMany }, code, isRefusal ? error.message : `the request cannot be decoded: ${textOf(error)}`)
    }
    const { traceparent, tracestate, timeLeftMs } = head
    const started = Date.now()
    const deadline = timeLeftMs === 0 ? undefined : started + timeLeftMs
    const span = this.#options.tracing?.startServe({
      component: component.name,
      method: binding.name,
      caller: head.caller.component,
      traceparent,
      tracestate,
    })
    const cancellation = new Cancellation()
    const { caller } = head
    const call: RunningCall = {
      reply,
      id,
      isOneOfMany,
      replica: caller.replica,
      started,
      binding,
      component,
      cancellation,
      deadline: deadline ?? Infinity,
      span,
    }
    this.#running.add(call)
    const inner = new Scope({ metadata: head.metadata, caller, deadline, traceparent, tracestate }, cancellation)
    let result: Promise<unknown>
    try {
      result = runInContext(inner, () =>
        span === undefined ? invoke(component, call.binding, args) : span.run(() => invoke(component, call.binding, args)),
      )
    } catch (error) {
      return this.#onFailed(call, error)
    }
    // What is no promise is an answer too: its class was type-checked, but not every caller of it.
    if (typeof result?.then !== 'function') return this.#onResult(call, result)
    result.then(
      (value) => this.#onResult(call, value),
      (error: unknown) => this.#onFailed(call, error),
    )
  }

  /** A request that comes in parts: what announces it, or one of them. @throws RemoteCallError what cannot be taken */
  #onLarge(
    component: HostedComponent,
    id: number,
    { kind, reader, reply }: { readonly kind: number; readonly reader: Reader; readonly reply: string },
  ): void {
    const to = { reply, id, isOneOfMany: false }
    if (kind === KIND.part) {
      const whole = this.#large.add(id, readPart(reader))
      if (whole === undefined) return
      const request = readKind(whole)
      if (request.kind !== KIND.request) throw refusal('WEAVER_RPC_PROTOCOL', 'the parts make no request')
      return this.#onRequestFrame(component, { ...request, reply, isOneOfMany: false })
    }
    const { caller, otherBuild, total } = readOffer(reader, this.#fingerprint)
    if (otherBuild !== undefined) throw this.#otherBuild(caller, otherBuild)
    if (total > this.#maxMessageBytes)
      throw refusal('WEAVER_RPC_TOO_LARGE', `the arguments take ${total} bytes, ${this.#maxMessageBytes} are allowed`)
    if (component.running >= this.#maxConcurrent || !this.#large.offer(caller, id, total))
      throw refusal('WEAVER_RPC_OVERLOADED', `"${this.#options.replica}" has no room for ${total} bytes of arguments`)
    this.#publish(to, this.#encode(to, KIND.accept, (w) => w.string(this.#options.replica))) // prettier-ignore
  }

  #otherBuild(caller: string, theirs: Uint8Array): RemoteCallError {
    const [their, own] = [theirs, this.#fingerprint].map((bytes) => Buffer.from(bytes).toString('hex'))
    return refusal(
      'WEAVER_RPC_FINGERPRINT',
      `the caller ${caller} is of build ${their}, this replica of build ${own}; two builds do not talk to each other`,
    )
  }

  #onResult(call: RunningCall, result: unknown): void {
    let frame: Uint8Array
    try {
      frame = this.#encodeResult(call, result)
    } catch (error) {
      return this.#onFailed(call, error)
    }
    call.span?.end()
    this.#answer(call, frame)
  }

  #onFailed(call: RunningCall, error: unknown): void {
    call.span?.end(error)
    this.#answer(call, this.#encodeError(call, error))
  }

  #onOver(call: RunningCall): void {
    this.#served++
    this.#running.delete(call)
  }

  /** I1 */
  #answer(call: RunningCall, frame: Uint8Array): void {
    const size = frame.length
    if (size > this.#options.transport.maxPayloadBytes && size <= this.#maxMessageBytes) {
      void this.#sendLarge(call, frame)
      return
    }
    if (size <= this.#maxMessageBytes) this.#publish(call, frame)
    else {
      const why = `the answer takes ${size} bytes, ${this.#maxMessageBytes} are allowed; return less, or raise maxMessageBytes of run()`
      this.#fail(call, 'WEAVER_RPC_TOO_LARGE', why, true)
    }
    this.#onOver(call)
  }

  async #sendLarge(call: RunningCall, bytes: Uint8Array): Promise<void> {
    const { log, replica, transport } = this.#options
    try {
      await sendParts(
        { call: call.id, sender: replica, bytes, maxPayloadBytes: transport.maxPayloadBytes },
        { writer: this.#writer, publish: (part) => transport.publish(call.reply, part), isWanted: () => !call.cancellation.isAborted },
      )
    } catch (error) {
      // As in #publishNow.
      log.warn('an answer could not be sent', { err: error })
    }
    this.#onOver(call)
  }

  /** The method's error; should that be one that cannot be told, the fact that there was one. */
  #encodeError(call: RunningCall, error: unknown): Uint8Array {
    try {
      return this.#encode(call, KIND.error, (w) => writeError(w, error))
    } catch (why) {
      return this.#encodeFailure(call, 'WEAVER_RPC_PROTOCOL', `the method failed with an error that cannot be sent: ${textOf(why)}`, true)
    }
  }

  #fail(call: Addressee, code: RemoteCallCode, message: string, mayHaveRun: boolean = false): void {
    this.#publish(call, this.#encodeFailure(call, code, message, mayHaveRun))
  }

  #encodeFailure(call: Addressee, code: RemoteCallCode, message: string, mayHaveRun: boolean): Uint8Array {
    return this.#encode(call, KIND.failure, (w) => {
      w.string(code)
      w.string(message)
      w.bool(mayHaveRun)
    })
  }

  #encodeResult(call: RunningCall, result: unknown): Uint8Array {
    const w = this.#writer
    try {
      w.u8(FRAME_VERSION)
      w.u8(KIND.result)
      w.u32(call.id)
      w.bool(Date.now() - call.started >= SLOW_MS)
      call.binding.encodeResult(w, result)
      return w.finish()
    } catch (cause) {
      w.reset()
      throw codecError(`${call.component.name}.${call.binding.name}: what it returned cannot be sent: ${textOf(cause)}`, cause)
    }
  }

  #encode(call: Addressee, kind: number, write: (w: Writer) => void): Uint8Array {
    const w = this.#writer
    try {
      w.u8(FRAME_VERSION)
      w.u8(kind)
      w.u32(call.id)
      write(w)
      return w.finish()
    } catch (error) {
      w.reset()
      throw error
    }
  }

  /** Answers to one message of many calls that are there in one tick go as one message, too. */
  #publish({ reply, isOneOfMany }: Addressee, frame: Uint8Array): void {
    if (!isOneOfMany) return this.#publishNow(reply, [frame])
    let outbox = this.#outboxes.get(reply)
    if (outbox === undefined) {
      outbox = new Outbox<Uint8Array>({ frames: MAX_BATCH, bytes: BATCH_BYTES }, (frames) => {
        this.#outboxes.delete(reply)
        this.#publishNow(reply, frames)
      })
      this.#outboxes.set(reply, outbox)
    }
    outbox.add(frame, frame.length)
  }

  #publishNow(reply: string, frames: readonly Uint8Array[]): void {
    const [first] = frames
    if (first === undefined) return
    try {
      this.#options.transport.publish(reply, frames.length === 1 ? first : writeBatch(this.#writer, frames))
    } catch (error) {
      // The caller's side saw the same loss of the broker and has failed the call already.
      this.#options.log.warn('an answer could not be sent', { err: error })
    }
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
      this.#options.log.warn('a message of a caller about its calls cannot be decoded; nothing is done', { err: error })
    }
  }

  #onCancel(id: number, replica: string): void {
    this.#running.find(replica, id)?.cancellation.abort(new DOMException('the caller has given the call up', 'AbortError'))
  }

  /** I3. Answers that are ready go first: a call that is over is not missed. */
  #onAsk(reply: string, asked: { readonly replica: string; readonly calls: readonly number[] }): void {
    setImmediate(() => {
      const { transport, replica, log } = this.#options
      const calls = asked.calls.filter((id) => this.#running.find(asked.replica, id) !== undefined || this.#large.has(asked.replica, id))
      try {
        transport.publish(reply, writeCalls(this.#writer, KIND.holds, { replica, calls }))
      } catch (error) {
        log.debug('a caller could not be told which calls run here', { err: error })
      }
    })
  }
}

function refusal(code: RemoteCallCode, message: string): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun: false })
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

function invoke(component: ServedComponent, binding: MethodBinding, args: readonly unknown[]): Promise<unknown> {
  const method = (component.instance as Record<string, Method>)[binding.name] as Method // the generated binding names methods of this class
  return method.apply(component.instance, args as unknown[]) // nobody else has them
}
