/**
 * What a message of an RPC looks like. The head is fixed and binary; NATS headers would cost a third of the throughput.
 *
 *     request   u8 version, u8 kind=1, u16 method, u32 time left in ms (0: none), 8 bytes fingerprint, u8 flags,
 *               [string traceparent], [string tracestate], [uint n, n × (string, string) metadata], string caller component, string caller replica, arguments
 *     cancel    u8 version, u8 kind=2, string reply subject of the call
 *     result    u8 version, u8 kind=3, value
 *     error     u8 version, u8 kind=4, error (see error-codec.ts)
 *     failure   u8 version, u8 kind=5, string code, string message, bool may have run        a platform failure on the callee's side
 *
 * Kinds from 16 on belong to streams: stream-frame.ts.
 *
 * The reply subject of a request is its own: an answer, or the broker's "no responders", is told apart by it.
 */
import { Reader } from '../codec/reader.js'
import type { Writer } from '../codec/writer.js'

export const FRAME_VERSION = 1
export const KIND = { request: 1, cancel: 2, result: 3, error: 4, failure: 5 } as const
export const FINGERPRINT_BYTES = 8

const HAS_TRACE = 1
const HAS_METADATA = 2
const HAS_TRACESTATE = 4

export interface RequestHead {
  readonly method: number
  /** 0: none. */
  readonly timeLeftMs: number
  readonly traceparent?: string
  readonly tracestate?: string
  readonly metadata: Readonly<Record<string, string>>
  readonly caller: { readonly component: string; readonly replica: string }
}

/** The first bytes of the build's fingerprint, as they stand in a frame. */
export function fingerprintPrefix(fingerprint: string): Uint8Array {
  return new Uint8Array(Buffer.from(fingerprint.padEnd(FINGERPRINT_BYTES * 2, '0').slice(0, FINGERPRINT_BYTES * 2), 'hex'))
}

export function writeRequestHead(w: Writer, head: RequestHead, fingerprint: Uint8Array): void {
  w.u8(FRAME_VERSION)
  w.u8(KIND.request)
  w.u16(head.method)
  w.u32(head.timeLeftMs)
  w.raw(fingerprint)
  const metadata = Object.entries(head.metadata)
  w.u8(
    (head.traceparent === undefined ? 0 : HAS_TRACE) |
      (metadata.length === 0 ? 0 : HAS_METADATA) |
      (head.tracestate === undefined ? 0 : HAS_TRACESTATE),
  )
  if (head.traceparent !== undefined) w.string(head.traceparent)
  if (head.tracestate !== undefined) w.string(head.tracestate)
  if (metadata.length > 0) {
    w.uint(metadata.length)
    for (const [key, value] of metadata) {
      w.string(key)
      w.string(value)
    }
  }
  w.string(head.caller.component)
  w.string(head.caller.replica)
}

/** The parts of a request before its arguments; `fingerprint` is compared before anything else is believed. */
export function readRequestHead(r: Reader): RequestHead & { readonly fingerprint: Uint8Array } {
  const method = r.u16()
  const timeLeftMs = r.u32()
  const fingerprint = r.raw(FINGERPRINT_BYTES)
  const flags = r.u8()
  const traceparent = (flags & HAS_TRACE) === 0 ? undefined : r.string()
  const tracestate = (flags & HAS_TRACESTATE) === 0 ? undefined : r.string()
  const metadata: Record<string, string> = {}
  if ((flags & HAS_METADATA) !== 0) for (let left = r.uint(); left > 0; left--) metadata[r.string()] = r.string()
  const caller = { component: r.string(), replica: r.string() }
  return {
    method,
    timeLeftMs,
    fingerprint,
    metadata,
    caller,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
  }
}

/** @returns the kind, or 0 for bytes that are no frame of this version; the reader stands behind the kind. */
export function readKind(bytes: Uint8Array): { readonly kind: number; readonly reader: Reader } {
  const reader = new Reader(bytes)
  return { kind: reader.left >= 2 && reader.u8() === FRAME_VERSION ? reader.u8() : 0, reader }
}
