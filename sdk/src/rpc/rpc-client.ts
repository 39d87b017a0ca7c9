/**
 * The calling side. Reply subjects that are used again and again under one wildcard subscription, a map of pending calls by their number, and one coarse timer
 * for their deadlines; a call that succeeds makes no Error, no timer and no signal of its own.
 *
 * I1  A pending call is settled exactly once: by its answer, the broker's "no responders", its deadline, its caller's signal, or the loss of the connection.
 * I2  A call is sent again only when it surely did not run, or when its method may run twice; never past its deadline.
 * I3  `mayHaveRun` speaks of the call, not of its last attempt: once it may have run, no later attempt takes that back.
 */
import { codecError } from '../codec/codec-error.js'
import type { Reader } from '../codec/reader.js'
import { Writer } from '../codec/writer.js'
import type { Calls, MethodBinding } from '../component/binding.js'
import { callSubject, inboxPrefix, replicaCallSubject } from '../contract/subjects.js'
import { NEVER, scope } from './context.js'
import { fingerprintPrefix, FRAME_VERSION, KIND, readBatch, readKind, writeBatch, writeRequestHead } from './frame.js'
import { callStats, type CallStats } from '../telemetry/call-stats.js'
import type { Logger } from '../telemetry/logger.js'
import { measureStream } from '../telemetry/measured-call.js'
import type { CallSpan, Tracing } from '../telemetry/tracing.js'
import { abandoned, deadlineError, failure, RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import { PendingCall, whatOf, type Answer, type Attempt, type CallTarget, type SentMessage, type Target } from './pending-call.js'
import { decodeAnswer } from './decode-answer.js'
import { Outbox } from './outbox.js'
import { ReplySlots } from './reply-slots.js'
import { StreamClient, type StreamCall } from './stream-client.js'
import type { IncomingMessage, Transport } from './transport.js'

export const DEFAULT_TIMEOUT_MS = 30_000
/** Cancellations of a component's calls go to all its replicas: a queue group would hand them to the wrong one. */
export const CANCEL_TOKEN = '_cancel'
const SWEEP_MS = 20
/** How long a call is offered again when nobody listens: longer than a replica takes to move, shorter than a user waits. */
const UNAVAILABLE_WINDOW_MS = 1_000
/** How long a call waits for a lost connection to come back, over all its attempts. */
const RECONNECT_WINDOW_MS = 2_000
const MAX_RETRIES = 3
const MAX_BATCH = 16
/** A larger message gains nothing. */
const BATCH_BYTES = 16_384
/** Above this share of slow answers, among about as many of the last, calls go alone. */
const SLOW_SHARE = 0.05
const BACKOFF_MS = { first: 5, most: 200 } as const
export interface RpcClientOptions {
  readonly transport: Transport
  readonly deploymentId: string
  readonly replica: string
  readonly fingerprint: string
  readonly log: Logger
  /** Absent: calls get no spans. */
  readonly tracing?: Tracing | undefined
  /** The most calls that are sent as one message; 1: each goes alone. @default 16 */
  readonly maxBatch?: number | undefined
}

export class RpcClient {
  readonly #transport: Transport
  readonly #options: RpcClientOptions
  readonly #fingerprint: Uint8Array
  readonly #pending = new Map<number, PendingCall>()
  readonly #slots: ReplySlots<SentMessage>
  readonly #writer = new Writer()
  readonly #streams: StreamClient
  readonly #reconnected = new Set<() => void>()
  #next = 0
  #sweep: NodeJS.Timeout | undefined

  constructor(options: RpcClientOptions) {
    this.#options = options
    this.#transport = options.transport
    this.#fingerprint = fingerprintPrefix(options.fingerprint)
    this.#streams = new StreamClient({ ...options, fingerprint: this.#fingerprint })
    const inbox = `${inboxPrefix(options.deploymentId, options.replica)}.r.`
    this.#slots = new ReplySlots(inbox)
    this.#transport.subscribe(`${inbox}*`, (message) => this.#onAnswer(message))
    this.#transport.onConnection((isConnected) => this.#onConnection(isConnected))
  }

  /** Calls that wait for an answer, and streams that are open. */
  get inFlight(): number {
    return this.#pending.size + this.#streams.inFlight
  }

  /** What a stub calls. `caller` is the component that holds the stub. */
  invoker(of: CallTarget, caller: string): Calls {
    const { deploymentId, replica, tracing } = this.#options
    const target: Target = {
      ...of,
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
        try {
          result = decodeAnswer(await this.#attempt(target, call, at), binding, target)
        } catch (error) {
          // The first attempt is the last one of nearly every call.
          if (!(error instanceof RemoteCallError)) throw error
          result = await this.#goOn(target, call, { started: at, error })
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

  /** After an attempt that failed: tries again where that may help. */
  async #goOn(target: Target, call: Attempt, first: { readonly started: number; readonly error: RemoteCallError }): Promise<unknown> {
    const { deadline, now, method } = call
    const binding = target.methods[method] as MethodBinding
    let { error } = first
    let { owner } = call
    let mayHaveRun = false
    let lostAt: number | undefined
    for (let retry = 0; ; retry++) {
      mayHaveRun ||= error.mayHaveRun
      if (owner !== undefined && error.code === 'WEAVER_RPC_UNAVAILABLE') {
        // The owner of its key has gone: any other replica will do, and nothing is to be waited for.
        target.route?.onUnreachable(owner)
        owner = undefined
      } else {
        const wait = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** Math.min(retry, 10)) * (0.5 + Math.random() / 2)
        if (!this.#mayRetry(error, { target, binding, retry, started: first.started }) || Date.now() + wait >= deadline)
          throw mayHaveRun ? mayHaveRunError(error) : error
        await pause(wait, now.signal)
      }
      try {
        if (!this.#transport.isConnected) {
          lostAt ??= Date.now()
          await this.#connection(whatOf(target, method), { until: Math.min(deadline, lostAt + RECONNECT_WINDOW_MS), signal: now.signal })
        }
        return decodeAnswer(await this.#attempt(target, { ...call, owner }, Date.now()), binding, target)
      } catch (failed) {
        if (!(failed instanceof RemoteCallError)) throw failed
        error = failed
      }
    }
  }

  /** I2 */
  #mayRetry(
    error: RemoteCallError,
    at: {
      readonly target: CallTarget
      readonly binding: MethodBinding
      readonly retry: number
      readonly started: number
    },
  ): boolean {
    if (error.code === 'WEAVER_RPC_UNAVAILABLE') return Date.now() < at.started + UNAVAILABLE_WINDOW_MS
    if (error.code !== 'WEAVER_RPC_DISCONNECTED' || at.retry >= MAX_RETRIES) return false
    return !error.mayHaveRun || !at.target.notRetriable.has(at.binding.name)
  }

  /** Waits for a lost connection to return; a message sent meanwhile would be lost without a word. */
  async #connection(what: string, wait: { readonly until: number; readonly signal: AbortSignal }): Promise<void> {
    const back = new AbortController()
    const onBack = (): void => back.abort()
    this.#reconnected.add(onBack)
    await pause(wait.until - Date.now(), AbortSignal.any([back.signal, wait.signal]))
    this.#reconnected.delete(onBack)
    if (!this.#transport.isConnected && !wait.signal.aborted)
      throw failure('WEAVER_RPC_DISCONNECTED', `${what} was not sent: there is no connection to the broker`, false)
  }

  /** Sends the call once. @throws as it rejects. @param at epoch milliseconds */
  #attempt(target: Target, call: Attempt, at: number): Promise<Answer> {
    const { cancellation } = call.now
    if (cancellation?.isAborted === true) throw abandoned(cancellation.reason, whatOf(target, call.method), false)
    if (call.deadline <= at) throw deadlineError(whatOf(target, call.method), { isSent: false })
    this.#next = (this.#next + 1) >>> 0 || 1
    const pending = new PendingCall(this.#next, target, call, this)
    const frame = this.#encode(pending, call, at)
    pending.frame = frame
    if (frame.length > this.#transport.maxPayloadBytes)
      throw failure(
        'WEAVER_RPC_TOO_LARGE',
        `${pending.what}: the arguments take ${frame.length} bytes, the broker's limit is ${this.#transport.maxPayloadBytes}; send less, or raise max_payload`,
        false,
      )
    const answered = new Promise<Answer>((resolve, reject) => {
      pending.resolve = resolve
      pending.reject = reject
    })
    this.#pending.set(pending.id, pending)
    cancellation?.add(pending)
    if (this.#sweep === undefined) this.#watchDeadlines()
    if (call.owner !== undefined) this.#publish(replicaCallSubject(this.#options.deploymentId, target.component, call.owner), [pending])
    else if (target.slowness > SLOW_SHARE) this.#publish(target.subject, [pending])
    else target.outbox.add(pending, frame.length)
    return answered
  }

  /** Sends calls as one message. One that was given up meanwhile is left out. */
  #publish(subject: string, given: readonly PendingCall[]): void {
    const calls = given.every(({ id }) => this.#pending.has(id)) ? given : given.filter(({ id }) => this.#pending.has(id))
    const [first] = calls
    if (first === undefined) return
    const message: SentMessage = { calls, slot: 0, left: calls.length, isAnswered: true }
    message.slot = this.#slots.take(message)
    for (const call of calls) call.message = message
    try {
      const bytes = calls.length === 1 ? first.frame : writeBatch(this.#writer, calls.map(({ frame }) => frame)) // prettier-ignore
      this.#transport.publish(subject, bytes, this.#slots.subject(message.slot))
    } catch (error) {
      for (const call of calls) if (this.#take(call, true)) call.reject(error as Error) // a transport throws errors
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
      this.#transport.publish(replicaCallSubject(this.#options.deploymentId, component, CANCEL_TOKEN), w.finish())
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
    if (!this.#take(pending, true)) return
    pending.target.stats[pending.method]?.bytes(pending.frame.length, bytes)
    pending.resolve({ kind, reader })
  }

  #onNoResponders(subject: string): void {
    for (const pending of this.#slots.user(subject)?.calls ?? [])
      if (this.#take(pending, true)) pending.reject(failure('WEAVER_RPC_UNAVAILABLE', `${pending.what}: no replica of it is up`, false))
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
    const waiting = [...this.#reconnected]
    this.#reconnected.clear()
    for (const back of waiting) back()
  }

  #watchDeadlines(): void {
    if (this.#sweep !== undefined) return
    this.#sweep = setInterval(() => {
      const now = Date.now()
      for (const pending of this.#pending.values()) if (pending.deadline <= now) this.#expire(pending)
      if (this.#pending.size > 0) return
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

/** I3 */
function mayHaveRunError(error: RemoteCallError): RemoteCallError {
  if (error.mayHaveRun) return error
  const { code, message, cause, details } = error
  return new RemoteCallError(code as RemoteCallCode, `${message}; an earlier attempt of this call may have run`, {
    mayHaveRun: true,
    cause,
    details,
  })
}

/** Resolves after that time, or as soon as the signal fires. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms <= 0 || signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    if (signal !== NEVER) signal.addEventListener('abort', done)
  })
}
