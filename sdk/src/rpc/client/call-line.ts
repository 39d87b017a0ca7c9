/**
 * The path of calls from one component to another: one attempt of a call, from its arguments to a
 * message. A call is sent with the others of its tick; alone, if it has an owner or the method is
 * slow; in parts, if it is larger than a message.
 */
import type { Writer } from '../../codec/writer.js'
import { processNow } from '../../context/process-clock.js'
import { abandoned, deadlineError, failure } from '../../errors/remote-call-error.js'
import type { Transport } from '../transport/transport.js'
import { requestsPrefix } from '../wire/frame.js'
import { tooLarge } from '../wire/parts.js'
import { OwnerQueue, turn } from './owner-queue.js'
import { PendingCall, whatOf, type Answer, type Attempt, type Target } from './pending-call.js'
import type { PendingCalls } from './pending-calls.js'
import { RequestBatch } from './request-batch.js'
import type { RequestSender } from './request-sender.js'

const MAX_BATCH = 64
/** Larger messages gain nothing. */
const BATCH_BYTES = 65_536
/** Room for what surrounds one call in a message of just the maximum size. */
const HEAD_ROOM = 1_024
/**
 * Above this share of slow answers among about the last sixteen, calls are sent alone. A single
 * slow answer is below it: it may have waited for a garbage collection.
 */
const SLOW_SHARE = 0.1
/** Maximum number of calls of one component that wait for an answer. */
const MAX_WAITING = 65_536

export interface CallLineOptions {
  readonly transport: Transport
  readonly fingerprint: Uint8Array
  /** Maximum size of a request, in bytes. */
  readonly maxMessageBytes: number
  /** Maximum number of calls sent as one message; 1 sends each alone. @default 64 */
  readonly maxBatch?: number | undefined
  readonly pending: PendingCalls
  readonly sender: RequestSender
  /** Shared: not used by others between two of its frames. */
  readonly writer: Writer
}

export class CallLine {
  readonly target: Target
  readonly #transport: Transport
  readonly #pending: PendingCalls
  readonly #sender: RequestSender
  readonly #maxMessageBytes: number
  /** Calls of this tick to any replica. */
  readonly #batch: RequestBatch
  /** Calls to one replica: each is sent at once. */
  readonly #alone: RequestBatch
  /** Calls with an owner that wait behind a large one to the same owner. */
  readonly #queue = new OwnerQueue()

  constructor(target: Target, options: CallLineOptions) {
    const { transport, fingerprint, maxMessageBytes, maxBatch = MAX_BATCH, pending, sender, writer } = options
    const { caller, component } = target
    this.target = target
    this.#transport = transport
    this.#pending = pending
    this.#sender = sender
    this.#maxMessageBytes = maxMessageBytes
    const prefix = requestsPrefix(fingerprint, caller)
    const maxBytes = Math.min(BATCH_BYTES, transport.maxPayloadBytes - HEAD_ROOM)
    const subject = sender.subjectOf(component, undefined)
    this.#batch = new RequestBatch({ prefix, maxCalls: maxBatch, maxBytes, send: (bytes, calls) => sender.publish(subject, bytes, calls) })
    this.#alone = new RequestBatch({
      prefix,
      maxCalls: 1,
      maxBytes,
      writer,
      send: (bytes, calls) => sender.publish(sender.subjectOf(component, calls[0]?.attempt.owner), bytes, calls),
    })
  }

  /**
   * Sends the call, after earlier calls to the same owner.
   * @throws the reason with which it rejects
   * @param at milliseconds by the process clock
   */
  send(attempt: Attempt, at: number): Promise<Answer> {
    const { owner } = attempt
    return owner !== undefined && this.#queue.isBusy(owner) ? this.#sendInTurn(attempt, owner) : this.sendNow(attempt, at)
  }

  async #sendInTurn(attempt: Attempt, owner: string): Promise<Answer> {
    const { target } = this
    this.#checkRoom(attempt)
    const place = this.#queue.take(owner)
    const { deadline, method, now } = attempt
    const isOver = this.#pending.queue(target)
    try {
      await turn(place.before, { what: whatOf(target, method), deadline, cancellation: now.cancellation }).finally(isOver)
      return this.sendNow({ ...attempt, place }, processNow())
    } catch (error) {
      place.end()
      throw error
    }
  }

  /**
   * Sends the call without waiting for others.
   * @throws the reason with which it rejects
   * @param at milliseconds by the process clock
   */
  sendNow(attempt: Attempt, at: number): Promise<Answer> {
    const { target } = this
    const { cancellation } = attempt.now
    if (cancellation?.isAborted === true) throw abandoned(cancellation.reason, whatOf(target, attempt.method), false)
    if (attempt.deadline <= at) throw deadlineError(whatOf(target, attempt.method), { isSent: false })
    this.#checkRoom(attempt)
    const call = new PendingCall(this.#pending.number(), { target, attempt }, this.#pending)
    call.sentAt = at
    const batch = attempt.owner === undefined ? this.#batch : this.#alone
    batch.write(call, at)
    if (call.bytes > Math.min(this.#transport.maxPayloadBytes - HEAD_ROOM, this.#maxMessageBytes)) this.#takeOut(call, batch)
    const answered = new Promise<Answer>((resolve, reject) => {
      call.resolve = resolve
      call.reject = reject
    })
    this.#pending.add(call)
    if (call.large !== undefined) {
      if (attempt.owner !== undefined) {
        const { end } = attempt.place ?? this.#queue.take(attempt.owner)
        call.onSent = end
        void answered.then(end, end)
      }
      this.#sender.offer(call, call.large)
    } else {
      batch.add(call)
      if (target.slowness > SLOW_SHARE) batch.flush()
      attempt.place?.end()
    }
    return answered
  }

  #checkRoom({ method }: Attempt): void {
    const { target } = this
    if (target.waiting < MAX_WAITING) return
    throw failure('WEAVER_RPC_OVERLOADED', `${whatOf(target, method)} was not sent: ${target.waiting} calls wait for it already`, false)
  }

  /**
   * Handles a call that is larger than a message.
   * @throws RemoteCallError if it exceeds the maximum size
   */
  #takeOut(call: PendingCall, batch: RequestBatch): void {
    const alone = batch.takeOut(call)
    if (alone.length > this.#maxMessageBytes) throw tooLarge(call.what, alone.length, this.#maxMessageBytes)
    call.large = alone
  }
}
