/**
 * The calling side. Sibling files: pending-call.ts and pending-calls.ts (what waits for an answer), request-batch.ts (calls of one tick in one message),
 * answer-reader.ts (what comes back), retrier.ts, callee-watch.ts (replicas that died), parts.ts (what is larger than a message), stream-client.ts.
 */
import { Writer } from '../../codec/writer.js'
import type { Calls, MethodBinding } from '../../component/binding.js'
import { callSubject, everyReplicaSubject, replicaCallSubject } from '../../contract/subjects.js'
import { callStats, type CallStats } from '../../telemetry/call-stats.js'
import type { Logger } from '../../telemetry/logger.js'
import { measureStream } from '../../telemetry/measured-call.js'
import type { CallSpan, Tracing } from '../../telemetry/tracing/tracing.js'
import { AnswerReader } from './answer-reader.js'
import { CalleeWatch } from '../replicas/callee-watch.js'
import { scope, type Caller } from '../../context/context.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { decodeAnswer, isPlatformFailure } from './decode-answer.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, requestsPrefix } from '../wire/frame.js'
import { DEFAULT_MAX_MESSAGE_BYTES, sendParts, tooLarge, writeOffer } from '../wire/parts.js'
import { OwnerQueue, turn } from './owner-queue.js'
import { PendingCall, whatOf, type Answer, type Attempt, type CallTarget, type Target } from './pending-call.js'
import { PendingCalls } from './pending-calls.js'
import { processNow } from '../../context/process-clock.js'
import { abandoned, deadlineError, failure } from '../../errors/remote-call-error.js'
import { RequestBatch } from './request-batch.js'
import { Retrier } from './retrier.js'
import { RetryBudget } from './retry-budget.js'
import { deadlineOf, limitsOf } from '../../context/time-limit.js'
import type { StreamCall } from '../stream/stream-client-call.js'
import { StreamClient } from '../stream/stream-client.js'
import type { Transport } from '../transport/transport.js'

const MAX_BATCH = 64
/** A larger message gains nothing. */
const BATCH_BYTES = 65_536
/** What may be around one call in a message that is just not too large. */
const HEAD_ROOM = 1_024
/** Above this share of slow answers among the last sixteen or so, calls go alone. One of them makes no such share: it may have waited for a collection. */
const SLOW_SHARE = 0.1
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
  /** The most calls that are sent as one message; 1: each goes alone. @default 64 */
  readonly maxBatch?: number | undefined
  /** How long the owner of a key may say nothing before the calls that it has are lost, in milliseconds. @default 24000 */
  readonly frozenMs?: number | undefined
}

export class RpcClient {
  readonly #transport: Transport
  readonly #options: RpcClientOptions
  readonly #fingerprint: Uint8Array
  readonly #damaged: DamagedFrames
  readonly #pending: PendingCalls
  readonly #writer = new Writer()
  readonly #streams: StreamClient
  readonly #retrier: Retrier
  readonly #watch: CalleeWatch
  readonly #maxMessageBytes: number
  readonly #budgets = new Map<string, RetryBudget>()
  /** Calls that wait behind a large one to the same owner. */
  #queued = 0

  constructor(options: RpcClientOptions) {
    this.#options = options
    this.#maxMessageBytes = options.maxMessageBytes ?? DEFAULT_MAX_MESSAGE_BYTES
    this.#transport = options.transport
    this.#damaged = new DamagedFrames(options.log, { message: 'an answer cannot be understood', kind: 'answer' })
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#streams = new StreamClient({
      ...options,
      fingerprint: this.#fingerprint,
      maxMessageBytes: this.#maxMessageBytes,
      number: () => this.#pending.number(),
      onOpening: () => this.#pending.watch(),
    })
    this.#retrier = new Retrier(options.transport, (target, call) => this.#send(target, call, processNow()))
    const { inbox } = options.transport
    this.#pending = new PendingCalls(`${inbox}.r.`, (now) => {
      if (this.#watch.isDue(now)) this.#watch.look([this.#pending.values(), this.#streams.opening], now)
      return this.#streams.opening.size > 0
    })
    const answers = new AnswerReader({
      pending: this.#pending,
      maxMessageBytes: this.#maxMessageBytes,
      damaged: this.#damaged,
      onAccept: (call, by) => void this.#onAccept(call, by),
    })
    this.#transport.subscribe(`${inbox}.r.*`, (message) => answers.onMessage(message))
    this.#watch = new CalleeWatch(
      {
        ...options,
        inbox: `${inbox}.a.`,
        onLost: (call, why) => (call instanceof PendingCall ? this.#onLost(call, why) : this.#streams.onLost(call, why)),
      },
      this.#writer,
    )
    this.#transport.onConnection((isConnected) => {
      if (isConnected) this.#retrier.onReconnected()
      else if (!this.#transport.isCrossing) this.#pending.disconnect()
    })
    this.#transport.onMove({ leave: () => this.#streams.idle(), settle: () => this.#pending.idle() })
  }

  /** Calls that wait for an answer, and streams that are open. */
  get inFlight(): number {
    return this.#pending.size + this.#queued + this.#streams.inFlight
  }

  /** Resolves when a replica serves the component. @throws the reason of the signal, when that fires */
  whenServed(component: string, signal: AbortSignal): Promise<void> {
    return this.#watch.whenKnown(component, signal)
  }

  /** What a stub calls. `caller` is the component that holds the stub. */
  invoker(of: CallTarget, caller: string): Calls {
    const { replica, tracing } = this.#options
    this.#watch.add(of.component)
    const target: Target = {
      ...of,
      ...this.#batches(of.component, { component: caller, replica }),
      queue: new OwnerQueue(),
      budget: this.#budget(of.component),
      damaged: this.#damaged,
      waiting: 0,
      slowness: 0,
      caller: { component: caller, replica },
      stats: of.methods.map(({ name }) => callStats({ caller, component: of.component, method: name, isRemote: true })),
      limitsMs: limitsOf(of.methods, of),
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
        const at = processNow()
        const deadline = deadlineOf(now, target.limitsMs[method] as number, at)
        const call: Attempt = { method, args, now, deadline, owner: target.route?.ownerFor(binding.name, args) }
        target.budget.earn()
        try {
          const isQueued = call.owner !== undefined && target.queue.isBusy(call.owner)
          result = decodeAnswer(await (isQueued ? this.#attemptInTurn(target, call) : this.#attempt(target, call, at)), binding, target)
        } catch (error) {
          // The first attempt is the last one of nearly every call.
          if (!isPlatformFailure(error)) throw error
          result = await this.#retrier.goOn(target, call, error)
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

  #batches(component: string, caller: Caller): Pick<Target, 'batch' | 'alone'> {
    const prefix = requestsPrefix(this.#fingerprint, caller)
    const { maxBatch = MAX_BATCH } = this.#options
    const maxBytes = Math.min(BATCH_BYTES, this.#transport.maxPayloadBytes - HEAD_ROOM)
    const subject = this.#subjectOf(component, undefined)
    return {
      batch: new RequestBatch({ prefix, maxCalls: maxBatch, maxBytes, send: (bytes, calls) => this.#publish(subject, bytes, calls) }),
      alone: new RequestBatch({
        prefix,
        maxCalls: 1,
        maxBytes,
        writer: this.#writer,
        send: (bytes, calls) => this.#publish(this.#subjectOf(component, calls[0]?.attempt.owner), bytes, calls),
      }),
    }
  }

  #subjectOf(component: string, replica: string | undefined): string {
    const { deploymentId } = this.#options
    return replica === undefined ? callSubject(deploymentId, component) : replicaCallSubject(deploymentId, component, replica)
  }

  #budget(component: string): RetryBudget {
    const found = this.#budgets.get(component) ?? new RetryBudget(processNow())
    this.#budgets.set(component, found)
    return found
  }

  async #send(target: Target, call: Attempt, at: number): Promise<unknown> {
    return decodeAnswer(await this.#attempt(target, call, at), target.methods[call.method] as MethodBinding, target) // from one generated file
  }

  /** Sends the call when those before it to the same owner are sent. */
  async #attemptInTurn(target: Target, attempt: Attempt): Promise<Answer> {
    this.#checkRoom(target, attempt)
    const place = target.queue.take(attempt.owner as string) // one that is queued has an owner
    const { deadline, method, now } = attempt
    this.#queued++
    target.waiting++
    try {
      await turn(place.before, { what: whatOf(target, method), deadline, cancellation: now.cancellation }).finally(() => {
        this.#queued--
        target.waiting--
      })
      return this.#attempt(target, { ...attempt, place }, processNow())
    } catch (error) {
      place.end()
      throw error
    }
  }

  #checkRoom(target: Target, { method }: Attempt): void {
    if (target.waiting < MAX_WAITING) return
    throw failure('WEAVER_RPC_OVERLOADED', `${whatOf(target, method)} was not sent: ${target.waiting} calls wait for it already`, false)
  }

  /** Sends the call once. @throws as it rejects. @param at milliseconds by the clock of the process */
  #attempt(target: Target, attempt: Attempt, at: number): Promise<Answer> {
    const { cancellation } = attempt.now
    if (cancellation?.isAborted === true) throw abandoned(cancellation.reason, whatOf(target, attempt.method), false)
    if (attempt.deadline <= at) throw deadlineError(whatOf(target, attempt.method), { isSent: false })
    this.#checkRoom(target, attempt)
    const call = new PendingCall(this.#pending.number(), { target, attempt }, this)
    call.sentAt = at
    const batch = attempt.owner === undefined ? target.batch : target.alone
    batch.write(call, at)
    if (call.bytes > Math.min(this.#transport.maxPayloadBytes - HEAD_ROOM, this.#maxMessageBytes)) this.#takeOut(call, batch)
    const answered = new Promise<Answer>((resolve, reject) => {
      call.resolve = resolve
      call.reject = reject
    })
    this.#pending.add(call)
    if (call.large !== undefined) {
      if (attempt.owner !== undefined) {
        const { end } = attempt.place ?? target.queue.take(attempt.owner)
        call.onSent = end
        void answered.then(end, end)
      }
      this.#offer(call, call.large)
    } else {
      batch.add(call)
      if (target.slowness > SLOW_SHARE) batch.flush()
      attempt.place?.end()
    }
    return answered
  }

  /** A call that is larger than a message. @throws RemoteCallError where it is larger than anything may be */
  #takeOut(call: PendingCall, batch: RequestBatch): void {
    const alone = batch.takeOut(call)
    if (alone.length > this.#maxMessageBytes) throw tooLarge(call.what, alone.length, this.#maxMessageBytes)
    call.large = alone
  }

  /** Sends calls as one message. */
  #publish(subject: string, bytes: Uint8Array, calls: readonly PendingCall[]): void {
    try {
      if (!this.#transport.takesCalls) throw failure('WEAVER_RPC_DISCONNECTED', 'there is no connection to the broker at the moment', false)
      this.#transport.publish(subject, bytes, this.#pending.send(calls))
    } catch (error) {
      for (const call of calls) if (this.#pending.take(call, true)) call.reject(error as Error) // a transport throws errors
    }
  }

  /** Asks a replica to take a request that comes in parts. */
  #offer(call: PendingCall, large: Uint8Array): void {
    const { replica } = this.#options
    const offer = writeOffer(this.#writer, { call: call.id, fingerprint: this.#fingerprint, total: large.length, caller: replica })
    this.#publish(this.#subjectOf(call.target.component, call.attempt.owner), offer, [call])
  }

  /** That replica will. */
  async #onAccept(call: PendingCall, replica: string): Promise<void> {
    const { id, large, message } = call
    if (message === undefined || large === undefined) return // nothing was offered
    call.holder = replica
    const subject = this.#subjectOf(call.target.component, replica)
    const reply = this.#pending.replySubject(message)
    try {
      await sendParts(
        { call: id, sender: this.#options.replica, bytes: large, maxPayloadBytes: this.#transport.maxPayloadBytes },
        {
          writer: this.#writer,
          publish: (part) => this.#transport.publish(subject, part, reply),
          isWanted: () => !call.isSettled,
        },
      )
      call.onSent?.()
    } catch (error) {
      if (this.#pending.take(call, false)) call.reject(error as Error) // a transport throws errors
    }
  }

  /** The caller has gone; for `PendingCall` alone. */
  onCancelled(call: PendingCall, reason: unknown): void {
    if (!this.#pending.take(call, false)) return
    const isSent = call.message !== undefined
    call.reject(abandoned(reason, call.what, isSent))
    if (isSent) this.#cancel(call)
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
      this.#options.log.warn('a callee was not notified that its caller has gone; it runs on', { component, err: error })
    }
  }

  #onLost(call: PendingCall, why: string): void {
    if (this.#pending.take(call, false)) call.reject(failure('WEAVER_RPC_PEER_LOST', `${call.what} will not be answered: ${why}`, true))
  }
}

function streamCall(target: Target, method: number, args: readonly unknown[]): StreamCall {
  const { component, caller, limitsMs, methods, route } = target
  const binding = methods[method] as MethodBinding // the stub and these lists come from one generated file
  return { component, method, args, caller: caller.component, binding, openTimeoutMs: limitsMs[method] as number, route }
}
