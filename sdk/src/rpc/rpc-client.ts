/**
 * The calling side. Reply subjects that are used again and again under one wildcard subscription, a map of pending calls by their number, and one coarse timer
 * for their deadlines; a call that succeeds makes no Error, no timer and no signal of its own.
 *
 * I1  A pending call is settled exactly once: by its answer, the broker's "no responders", its deadline, its caller's signal,
 *     the loss of the connection, or the loss of the replica that has it.
 */
import { codecError } from '../codec/codec-error.js'
import type { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import type { Calls, MethodBinding } from '../component/binding.js'
import { callSubject, everyReplicaSubject, inboxPrefix, replicaCallSubject } from '../contract/subjects.js'
import { CalleeWatch } from './callee-watch.js'
import { scope } from './context.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, readBatch, readKind, writeBatch, writeRequestHead } from './frame.js'
import { callStats, type CallStats } from '../telemetry/call-stats.js'
import type { Logger } from '../telemetry/logger.js'
import { measureStream } from '../telemetry/measured-call.js'
import type { CallSpan, Tracing } from '../telemetry/tracing.js'
import { abandoned, deadlineError, failure } from './remote-call-error.js'
import { PendingCall, whatOf, type Answer, type Attempt, type CallTarget, type SentMessage, type Target } from './pending-call.js'
import { decodeAnswer, isPlatformFailure } from './decode-answer.js'
import { Outbox } from './outbox.js'
import { Assembly, DEFAULT_MAX_MESSAGE_BYTES, readPart, sendParts, writeOffer } from './parts.js'
import { ReplySlots } from './reply-slots.js'
import { Retrier } from './retrier.js'
import { RetryBudget } from './retry-budget.js'
import { StreamClient, type StreamCall } from './stream-client.js'
import type { IncomingMessage, Transport } from './transport.js'

export const DEFAULT_TIMEOUT_MS = 30_000
const SWEEP_MS = 20
const MAX_BATCH = 16
/** A larger message gains nothing. */
const BATCH_BYTES = 16_384
/** Above this share of slow answers, among about as many of the last, calls go alone. */
const SLOW_SHARE = 0.05
/** Calls of one component that may wait for an answer at once. */
const MAX_WAITING = 65_536

export interface RpcClientOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
  /** Largest request or answer, in bytes. What is larger than the broker takes goes in parts. @default DEFAULT_MAX_MESSAGE_BYTES */
  readonly maxMessageBytes?: number | undefined
  /** The most calls that are sent as one message; 1: each goes alone. @default 16 */
  readonly maxBatch?: number | undefined
  /** How long the owner of a key may say nothing before the calls that it has are lost, in milliseconds. @default 24000 */
  readonly frozenMs?: number | undefined
}

export class RpcClient {
  readonly #transport: Transport
  readonly #options: RpcClientOptions
  readonly #fingerprint: Uint8Array
  readonly #pending = new Map<number, PendingCall>()
  readonly #slots: ReplySlots<SentMessage>
  readonly #writer = new Writer()
  readonly #streams: StreamClient
  readonly #retrier: Retrier
  readonly #watch: CalleeWatch
  readonly #maxMessageBytes: number
  readonly #budgets = new Map<string, RetryBudget>()
  #next = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(options: RpcClientOptions) {
    this.#options = options
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    this.#transport = options.transport
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#streams = new StreamClient({ ...options, fingerprint: this.#fingerprint, onOpening: () => this.#watchDeadlines() })
    this.#retrier = new Retrier(options.transport, (target, call) => this.#send(target, call, Date.now()))
    const inbox = inboxPrefix(options.deploymentId, options.replica)
    this.#slots = new ReplySlots(`${inbox}.r.`)
    this.#transport.subscribe(`${inbox}.r.*`, (message) => this.#onAnswer(message))
    this.#watch = new CalleeWatch(
      {
        ...options,
        inbox: `${inbox}.a.`,
        onLost: (call, why) => (call instanceof PendingCall ? this.#onLost(call, why) : this.#streams.onLost(call, why)),
      },
      this.#writer,
    )
    this.#transport.onConnection((isConnected) => this.#onConnection(isConnected))
  }

  /** Calls that wait for an answer, and streams that are open. */
  get inFlight(): number {
    return this.#pending.size + this.#streams.inFlight
  }

  /** What a stub calls. `caller` is the component that holds the stub. */
  invoker(of: CallTarget, caller: string): Calls {
    const { deploymentId, replica, tracing } = this.#options
    this.#watch.add(of.component)
    const target: Target = {
      ...of,
      budget: this.#budget(of.component),
      waiting: 0,
      outbox: new Outbox({ frames: this.#options.maxBatch ?? MAX_BATCH, bytes: BATCH_BYTES }, (calls) =>
        this.#publish(target.subject, calls),
      ),
      slowness: 0,
      subject: callSubject(deploymentId, of.component),
      caller: { component: caller, replica },
      stats: of.methods.map(({ name }) => callStats({ caller, component: of.component, method: name, isRemote: true })),
      limitsMs: of.methods.map(({ name }) => of.timeoutMs[name] ?? DEFAULT_TIMEOUT_MS),
    }
    const span = (method: number): CallSpan | undefined =>
      tracing?.startCall({ component: of.component, method: target.methods[method]?.name ?? '', isRemote: true })
    return {
      call: (method, args) => {
        const traced = span(method)
        return traced === undefined
          ? this.#call(target, method, args, undefined)
          : traced.run(() => this.#call(target, method, args, traced))
      },
      stream: (method, args) => {
        const traced = span(method)
        const open = (): AsyncIterable<unknown> =>
          this.#streams.stream({
            ...streamCall(target, method, args),
            observe: () => measureStream(target.stats[method] as CallStats, traced), // one for each method
          })
        return traced === undefined ? open() : traced.run(open)
      },
    }
  }

  async #call(target: Target, method: number, args: readonly unknown[], span: CallSpan | undefined): Promise<unknown> {
    const stats = target.stats[method] as CallStats // the stub and these lists come from one generated file, as below
    const binding = target.methods[method] as MethodBinding
    const isTimed = stats.begin()
    const started = isTimed ? performance.now() : 0
    try {
      let result: unknown
      if (binding.input !== undefined) result = await this.#streams.call(streamCall(target, method, args))
      else {
        const now = scope()
        const at = Date.now()
        const limit = at + (target.limitsMs[method] as number)
        const deadline = now.deadline === undefined || limit < now.deadline ? limit : now.deadline
        const call: Attempt = { method, args, now, deadline, owner: target.route?.ownerFor(binding.name, args) }
        target.budget.earn()
        try {
          result = decodeAnswer(await this.#attempt(target, call, at), binding, target)
        } catch (error) {
          // The first attempt is the last one of nearly every call.
          if (!isPlatformFailure(error)) throw error
          result = await this.#retrier.goOn(target, call, { started: at, error })
        }
      }
      if (isTimed) stats.end(performance.now() - started, false, span?.traceId)
      span?.end()
      return result
    } catch (error) {
      stats.end(isTimed ? performance.now() - started : undefined, true, span?.traceId)
      span?.end(error)
      throw error
    }
  }

  #budget(component: string): RetryBudget {
    const found = this.#budgets.get(component) ?? new RetryBudget(Date.now())
    this.#budgets.set(component, found)
    return found
  }

  async #send(target: Target, call: Attempt, at: number): Promise<unknown> {
    return decodeAnswer(await this.#attempt(target, call, at), target.methods[call.method] as MethodBinding, target) // from one generated file
  }

  /** Sends the call once. @throws as it rejects. @param at epoch milliseconds */
  #attempt(target: Target, call: Attempt, at: number): Promise<Answer> {
    const { cancellation } = call.now
    if (cancellation?.isAborted === true) throw abandoned(cancellation.reason, whatOf(target, call.method), false)
    if (call.deadline <= at) throw deadlineError(whatOf(target, call.method), { isSent: false })
    if (target.waiting >= MAX_WAITING)
      throw failure(
        'WEAVER_RPC_OVERLOADED',
        `${whatOf(target, call.method)} was not sent: ${target.waiting} calls wait for it already`,
        false,
      )
    this.#next = (this.#next + 1) >>> 0 || 1
    const pending = new PendingCall(this.#next, target, call, this)
    pending.sentAt = at
    const frame = this.#encode(pending, call, at)
    pending.frame = frame
    pending.isInParts = frame.length > this.#transport.maxPayloadBytes
    if (frame.length > this.#maxMessageBytes)
      throw failure(
        'WEAVER_RPC_TOO_LARGE',
        `${pending.what}: the arguments take ${frame.length} bytes, ${this.#maxMessageBytes} are allowed; send less, or raise maxMessageBytes of run()`,
        false,
      )
    const answered = new Promise<Answer>((resolve, reject) => {
      pending.resolve = resolve
      pending.reject = reject
    })
    this.#pending.set(pending.id, pending)
    target.waiting++
    cancellation?.add(pending)
    if (this.#sweep === undefined) this.#watchDeadlines()
    if (pending.isInParts) this.#offer(pending, call.owner)
    else if (call.owner !== undefined)
      this.#publish(replicaCallSubject(this.#options.deploymentId, target.component, call.owner), [pending])
    else if (target.slowness > SLOW_SHARE) this.#publish(target.subject, [pending])
    else target.outbox.add(pending, frame.length)
    return answered
  }

  /** Sends calls as one message. One that was given up meanwhile is left out. */
  #publish(subject: string, given: readonly PendingCall[], announcement?: Uint8Array): void {
    const calls = given.every(({ id }) => this.#pending.has(id)) ? given : given.filter(({ id }) => this.#pending.has(id))
    const [first] = calls
    if (first === undefined) return
    const message: SentMessage = { calls, slot: 0, left: calls.length, isAnswered: true }
    message.slot = this.#slots.take(message)
    for (const call of calls) call.message = message
    try {
      const bytes = calls.length === 1 ? (announcement ?? first.frame) : writeBatch(this.#writer, calls.map(({ frame }) => frame)) // prettier-ignore
      this.#transport.publish(subject, bytes, this.#slots.subject(message.slot))
    } catch (error) {
      for (const call of calls) if (this.#take(call, true)) call.reject(error as Error) // a transport throws errors
    }
  }

  /** Asks a replica to take a request that comes in parts. */
  #offer(pending: PendingCall, owner: string | undefined): void {
    const { frame, id, target } = pending
    const { deploymentId, replica } = this.#options
    const offer = writeOffer(this.#writer, { call: id, fingerprint: this.#fingerprint, total: frame.length, caller: replica })
    const subject = owner === undefined ? target.subject : replicaCallSubject(deploymentId, target.component, owner)
    this.#publish(subject, [pending], offer)
  }

  /** That replica will. */
  async #onAccept(pending: PendingCall, replica: string): Promise<void> {
    const { frame, id, message, target } = pending
    if (message === undefined || !pending.isInParts) return // nothing was offered
    pending.holder = replica
    const subject = replicaCallSubject(this.#options.deploymentId, target.component, replica)
    const reply = this.#slots.subject(message.slot)
    try {
      await sendParts(
        { call: id, sender: this.#options.replica, bytes: frame, maxPayloadBytes: this.#transport.maxPayloadBytes },
        {
          writer: this.#writer,
          publish: (part) => this.#transport.publish(subject, part, reply),
          isWanted: () => this.#pending.has(id),
        },
      )
    } catch (error) {
      if (this.#take(pending, false)) pending.reject(error as Error) // a transport throws errors
    }
  }

  #encode(pending: PendingCall, call: Attempt, at: number): Uint8Array {
    const { metadata, traceparent, tracestate } = call.now
    const { target, method, id } = pending
    const w = this.#writer
    try {
      const timeLeftMs = Math.min(Math.ceil(pending.deadline - at), 0xffffffff)
      writeRequestHead(w, { call: id, method, timeLeftMs, metadata, traceparent, tracestate, caller: target.caller }, this.#fingerprint)
      const binding = target.methods[method] as MethodBinding
      binding.encodeArgs(w, call.args)
      return w.finish()
    } catch (cause) {
      w.reset()
      throw codecError(
        `${pending.what} was not sent: its arguments cannot be: ${cause instanceof Error ? cause.message : 'unknown'}`,
        cause,
      )
    }
  }

  /** I1. @returns false when somebody else has settled it. */
  #take(pending: PendingCall, isAnswered: boolean): boolean {
    if (!this.#pending.delete(pending.id)) return false
    pending.target.waiting--
    pending.cancellation?.remove(pending)
    const { message } = pending
    if (message === undefined) return true
    message.isAnswered &&= isAnswered
    if (--message.left === 0) this.#slots.release(message.slot, message.isAnswered)
    return true
  }

  /** The caller has gone; for `PendingCall` alone. */
  onCancelled(pending: PendingCall, reason: unknown): void {
    if (!this.#take(pending, false)) return
    const isSent = pending.message !== undefined
    pending.reject(abandoned(reason, pending.what, isSent))
    if (isSent) this.#cancel(pending)
  }

  /** Best effort: the callee that has it aborts its signal; everybody else ignores it. */
  #cancel({ id, target: { component } }: PendingCall): void {
    if (!this.#transport.isConnected) return
    const w = this.#writer
    w.u8(FRAME_VERSION)
    w.u8(KIND.cancel)
    w.u32(id)
    w.string(this.#options.replica)
    try {
      this.#transport.publish(everyReplicaSubject(this.#options.deploymentId, component), w.finish())
    } catch (error) {
      this.#options.log.warn('a callee could not be told that its caller has gone; it runs on', { component, err: error })
    }
  }

  #onAnswer(message: IncomingMessage): void {
    const { data } = message
    if (data.length === 0 && message.isNoResponders) return this.#onNoResponders(message.subject)
    const { kind, reader } = readKind(data)
    if (kind !== KIND.batch) return this.#onAnswerFrame(kind, reader, message)
    for (const frame of readBatch(reader)) {
      const each = readKind(frame)
      this.#onAnswerFrame(each.kind, each.reader, message)
    }
  }

  #onAnswerFrame(kind: number, reader: Reader, message: IncomingMessage): void {
    const bytes = reader.size
    const id = kind !== 0 && reader.left >= 4 ? reader.u32() : 0
    if (id === 0) return this.#onUnreadable(kind, message)
    const pending = this.#pending.get(id)
    if (pending === undefined) return // answered too late: its caller has gone
    // The callee ends at the same moment; what it makes of that is no answer any more.
    if (pending.deadline <= Date.now()) return this.#expire(pending)
    if (kind === KIND.accept) return void this.#onAccept(pending, reader.string())
    if (kind === KIND.part) return this.#onPart(pending, reader, message)
    if (!this.#take(pending, true)) return
    pending.target.stats[pending.method]?.bytes(pending.frame.length, bytes)
    pending.resolve({ kind, reader })
  }

  #onPart(pending: PendingCall, reader: Reader, message: IncomingMessage): void {
    try {
      const part = readPart(reader)
      if (part.total > this.#maxMessageBytes)
        throw failure(
          'WEAVER_RPC_TOO_LARGE',
          `${pending.what}: the answer takes ${part.total} bytes, ${this.#maxMessageBytes} are allowed`,
          true,
        )
      pending.answer ??= new Assembly(part.total)
      const whole = pending.answer.add(part)
      if (whole === undefined) return
      const { kind, reader: answer } = readKind(whole)
      if (kind !== KIND.part) this.#onAnswerFrame(kind, answer, message)
    } catch (error) {
      if (this.#take(pending, false)) pending.reject(error as Error) // parts.ts and the codec throw errors
    }
  }

  #onNoResponders(subject: string): void {
    for (const pending of this.#slots.user(subject)?.calls ?? [])
      if (this.#take(pending, !pending.isInParts))
        pending.reject(failure('WEAVER_RPC_UNAVAILABLE', `${pending.what}: no replica of it is up`, false))
  }

  /** Number 0: the callee, or we here, could not read whose it is. */
  #onUnreadable(kind: number, message: IncomingMessage): void {
    for (const pending of this.#slots.user(message.subject)?.calls ?? []) {
      if (!this.#take(pending, true)) continue
      const { reader } = readKind(message.data) // each has its own
      if (kind !== 0 && reader.left >= 4) reader.u32()
      pending.resolve({ kind, reader })
    }
  }

  /** The callee knows how long it has: it is not told. */
  #expire(pending: PendingCall): void {
    if (this.#take(pending, false)) pending.reject(deadlineError(pending.what, { isSent: true }))
  }

  #onLost(pending: PendingCall, why: string): void {
    if (this.#take(pending, false)) pending.reject(failure('WEAVER_RPC_PEER_LOST', `${pending.what} will not be answered: ${why}`, true))
  }

  #onConnection(isConnected: boolean): void {
    if (!isConnected) {
      for (const pending of this.#pending.values())
        if (this.#take(pending, false))
          pending.reject(
            failure(
              'WEAVER_RPC_DISCONNECTED',
              `${pending.what}: the connection to the broker was lost before the answer came`,
              pending.message !== undefined,
            ),
          )
      return
    }
    this.#retrier.onReconnected()
  }

  #watchDeadlines(): void {
    if (this.#sweep !== undefined) return
    this.#sweep = setInterval(() => {
      const now = Date.now()
      for (const pending of this.#pending.values()) if (pending.deadline <= now) this.#expire(pending)
      if (this.#watch.isDue(now)) this.#watch.look([this.#pending.values(), this.#streams.opening], now)
      if (this.#pending.size + this.#streams.opening.size > 0) return
      clearInterval(this.#sweep)
      this.#sweep = undefined
    }, SWEEP_MS)
  }
}

function streamCall(target: Target, method: number, args: readonly unknown[]): StreamCall {
  const { component, caller, limitsMs, methods, route } = target
  const binding = methods[method] as MethodBinding // the stub and these lists come from one generated file
  return { component, method, args, caller: caller.component, binding, openTimeoutMs: limitsMs[method] as number, route }
}
