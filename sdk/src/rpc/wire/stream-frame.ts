/**
 * The messages of streaming calls: methods that return an `AsyncIterable` or take one. `open` goes
 * to the subject of the component, where one replica of the queue group gets it; from then on each
 * side writes to the other's endpoint, a subject of its inbox, so that the call stays with that
 * replica.
 *
 *     open      u8 version, u8 kind=16, 8 bytes fingerprint, uint call id of the caller, string endpoint of the caller, u16 method, u32 time left in ms (0: none),
 *               string traceparent (empty: none), string tracestate (empty: none), uint n, n × (string, string) metadata, string caller component, string caller replica, arguments
 *     accepted  u8 version, u8 kind=17, uint call id, string endpoint of the callee, uint call id of the callee
 *     items     u8 version, u8 kind=18, uint call id, uint number of the first item, uint n, n × (u32 length, item)
 *     part      u8 version, u8 kind=25, uint call id, bytes         the next piece of an item that is larger than a message; its last piece comes as an item
 *     end       u8 version, u8 kind=19, uint call id                              no more items from here
 *     error     u8 version, u8 kind=20, uint call id, error                       the producer threw (error-codec.ts)
 *     failure   u8 version, u8 kind=21, uint call id, string code, string message, bool may have run
 *     credit    u8 version, u8 kind=22, uint call id, uint credits                items that the consumer took (stream-window.ts)
 *     cancel    u8 version, u8 kind=23, uint call id      from the caller: the whole call is over; from the callee: it wants no more of its argument
 *     ping      u8 version, u8 kind=24, string endpoint of the sender             "I am there": one for all calls between two endpoints
 *
 * An `open` that is larger than a message goes in parts (parts.ts): it is offered with the reply
 * subject of the `open`, where `accept` and `failure` come to.
 *
 * A call id is the receiver's own. `items`, `end` and `error` speak of what their sender produces,
 * `credit` of what it consumes, so that both directions of one call share an id. `end`, `error` and
 * `failure` from the callee end the call. Frames of one call arrive in the order of sending: each
 * side has one connection. A request that is refused is answered on the reply subject of its
 * `open`, with call id 0.
 */
import { HEAD_BYTES } from '../../codec/layout.js'
import type { Reader } from '../../codec/reader.js'
import type { Writer } from '../../codec/writer.js'
import { FINGERPRINT_BYTES, FRAME_VERSION } from './frame.js'

export const STREAM_KIND = {
  open: 16,
  accepted: 17,
  items: 18,
  end: 19,
  error: 20,
  failure: 21,
  credit: 22,
  cancel: 23,
  ping: 24,
  part: 25,
} as const
export type StreamKind = (typeof STREAM_KIND)[keyof typeof STREAM_KIND]

export interface OpenHead {
  readonly callId: number
  readonly endpoint: string
  readonly method: number
  /** 0: none. */
  readonly timeLeftMs: number
  readonly traceparent?: string
  readonly tracestate?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly caller: { readonly component: string; readonly replica: string }
}

export function writeOpenHead(w: Writer, head: OpenHead, fingerprint: Uint8Array): void {
  w.u8(FRAME_VERSION)
  w.u8(STREAM_KIND.open)
  w.raw(fingerprint)
  w.uint(head.callId)
  w.string(head.endpoint)
  w.u16(head.method)
  w.u32(head.timeLeftMs)
  w.string(head.traceparent ?? '')
  w.string(head.tracestate ?? '')
  const metadata = Object.entries(head.metadata)
  w.uint(metadata.length)
  for (const [key, value] of metadata) {
    w.string(key)
    w.string(value)
  }
  w.string(head.caller.component)
  w.string(head.caller.replica)
}

/** Whether a message to a component opens a streaming call; any other is a unary request. */
export function isOpenFrame(bytes: Uint8Array): boolean {
  return bytes[HEAD_BYTES] === FRAME_VERSION && bytes[HEAD_BYTES + 1] === STREAM_KIND.open
}

/** The fingerprint comes first, and is compared before anything after it is trusted. */
export function readFingerprint(r: Reader): Uint8Array {
  return r.raw(FINGERPRINT_BYTES)
}

/** The part between the fingerprint and the arguments. */
export function readOpenHead(r: Reader): OpenHead {
  const callId = r.uint()
  const endpoint = r.string()
  const method = r.u16()
  const timeLeftMs = r.u32()
  const traceparent = r.string()
  const tracestate = r.string()
  const metadata: Record<string, string> = {}
  for (let left = r.uint(); left > 0; left--) metadata[r.string()] = r.string()
  const caller = { component: r.string(), replica: r.string() }
  return {
    callId,
    endpoint,
    method,
    timeLeftMs,
    metadata,
    caller,
    ...(traceparent === '' ? {} : { traceparent }),
    ...(tracestate === '' ? {} : { tracestate }),
  }
}

/** Writes the head of a frame to an endpoint. */
export function writeStreamHead(w: Writer, kind: StreamKind, callId: number): void {
  w.u8(FRAME_VERSION)
  w.u8(kind)
  w.uint(callId)
}

/** Writes the body of an `items` frame. */
export function writeItems(w: Writer, first: number, items: readonly Uint8Array[]): void {
  w.uint(first)
  w.uint(items.length)
  for (const item of items) {
    w.u32(item.length)
    w.raw(item)
  }
}
