/**
 * Requests and answers that are larger than the broker takes go in parts. An answer goes to its
 * caller's own subject as it is. A request is announced first (`offer`): the queue group gives that
 * to one replica, which says who it is (`accept`) and gets the parts under its own name.
 *
 *     offer    u8 version, u8 kind=10, u32 call, 8 bytes fingerprint, uint bytes, string caller replica
 *     accept   u8 version, u8 kind=11, u32 call, string replica
 *     part     u8 version, u8 kind=12, u32 call, string sender, uint offset, uint bytes of the whole, uint length, bytes
 *
 * I1  Parts come in their order: all of them by one connection, to one. One that does not fit ends
 *     the whole; where one is missing, it was lost on the way.
 * I2  What is promised to callers is bounded; a whole that does not go on is forgotten.
 */
import type { Reader } from '../../codec/reader.js'
import type { Writer } from '../../codec/writer.js'
import { FINGERPRINT_BYTES, FRAME_VERSION, KIND } from './frame.js'
import { processNow } from '../../context/process-clock.js'
import { failure, type RemoteCallError } from '../../errors/remote-call-error.js'

/** Maximum size of a request or answer, in bytes, by default. */
export const DEFAULT_MAX_MESSAGE_BYTES: number = 16 * 2 ** 20
/** Small calls of the same connection can pass between the parts. */
const PART_BYTES = 131_072
/** More than the head of a part takes. */
const HEAD_ROOM = 1_024
/** Number of parts sent before others have their turn. */
const PARTS_AT_ONCE = 4
const IDLE_MS = 10_000

function partBytes(maxPayloadBytes: number): number {
  return Math.max(1, Math.min(PART_BYTES, maxPayloadBytes - HEAD_ROOM))
}

export interface Offer {
  /** Replica of the caller. */
  readonly caller: string
  /** Size of the request in bytes. */
  readonly total: number
  /** The caller's fingerprint, if it is not ours. */
  readonly otherBuild: Uint8Array | undefined
}

export function writeOffer(
  w: Writer,
  of: { readonly call: number; readonly fingerprint: Uint8Array; readonly total: number; readonly caller: string },
): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(KIND.offer)
  w.u32(of.call)
  w.raw(of.fingerprint)
  w.uint(of.total)
  w.string(of.caller)
  return w.finish()
}

/** The error for arguments that exceed the maximum size; they were not sent. */
export function tooLarge(what: string, bytes: number, maxBytes: number): RemoteCallError {
  return failure(
    'WEAVER_RPC_TOO_LARGE',
    `${what}: the arguments take ${bytes} bytes, ${maxBytes} are allowed; send less, or raise maxMessageBytes of run()`,
    false,
  )
}

/** Read after the number of the call. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readOffer(r: Reader, own: Uint8Array): Offer {
  const otherBuild = r.skip(own) ? undefined : r.raw(FINGERPRINT_BYTES)
  return { otherBuild, total: r.uint(), caller: r.string() }
}

export interface Whole {
  readonly call: number
  /** Replica of the sender. */
  readonly sender: string
  readonly bytes: Uint8Array
  readonly maxPayloadBytes: number
}

/** Sends the parts, with pauses for others; stops when `isWanted` returns false. */
export async function sendParts(
  whole: Whole,
  to: { readonly writer: Writer; publish(part: Uint8Array): void; isWanted(): boolean },
): Promise<void> {
  const { bytes } = whole
  const size = partBytes(whole.maxPayloadBytes)
  for (let offset = 0, sent = 0; offset < bytes.length; offset += size) {
    if (!to.isWanted()) return
    to.publish(writePart(to.writer, whole, { offset, piece: bytes.subarray(offset, offset + size) }))
    if (++sent % PARTS_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve))
  }
}

function writePart(w: Writer, { call, sender, bytes }: Whole, of: { readonly offset: number; readonly piece: Uint8Array }): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(KIND.part)
  w.u32(call)
  w.string(sender)
  w.uint(of.offset)
  w.uint(bytes.length)
  w.bytes(of.piece)
  return w.finish()
}

export interface Part {
  readonly sender: string
  readonly offset: number
  readonly total: number
  readonly piece: Uint8Array
}

/** Read after the number of the call. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readPart(r: Reader): Part {
  return { sender: r.string(), offset: r.uint(), total: r.uint(), piece: r.view(r.uint()) }
}

/** Assembles the parts of one message. */
export class Assembly {
  readonly #bytes: Uint8Array
  #received = 0

  constructor(total: number) {
    this.#bytes = new Uint8Array(total)
  }

  get total(): number {
    return this.#bytes.length
  }

  /**
   * @returns the whole message after its last part
   * @throws RemoteCallError `WEAVER_RPC_PEER_LOST`, `WEAVER_RPC_PROTOCOL`: I1
   */
  add({ offset, total, piece }: Part): Uint8Array | undefined {
    if (total === this.total && offset > this.#received && piece.length <= total - offset)
      throw failure('WEAVER_RPC_PEER_LOST', `bytes ${this.#received} to ${offset} of ${total} were lost on the way`, true)
    if (total !== this.total || offset !== this.#received || piece.length === 0 || piece.length > total - offset)
      throw failure('WEAVER_RPC_PROTOCOL', `part ${offset} of ${total} bytes does not follow on ${this.#received} of ${this.total}`, true)
    this.#bytes.set(piece, offset)
    this.#received += piece.length
    return this.#received === total ? this.#bytes : undefined
  }
}

/** Requests that arrive in parts: I2. */
export class LargeRequests {
  readonly #assemblies = new Map<string, { readonly assembly: Assembly; until: number }>()
  readonly #maxBytes: number
  #bytes = 0
  #timer: NodeJS.Timeout | undefined

  /** @param maxBytes of all requests in progress */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * @param caller replica of the caller
   * @returns whether there is room
   */
  offer(caller: string, call: number, total: number): boolean {
    if (this.#bytes + total > this.#maxBytes) return false
    this.#forget(keyOf(caller, call))
    this.#assemblies.set(keyOf(caller, call), { assembly: new Assembly(total), until: processNow() + IDLE_MS })
    this.#bytes += total
    this.#timer ??= setInterval(() => this.#sweep(), 1_000)
    this.#timer.unref()
    return true
  }

  has(caller: string, call: number): boolean {
    return this.#assemblies.has(keyOf(caller, call))
  }

  /**
   * @returns the whole request after its last part
   * @throws RemoteCallError `WEAVER_RPC_PEER_LOST`: some of it was lost; `WEAVER_RPC_PROTOCOL`: a
   * part does not fit
   */
  add(call: number, part: Part): Uint8Array | undefined {
    const key = keyOf(part.sender, call)
    const found = this.#assemblies.get(key)
    if (found === undefined) throw failure('WEAVER_RPC_PEER_LOST', 'the parts that came before were lost or forgotten', false)
    found.until = processNow() + IDLE_MS
    let whole: Uint8Array | undefined
    try {
      whole = found.assembly.add(part)
    } catch (error) {
      this.#forget(key)
      throw error
    }
    if (whole !== undefined) this.#forget(key)
    return whole
  }

  /** Drops all: the connection was lost, and parts with it. */
  clear(): void {
    for (const key of this.#assemblies.keys()) this.#forget(key) // a map may shrink under its iterator
  }

  #forget(key: string): void {
    const found = this.#assemblies.get(key)
    if (found === undefined) return
    this.#assemblies.delete(key)
    this.#bytes -= found.assembly.total
    if (this.#assemblies.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #sweep(): void {
    const now = processNow()
    for (const [key, { until }] of this.#assemblies) if (until <= now) this.#forget(key)
  }
}

function keyOf(caller: string, call: number): string {
  return `${call} ${caller}`
}
