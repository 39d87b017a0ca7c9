/**
 * The calls of one execution: each is a request and a reply, held in the network until the
 * scheduler delivers or loses them. Arguments, results and errors cross it as bytes of the
 * generated codec, so nothing is shared.
 *
 * I1  A call is settled once: by its reply, by a failure that is not retried, by its deadline or by
 *     its caller.
 * I2  When a life is over, none of its calls is settled and nothing is sent for it any more; what
 *     it sent before still arrives.
 * I3  As in the RPC client, an attempt is repeated only if the method certainly did not run or may
 *     run twice, and at most three times.
 */
import { codecError } from '../../codec/codec-error.js'
import { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'
import { reasonOf, WeaverError } from '../../contract/errors.js'
import { Cancellation } from '../../context/cancellation.js'
import { runInContext, scope, Scope } from '../../context/context.js'
import { readError, writeError } from '../../codec/error-codec.js'
import { abandoned, deadlineError, failure, type RemoteCallError } from '../../errors/remote-call-error.js'
import { deadlineOf } from '../../context/time-limit.js'
import { actors } from './actor.js'
import { textOfError, textOfValue, type SimEvent } from './history.js'
import { originOf } from './life.js'
import { SimCall, type Callee, type CallOwner, type Exchange, type Serving } from './sim-call.js'
import type { VirtualTime } from './virtual-time.js'

const MAX_RETRIES = 3
/** Shared by all executions: a message is written without interruption. */
const writer = new Writer()

export type Answer =
  { readonly kind: 'result' | 'error'; readonly bytes: Uint8Array } | { readonly kind: 'failure'; readonly error: RemoteCallError }

export type Message = {
  /** Its name (steps.ts). */
  readonly key: string
  readonly call: SimCall
  /** Epoch milliseconds, virtual. */
  readonly sentAt: number
} & (
  | { readonly kind: 'request' }
  | { readonly kind: 'reply'; readonly answer: Answer; readonly from: string }
  | { readonly kind: 'cancel'; readonly reason: 'AbortError' | 'TimeoutError' }
)

type Unsent<M> = M extends unknown ? Omit<M, 'sentAt'> : never

export interface NetworkOptions {
  readonly time: VirtualTime
  readonly random: () => number
  /** The same as in `run()`. */
  readonly defaultTimeoutMs: number | undefined
  /** Absent if the history is not wanted. */
  readonly record: ((event: Omit<SimEvent, 'atMs'>) => void) | undefined
}

export class Network implements CallOwner {
  /** In order of sending. */
  readonly messages: Set<Message> = new Set()
  /** Calls that are not settled. */
  readonly calls: Set<SimCall> = new Set()
  readonly options: NetworkOptions

  constructor(options: NetworkOptions) {
    this.options = options
  }

  /** @returns the callee's result, as it comes back */
  send(callerName: string, exchange: Exchange): Promise<unknown> {
    const actor = actors.getStore()
    const { binding, method } = exchange
    const what = `${binding.token.name}.${method.name}`
    if (actor === undefined)
      return Promise.reject(
        new WeaverError(
          'WEAVER_SIM_INVALID',
          `${what} is called from outside of a simulated execution; call components from operations, init() and end()`,
        ),
      )
    const outer = scope()
    if (outer.cancellation?.isAborted === true) return Promise.reject(abandoned(outer.cancellation.reason, what, false))
    const { time } = this.options
    // As in the RPC client, `withContext({ timeoutMs })` does not apply to streams.
    const deadline = deadlineOf(method.isStream === true ? { deadline: outer.deadline } : outer, exchange.limitMs, time.now)
    if (deadline <= time.now) return Promise.reject(deadlineError(what, { isSent: false }))
    let bytes: Uint8Array
    try {
      bytes = this.#encode((w) => exchange.pinned === undefined && method.encodeArgs(w, exchange.args))
    } catch (cause) {
      return Promise.reject(codecError(`${what} was not sent: its arguments cannot be: ${reasonOf(cause)}`, cause))
    }
    return new Promise((resolve, reject) => {
      const call = new SimCall(this, { what, exchange, bytes, deadline, outer, actor, callerName, resolve, reject })
      this.calls.add(call)
      if (exchange.pinned?.life.isOver === true) this.#streamLost(call, exchange.pinned.life.name)
      else this.#push({ kind: 'request', key: `${call.key} request`, call })
    })
  }

  /** Delivers the request: the method runs. */
  deliver(message: Message & { readonly kind: 'request' }, replica: Callee): void {
    this.messages.delete(message)
    const { call } = message
    const { exchange, attempt } = call
    const { record, time, random } = this.options
    record?.({ kind: 'request', from: call.actor.life.name, to: replica.life.name, text: exchange.text() })
    const cancellation = new Cancellation()
    const serving: Serving = { call, attempt, cancellation }
    call.serving = { replica, serving }
    replica.serving.add(serving)
    if (call.givenUp !== undefined) this.#push({ kind: 'cancel', key: `${call.key} cancel`, call, reason: call.givenUp })
    const { life } = replica
    const answer = (kind: 'result' | 'error', write: (w: Writer) => void): void => {
      if (life.isOver) return // I2
      replica.serving.delete(serving)
      this.#reply(call, attempt, { answer: { kind, bytes: this.#encode(write) }, from: life.name })
    }
    const fail = (error: unknown): void => answer('error', (w) => writeError(w, error))
    const { metadata, traceparent, tracestate } = call.outer
    const inner = new Scope(
      { metadata, deadline: call.deadline, traceparent, tracestate, caller: { component: call.callerName, replica: call.actor.life.name } },
      cancellation,
    )
    actors
      .run({ life, origin: originOf(call.key), time, random }, () =>
        runInContext(inner, async () =>
          exchange.serve(replica, exchange.pinned === undefined ? exchange.method.decodeArgs(new Reader(call.bytes)) : []),
        ),
      )
      .then((result) => {
        try {
          answer('result', (w) => exchange.write(w, result))
        } catch (cause) {
          fail(codecError(`${call.what}: what it returned cannot be sent: ${reasonOf(cause)}`, cause))
        }
      }, fail)
  }

  /** Delivers the reply. */
  accept(message: Message & { readonly kind: 'reply' }): void {
    this.messages.delete(message)
    const { call, answer, from } = message
    if (call.isSettled) return
    const to = call.actor.life.name
    if (answer.kind === 'failure') return this.attemptFailed(call, answer.error, { isTriedAgain: true })
    let outcome: unknown
    try {
      const reader = new Reader(answer.bytes)
      outcome = answer.kind === 'result' ? call.exchange.read(reader) : readError(reader)
    } catch (cause) {
      return call.reject(codecError(`${call.what}: the answer cannot be decoded: ${reasonOf(cause)}`, cause))
    }
    if (answer.kind === 'error') {
      this.options.record?.({ kind: 'failed', from, to, text: textOfError(outcome) })
      call.reject(outcome)
    } else {
      this.options.record?.({ kind: 'reply', from, to, text: textOfValue(outcome) })
      call.resolve(outcome)
    }
  }

  /** Loses the message. */
  lose(message: Message & { readonly kind: 'request' | 'reply' }, on: { readonly isTriedAgain: boolean }): void {
    this.messages.delete(message)
    const { call, kind } = message
    if (call.isSettled) return
    const component = call.exchange.binding.token.name
    const caller = call.actor.life.name
    if (kind === 'request') {
      this.options.record?.({ kind: 'lost', from: caller, to: component, text: `${call.exchange.text()} is lost` })
      this.attemptFailed(call, failure('WEAVER_RPC_UNAVAILABLE', `${call.what} was not sent: no replica listens`, false), on)
    } else {
      this.options.record?.({ kind: 'lost', from: message.from, to: caller, text: `the answer to ${call.exchange.text()} is lost` })
      this.attemptFailed(call, failure('WEAVER_RPC_PEER_LOST', `${call.what}: the replica that had the call is gone`, true), on)
    }
  }

  /** I3 */
  attemptFailed(call: SimCall, error: RemoteCallError, on: { readonly isTriedAgain: boolean }): void {
    if (call.isSettled) return
    call.mayHaveRun ||= error.mayHaveRun
    const from = call.actor.life.name
    const { isRetriable, pinned, text } = call.exchange
    if (on.isTriedAgain && call.attempt <= MAX_RETRIES && pinned === undefined && (isRetriable || !error.mayHaveRun)) {
      call.attempt += 1
      this.options.record?.({ kind: 'retry', from, text: `tries ${text()} again` })
      this.#push({ kind: 'request', key: `${call.key} request`, call })
      return
    }
    const final =
      call.mayHaveRun && !error.mayHaveRun
        ? failure(error.code as 'WEAVER_RPC_UNAVAILABLE', `${error.message}; an earlier attempt of this call may have run`, true) // its own code
        : error
    this.options.record?.({ kind: 'failed', from, text: `${text()}: ${textOfError(final)}` })
    call.reject(final)
  }

  /** The deadline of a call passes. */
  expire(call: SimCall): void {
    this.options.time.goTo(call.deadline)
    this.options.record?.({ kind: 'failed', from: call.actor.life.name, text: `${call.exchange.text()}: its deadline has passed` })
    call.reject(deadlineError(call.what, { isSent: true }))
    this.#tellCallee(call, 'TimeoutError')
  }

  /** The caller gives up. */
  onCancelled(call: SimCall, reason: unknown): void {
    this.options.record?.({ kind: 'failed', from: call.actor.life.name, text: `${call.exchange.text()}: its caller gives up` })
    call.reject(abandoned(reason, call.what, true))
    this.#tellCallee(call, 'AbortError')
  }

  /** A reply still in flight is dropped. */
  onSettled(call: SimCall): void {
    this.calls.delete(call)
    for (const message of this.messages) if (message.call === call && message.kind === 'reply') this.messages.delete(message)
  }

  cancelArrives(message: Message & { readonly kind: 'cancel' }): void {
    this.messages.delete(message)
    const { call, reason } = message
    if (call.serving === undefined || !call.serving.replica.serving.has(call.serving.serving)) return
    const { replica, serving } = call.serving
    this.options.record?.({
      kind: 'cancel',
      from: call.actor.life.name,
      to: replica.life.name,
      text: `${call.exchange.text()} is given up`,
    })
    serving.cancellation.abort(
      new DOMException(reason === 'AbortError' ? 'the caller has given the call up' : 'the deadline of the call has passed', reason),
    )
  }

  /** Notifies callers that the replica with their calls is gone. */
  peerLost(replica: Callee): void {
    for (const { call, attempt } of replica.serving) {
      const error = failure('WEAVER_RPC_PEER_LOST', `${call.what}: the replica that had the call is gone`, true)
      this.#reply(call, attempt, { answer: { kind: 'failure', error }, from: replica.life.name })
    }
    replica.serving.clear()
    // Streams at the replica that are between two items.
    for (const message of this.messages) {
      if (message.kind !== 'request' || message.call.exchange.pinned?.replica !== replica) continue
      this.messages.delete(message)
      this.#streamLost(message.call, replica.life.name)
    }
  }

  /** The earliest deadline; one at infinity never passes. */
  earliestDeadline(): SimCall | undefined {
    let first: SimCall | undefined
    for (const call of this.calls) if (call.deadline < (first?.deadline ?? Infinity)) first = call
    return first
  }

  /** I2 */
  forget(life: object): void {
    for (const call of this.calls) if (call.actor.life === life) call.drop()
  }

  #streamLost(call: SimCall, from: string): void {
    const error = failure('WEAVER_RPC_PEER_LOST', `${call.what}: the replica that had the stream is gone`, true)
    this.#reply(call, call.attempt, { answer: { kind: 'failure', error }, from })
  }

  #tellCallee(call: SimCall, reason: 'AbortError' | 'TimeoutError'): void {
    call.givenUp = reason
    // It follows a request that is still in flight.
    if (call.serving !== undefined) this.#push({ kind: 'cancel', key: `${call.key} cancel`, call, reason })
  }

  #reply(call: SimCall, attempt: number, reply: { readonly answer: Answer; readonly from: string }): void {
    if (call.isSettled || attempt !== call.attempt) return
    this.#push({ kind: 'reply', key: `${call.key} reply`, call, ...reply })
  }

  #push(message: Unsent<Message>): void {
    this.messages.add({ ...message, sentAt: this.options.time.now })
  }

  #encode(write: (w: Writer) => void): Uint8Array {
    try {
      write(writer)
      return writer.finish()
    } catch (error) {
      writer.reset()
      throw error
    }
  }
}
