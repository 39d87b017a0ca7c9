/**
 * Reads what comes back to a caller: answers, one or several in a message, and the broker's "no
 * responders". Each finds its call by its number.
 */
import type { Reader } from '../../codec/reader.js'
import { reasonOf } from '../../contract/errors.js'
import type { DamagedFrames } from '../wire/damaged-frames.js'
import { kindOf, KIND, readKind } from '../wire/frame.js'
import { Assembly, readPart } from '../wire/parts.js'
import type { PendingCall } from './pending-call.js'
import type { PendingCalls } from './pending-calls.js'
import type { RequestSender } from './request-sender.js'
import { processNow } from '../../context/process-clock.js'
import { failure, RemoteCallError, type RemoteCallCode } from '../../errors/remote-call-error.js'
import type { IncomingMessage } from '../transport/transport.js'

export interface AnswerReaderOptions {
  readonly pending: PendingCalls
  readonly maxMessageBytes: number
  readonly damaged: DamagedFrames
  /** Sends the parts of a request that a replica has accepted. */
  readonly sender: RequestSender
}

export class AnswerReader {
  readonly #options: AnswerReaderOptions

  constructor(options: AnswerReaderOptions) {
    this.#options = options
  }

  onMessage(message: IncomingMessage): void {
    try {
      this.#onMessage(message)
    } catch (cause) {
      this.#onDamaged(message, cause)
    }
  }

  #onMessage(message: IncomingMessage): void {
    const { data } = message
    if (data.length === 0 && message.isNoResponders) return this.#onNoResponders(message.subject)
    const { kind, reader } = readKind(data)
    const now = processNow()
    if (kind !== KIND.batch) return this.#onFrame(kind, reader, { message, now })
    const from = { message, now }
    while (reader.left > 0) {
      const answer = reader.part()
      this.#onFrame(kindOf(answer), answer, from)
    }
  }

  #onFrame(kind: number, reader: Reader, from: { readonly message: IncomingMessage; readonly now: number }): void {
    const { pending } = this.#options
    const id = kind !== 0 && reader.left >= 4 ? reader.u32() : 0
    if (id === 0) return this.#onUnreadable(kind, from.message)
    const call = pending.get(id)
    if (call === undefined) return // too late: its caller has gone
    // The callee's time ends at the same moment; what it then sends is not an answer any more.
    if (call.deadline <= from.now) return pending.expire(call)
    if (kind === KIND.accept) return void this.#options.sender.onAccepted(call, reader.string())
    if (kind === KIND.part) return this.#onPart(call, reader, from)
    if (!pending.take(call, true)) return
    call.target.stats[call.attempt.method]?.bytes(call.bytes, reader.size)
    call.resolve({ kind, reader })
  }

  #onPart(call: PendingCall, reader: Reader, from: { readonly message: IncomingMessage; readonly now: number }): void {
    const { damaged, maxMessageBytes, pending } = this.#options
    try {
      const part = readPart(reader)
      if (part.total > maxMessageBytes)
        throw failure('WEAVER_RPC_TOO_LARGE', `the answer takes ${part.total} bytes, ${maxMessageBytes} are allowed`, true)
      call.answer ??= new Assembly(part.total)
      const whole = call.answer.add(part)
      if (whole === undefined) return
      const { kind, reader: answer } = readKind(whole)
      if (kind === KIND.part) throw failure('WEAVER_RPC_PROTOCOL', 'the answer is made of parts of parts', true)
      this.#onFrame(kind, answer, from)
    } catch (error) {
      // Errors of parts.ts do not know the method.
      const code = error instanceof RemoteCallError ? (error.code as RemoteCallCode) : 'WEAVER_RPC_PROTOCOL'
      const reason = reasonOf(error)
      if (code === 'WEAVER_RPC_PROTOCOL') damaged.add({ reason })
      if (pending.take(call, false)) call.reject(failure(code, `${call.what}: ${reason}`, true))
    }
  }

  #onNoResponders(subject: string): void {
    const { pending } = this.#options
    for (const call of pending.ofReply(subject))
      if (pending.take(call, call.large === undefined))
        call.reject(failure('WEAVER_RPC_UNAVAILABLE', `${call.what}: no replica of it is up`, false))
  }

  /** Calls answered before the damage keep their answers. */
  #onDamaged({ subject }: IncomingMessage, cause: unknown): void {
    const { damaged, pending } = this.#options
    const reason = reasonOf(cause)
    damaged.add({ reason })
    for (const call of pending.ofReply(subject)) {
      const message = `${call.what}: the answer cannot be decoded: ${reason}`
      if (pending.take(call, false)) call.reject(new RemoteCallError('WEAVER_RPC_PROTOCOL', message, { mayHaveRun: true, cause }))
    }
  }

  /** Number 0: the callee, or this side, could not read whose it is. */
  #onUnreadable(kind: number, message: IncomingMessage): void {
    const { damaged, pending } = this.#options
    const calls = pending.ofReply(message.subject)
    if (calls.length === 0) damaged.add({ reason: 'it answers no call that waits' }) // for others, decodeAnswer reports what it is
    for (const call of calls) {
      if (!pending.take(call, true)) continue
      const { reader } = readKind(message.data) // each has its own reader
      if (kind !== 0 && reader.left >= 4) reader.u32()
      call.resolve({ kind, reader })
    }
  }
}
