/**
 * Sends answers. Answers of one tick to the calls of one message are sent as one message, into
 * which they are written directly; an answer larger than a message is sent in parts.
 *
 * I1  A frame that was begun is finished, or none of it remains.
 */
import { codecError } from '../../codec/codec-error.js'
import { whyRefused } from '../../codec/find-refused.js'
import { Writer } from '../../codec/writer.js'
import { reasonOf } from '../../contract/errors.js'
import type { Logger } from '../../telemetry/logger.js'
import { writeError } from '../../codec/error-codec.js'
import { FRAME_VERSION, KIND } from '../wire/frame.js'
import { sendParts } from '../wire/parts.js'
import { processNow } from '../../context/process-clock.js'
import type { RemoteCallCode } from '../../errors/remote-call-error.js'
import type { Addressee, RunningCall } from './running-calls.js'
import { atTickEnd } from '../../context/tick-end.js'
import type { Transport } from '../transport/transport.js'

const BATCH_BYTES = 65_536
/** Room for what surrounds one answer in a message of just the maximum size. */
const HEAD_ROOM = 64
/**
 * A call was slow if it was not answered within this time of its message, plus more for each of the
 * message's calls: its caller then does not batch calls of the method.
 */
const SLOW_MS = { message: 2, call: 0.2 } as const

export interface AnswerWriterOptions {
  readonly transport: Transport
  readonly replica: string
  readonly log: Logger
  readonly maxMessageBytes: number
  /** Called when a call has been answered completely. */
  readonly onOver: (call: RunningCall) => void
}

export class AnswerWriter {
  readonly #options: AnswerWriterOptions
  readonly #writer = new Writer()
  /** Answers of this tick to one message. */
  readonly #batch = new Writer(BATCH_BYTES)
  #batchReply = ''
  #batchCount = 0
  readonly #onTickEnd = (): void => this.#flush()

  constructor(options: AnswerWriterOptions) {
    this.#options = options
  }

  /**
   * @throws WeaverError `WEAVER_CODEC_INVALID`: it cannot be sent; the call waits for another
   * answer
   */
  result(call: RunningCall, result: unknown): void {
    const { delivery, id, binding } = call
    const limitMs = SLOW_MS.message + SLOW_MS.call * delivery.count
    const w = this.#begin(call)
    try {
      w.u8(FRAME_VERSION)
      w.u8(KIND.result)
      w.u32(id)
      w.bool(processNow() - delivery.at >= limitMs)
      binding.encodeResult(w, result)
    } catch (cause) {
      this.#drop(call)
      const why = whyRefused((again, value) => binding.encodeResult(again, value), result, cause)
      throw codecError(`${delivery.component.name}.${binding.name}: what it returned cannot be sent: ${why}`, cause)
    }
    this.#end(call, call)
  }

  /** Sends the method's error; if it cannot be sent, at least the fact that there was one. */
  error(call: RunningCall, error: unknown): void {
    const w = this.#begin(call)
    try {
      w.u8(FRAME_VERSION)
      w.u8(KIND.error)
      w.u32(call.id)
      writeError(w, error)
    } catch (why) {
      this.#drop(call)
      this.#failure(call, 'WEAVER_RPC_PROTOCOL', {
        message: `the method failed with an error that cannot be sent: ${reasonOf(why)}`,
        mayHaveRun: true,
      })
      this.#options.onOver(call)
      return
    }
    this.#end(call, call)
  }

  /** Sends a platform failure for a request that is not run. */
  refuse(to: Addressee, code: RemoteCallCode, message: string): void {
    this.#failure(to, code, { message, mayHaveRun: false })
  }

  /** Asks a caller to send its parts. */
  accept(to: Addressee): void {
    const w = this.#begin(to)
    w.u8(FRAME_VERSION)
    w.u8(KIND.accept)
    w.u32(to.id)
    w.string(this.#options.replica)
    this.#end(to, undefined)
  }

  #failure(to: Addressee, code: RemoteCallCode, { message, mayHaveRun }: { readonly message: string; readonly mayHaveRun: boolean }): void {
    const w = this.#begin(to)
    w.u8(FRAME_VERSION)
    w.u8(KIND.failure)
    w.u32(to.id)
    w.string(code)
    w.string(message)
    w.bool(mayHaveRun)
    this.#end(to, undefined)
  }

  /** I1: `#end` or `#drop` must follow. */
  #begin({ reply, isOneOfMany }: Addressee): Writer {
    if (!isOneOfMany) return this.#writer
    const w = this.#batch
    if (reply !== this.#batchReply) this.#flush()
    if (this.#batchCount === 0) {
      this.#batchReply = reply
      w.u8(FRAME_VERSION)
      w.u8(KIND.batch)
    }
    w.openPart()
    return w
  }

  #drop({ isOneOfMany }: Addressee): void {
    if (!isOneOfMany) return this.#writer.reset()
    this.#batch.dropPart()
    if (this.#batchCount === 0) this.#batch.reset()
  }

  /** @param call that ends with this frame, if any */
  #end(to: Addressee, call: RunningCall | undefined): void {
    const { maxMessageBytes, onOver, transport } = this.#options
    const frame = to.isOneOfMany ? this.#endPart() : this.#writer.finish()
    if (frame !== undefined) {
      const size = frame.length
      if (call !== undefined && size > maxMessageBytes)
        this.#failure(call, 'WEAVER_RPC_TOO_LARGE', {
          message: `the answer takes ${size} bytes, ${maxMessageBytes} are allowed; return less, or raise maxMessageBytes of run()`,
          mayHaveRun: true,
        })
      else if (call !== undefined && size > transport.maxPayloadBytes) return void this.#sendLarge(call, frame)
      else this.#publish(to.reply, frame)
    }
    if (call !== undefined) onOver(call)
  }

  /** @returns the written frame if it is too large to be batched */
  #endPart(): Uint8Array | undefined {
    const { maxMessageBytes, transport } = this.#options
    const w = this.#batch
    const size = w.closePart()
    if (w.size > Math.min(BATCH_BYTES, transport.maxPayloadBytes - HEAD_ROOM) || size > maxMessageBytes) {
      const frame = w.takePart(size)
      if (this.#batchCount === 0) w.reset()
      else this.#flush()
      return frame
    }
    if (++this.#batchCount === 1) atTickEnd(this.#onTickEnd)
    return undefined
  }

  #flush(): void {
    if (this.#batchCount === 0) return
    this.#batchCount = 0
    this.#publish(this.#batchReply, this.#batch.finish())
  }

  #publish(reply: string, bytes: Uint8Array): void {
    try {
      this.#options.transport.publish(reply, bytes)
    } catch (error) {
      // The caller's side noticed the same loss of the broker and has already failed the call.
      this.#options.log.warn('an answer could not be sent', { err: error })
    }
  }

  async #sendLarge(call: RunningCall, bytes: Uint8Array): Promise<void> {
    const { log, onOver, replica, transport } = this.#options
    try {
      await sendParts(
        { call: call.id, sender: replica, bytes, maxPayloadBytes: transport.maxPayloadBytes },
        { writer: this.#writer, publish: (part) => transport.publish(call.reply, part), isWanted: () => !call.isAborted },
      )
    } catch (error) {
      // As in #publish.
      log.warn('an answer could not be sent', { err: error })
    }
    onOver(call)
  }
}
