/**
 * Calls of one tick from one component to another, written directly into the message that they
 * share: broker and socket cost per message. A call waits no longer than until the current code has
 * finished.
 *
 * I1  A call that is settled before its message is sent does not run: its number in the message is
 *     erased.
 */
import { codecError } from '../../codec/codec-error.js'
import { whyArgumentsRefused } from '../../codec/find-refused.js'
import { HEAD_BYTES } from '../../codec/layout.js'
import { Writer } from '../../codec/writer.js'
import { writeCallHead } from '../wire/frame.js'
import type { PendingCall } from './pending-call.js'
import { atTickEnd } from '../../context/tick-end.js'

/** A part is its size and itself; the number of its call comes first. */
const NUMBER_AT = 4 + HEAD_BYTES

export interface RequestBatchOptions {
  /** Start of each message: `requestsPrefix`. */
  readonly prefix: Uint8Array
  /** Maximum number of calls per message. */
  readonly maxCalls: number
  /** A message of this size is sent at once. */
  readonly maxBytes: number
  readonly writer?: Writer
  readonly send: (bytes: Uint8Array, calls: readonly PendingCall[]) => void
}

export class RequestBatch {
  readonly #options: RequestBatchOptions
  readonly #onTickEnd = (): void => this.flush()
  #writer: Writer | undefined
  #calls: PendingCall[] = []

  /**
   * @param options its writer, if any, is not used by others between `write` and `add` or
   * `takeOut`, nor while the batch contains calls
   */
  constructor(options: RequestBatchOptions) {
    this.#options = options
    this.#writer = options.writer
  }

  /**
   * Writes a call after the present ones; `add` or `takeOut` must follow.
   * @throws WeaverError `WEAVER_CODEC_INVALID`: its arguments cannot be sent
   */
  write(call: PendingCall, at: number): void {
    // Messages of a busy component are some 50 KiB, for which this slab need not grow. A component
    // that makes no calls has none.
    const w = (this.#writer ??= new Writer(this.#options.maxBytes))
    if (this.#calls.length === 0) w.raw(this.#options.prefix)
    w.openPart()
    call.numberAt = w.size
    const { id, binding, attempt, deadline } = call
    const { metadata, traceparent, tracestate } = attempt.now
    try {
      const timeLeftMs = Math.min(Math.ceil(deadline - at), 0xffffffff)
      writeCallHead(w, { call: id, method: attempt.method, timeLeftMs, metadata, traceparent, tracestate })
      binding.encodeArgs(w, attempt.args)
      call.bytes = w.closePart()
    } catch (cause) {
      w.dropPart()
      if (this.#calls.length === 0) w.reset()
      const why = whyArgumentsRefused((again, args) => binding.encodeArgs(again, args), attempt.args, cause)
      throw codecError(`${call.what} was not sent: its arguments cannot be: ${why}`, cause)
    }
  }

  /** Keeps the written call in the batch. */
  add(call: PendingCall): void {
    const { maxBytes, maxCalls } = this.#options
    const w = this.#writer as Writer // `write` created it
    if (this.#calls.length > 0 && w.size > maxBytes) {
      const part = w.takePart(call.bytes)
      this.flush()
      this.#begin(w, call, part)
    }
    if (this.#calls.push(call) >= maxCalls || w.size >= maxBytes) this.flush()
    else if (this.#calls.length === 1) atTickEnd(this.#onTickEnd)
  }

  /**
   * Removes the written call from the batch.
   * @returns a message with this call only
   */
  takeOut(call: PendingCall): Uint8Array {
    const w = this.#writer as Writer // `write` created it
    const part = w.takePart(call.bytes)
    if (this.#calls.length === 0) w.reset()
    const alone = new Writer(part.length + this.#options.prefix.length + NUMBER_AT * 2)
    this.#begin(alone, call, part)
    return alone.finish()
  }

  /** Sends the batch. */
  flush(): void {
    const calls = this.#calls
    if (calls.length === 0) return
    const w = this.#writer as Writer // `write` created it
    this.#calls = []
    let gone = 0
    for (const call of calls) {
      if (!call.isSettled) continue
      w.overwriteU32(call.numberAt, 0) // I1
      gone++
    }
    if (gone === calls.length) w.reset()
    else this.#options.send(w.finish(), gone === 0 ? calls : calls.filter(({ isSettled }) => !isSettled))
  }

  #begin(w: Writer, call: PendingCall, part: Uint8Array): void {
    w.raw(this.#options.prefix)
    call.numberAt = w.size + NUMBER_AT
    w.part(part)
  }
}
