/** What comes back to a caller: answers, one in a message or many, and the broker's word that nobody listens. Each finds its call by its number. */
import type { Reader } from '../codec/reader.js'
import { kindOf, KIND, readKind } from './frame.js'
import { Assembly, readPart } from './parts.js'
import type { PendingCall } from './pending-call.js'
import type { PendingCalls } from './pending-calls.js'
import { processNow } from './process-clock.js'
import { failure, RemoteCallError, type RemoteCallCode } from './remote-call-error.js'
import type { IncomingMessage } from './transport.js'

export interface AnswerReaderOptions {
  readonly pending: PendingCalls
  readonly maxMessageBytes: number
  /** A replica takes the request that comes in parts. */
  readonly onAccept: (call: PendingCall, replica: string) => void
}

export class AnswerReader {
  readonly #options: AnswerReaderOptions

  constructor(options: AnswerReaderOptions) {
    this.#options = options
  }

  onMessage(message: IncomingMessage): void {
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
    if (call === undefined) return // answered too late: its caller has gone
    // The callee ends at the same moment; what it makes of that is no answer any more.
    if (call.deadline <= from.now) return pending.expire(call)
    if (kind === KIND.accept) return this.#options.onAccept(call, reader.string())
    if (kind === KIND.part) return this.#onPart(call, reader, from)
    if (!pending.take(call, true)) return
    call.target.stats[call.attempt.method]?.bytes(call.bytes, reader.size)
    call.resolve({ kind, reader })
  }

  #onPart(call: PendingCall, reader: Reader, from: { readonly message: IncomingMessage; readonly now: number }): void {
    const { maxMessageBytes, pending } = this.#options
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
      if (!pending.take(call, false)) return
      // What parts.ts throws knows no method; an error of the codec is its own.
      call.reject(
        error instanceof RemoteCallError ? failure(error.code as RemoteCallCode, `${call.what}: ${error.message}`, true) : (error as Error),
      )
    }
  }

  #onNoResponders(subject: string): void {
    const { pending } = this.#options
    for (const call of pending.ofReply(subject))
      if (pending.take(call, call.large === undefined))
        call.reject(failure('WEAVER_RPC_UNAVAILABLE', `${call.what}: no replica of it is up`, false))
  }

  /** Number 0: the callee, or we here, could not read whose it is. */
  #onUnreadable(kind: number, message: IncomingMessage): void {
    const { pending } = this.#options
    for (const call of pending.ofReply(message.subject)) {
      if (!pending.take(call, true)) continue
      const { reader } = readKind(message.data) // each has its own
      if (kind !== 0 && reader.left >= 4) reader.u32()
      call.resolve({ kind, reader })
    }
  }
}
