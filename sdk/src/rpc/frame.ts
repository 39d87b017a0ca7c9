/**
 * What a message of a unary call looks like, behind the head of the codec (codec/layout.ts). NATS headers would cost a third of the throughput.
 *
 *     request   u8 version, u8 kind=1, u32 call, u16 method, u32 time left in ms (0: none), 8 bytes fingerprint, u8 flags,
 *               [string traceparent], [string tracestate], [uint n, n × (string, string) metadata], string caller component, string caller replica, arguments
 *     cancel    u8 version, u8 kind=2, u32 call, string caller replica
 *     result    u8 version, u8 kind=3, u32 call, bool the method took its time, value
 *     error     u8 version, u8 kind=4, u32 call, error (see error-codec.ts)
 *     failure   u8 version, u8 kind=5, u32 call, string code, string message, bool may have run        a platform failure on the callee's side
 *     batch     u8 version, u8 kind=6, uint n, n × (uint length, request or answer)
 *     ask       u8 version, u8 kind=7, string caller replica, uint n, n × u32 call                        which of them run at your place?
 *     holds     u8 version, u8 kind=8, string replica, uint n, n × u32 call                               these do
 *     here      u8 version, u8 kind=9, string replica                                                     it begins to serve
 *     roster    u8 version, u8 kind=13, string replica, uint n, n × string replica                        whom do you know? (n: 0), and the answer
 *
 * Kinds 10 to 12 carry what is larger than one message: parts.ts. `call` is the caller's number of it and comes back in the answer. A request that cannot be read is answered with number 0; its reply subject tells whose it is.
 */
import { Reader } from '../codec/reader.js'
import type { Writer } from '../codec/writer.js'
import { NO_METADATA } from './context.js'

export const FRAME_VERSION = 1
export const KIND = {
  request: 1,
  cancel: 2,
  result: 3,
  error: 4,
  failure: 5,
  batch: 6,
  ask: 7,
  holds: 8,
  here: 9,
  offer: 10,
  accept: 11,
  part: 12,
  roster: 13,
} as const
export const FINGERPRINT_BYTES = 8

const NO_KEYS: readonly string[] = []
const HAS_TRACE = 1
const HAS_METADATA = 2
const HAS_TRACESTATE = 4

export interface RequestHead {
  /** The caller's number of the call, from 1. */
  readonly call: number
  readonly method: number
  /** 0: none. */
  readonly timeLeftMs: number
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
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
  w.u32(head.call)
  w.u16(head.method)
  w.u32(head.timeLeftMs)
  w.raw(fingerprint)
  const { metadata, traceparent, tracestate, caller } = head
  const keys = metadata === NO_METADATA ? NO_KEYS : Object.keys(metadata)
  w.u8(
    (traceparent === undefined ? 0 : HAS_TRACE) | (keys.length === 0 ? 0 : HAS_METADATA) | (tracestate === undefined ? 0 : HAS_TRACESTATE),
  )
  if (traceparent !== undefined) w.string(traceparent)
  if (tracestate !== undefined) w.string(tracestate)
  if (keys.length > 0) {
    w.uint(keys.length)
    for (const key of keys) {
      w.string(key)
      w.string(metadata[key] as string) // one of its own keys
    }
  }
  w.string(caller.component)
  w.string(caller.replica)
}

/** The parts of a request between its number and its arguments. `otherBuild` is the caller's fingerprint where it is not `own`; nothing else may be believed then. */
export function readRequestHead(r: Reader, call: number, own: Uint8Array): RequestHead & { readonly otherBuild: Uint8Array | undefined } {
  const method = r.u16()
  const timeLeftMs = r.u32()
  const otherBuild = r.skip(own) ? undefined : r.raw(FINGERPRINT_BYTES)
  const flags = r.u8()
  const traceparent = (flags & HAS_TRACE) === 0 ? undefined : r.string()
  const tracestate = (flags & HAS_TRACESTATE) === 0 ? undefined : r.string()
  let metadata: Record<string, string> | undefined
  if ((flags & HAS_METADATA) !== 0) {
    metadata = {}
    for (let left = r.uint(); left > 0; left--) metadata[r.string()] = r.string()
  }
  const caller = { component: r.string(), replica: r.string() }
  return { call, method, timeLeftMs, traceparent, tracestate, metadata: metadata ?? NO_METADATA, caller, otherBuild }
}

/** The numbers of calls, behind the name of a replica: `ask` and `holds`. */
export function writeCalls(w: Writer, kind: number, of: { readonly replica: string; readonly calls: readonly number[] }): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(kind)
  w.string(of.replica)
  w.uint(of.calls.length)
  for (const call of of.calls) w.u32(call)
  return w.finish()
}

/** Behind the kind. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readCalls(r: Reader): { readonly replica: string; readonly calls: readonly number[] } {
  const replica = r.string()
  const calls: number[] = []
  for (let left = r.uint(); left > 0; left--) calls.push(r.u32())
  return { replica, calls }
}

/** Names of replicas, behind the name of one: `roster`. */
export function writeNames(w: Writer, kind: number, of: { readonly replica: string; readonly names: readonly string[] }): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(kind)
  w.string(of.replica)
  w.uint(of.names.length)
  for (const name of of.names) w.string(name)
  return w.finish()
}

/** Behind the kind. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readNames(r: Reader): { readonly replica: string; readonly names: readonly string[] } {
  const replica = r.string()
  const names: string[] = []
  for (let left = r.uint(); left > 0; left--) names.push(r.string())
  return { replica, names }
}

/** One message of several; each frame alone is whole. */
export function writeBatch(w: Writer, frames: readonly Uint8Array[]): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(KIND.batch)
  w.uint(frames.length)
  for (const frame of frames) w.bytes(frame)
  return w.finish()
}

/** The frames of a batch, behind its kind. @throws WeaverError `WEAVER_CODEC_INVALID` where it is cut short; what was whole came before. */
export function* readBatch(r: Reader): Generator<Uint8Array, void, undefined> {
  for (let left = r.uint(); left > 0; left--) yield r.view(r.uint())
}

/** @returns the kind, or 0 for bytes that are no frame of this version; the reader stands behind the kind. */
export function readKind(bytes: Uint8Array): { readonly kind: number; readonly reader: Reader } {
  const reader = new Reader(bytes)
  return { kind: reader.left >= 2 && reader.u8() === FRAME_VERSION ? reader.u8() : 0, reader }
}
