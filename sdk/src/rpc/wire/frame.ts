/**
 * What a message of a unary call looks like, behind the head of the codec (codec/layout.ts). NATS
 * headers would cost a third of the throughput.
 *
 *     requests  u8 version, u8 kind=1, 8 bytes fingerprint, uint length, caller (its component, a line feed, its replica, as UTF-8), parts to the end, each a call:
 *               u32 call (0: given up before it was sent), u16 method, u32 time left in ms (0: none), u8 flags,
 *               [string traceparent], [string tracestate], [uint n, n × (string, string) metadata], arguments
 *     cancel    u8 version, u8 kind=2, u32 call, string caller replica
 *     result    u8 version, u8 kind=3, u32 call, bool the method took its time, value
 *     error     u8 version, u8 kind=4, u32 call, error (see error-codec.ts)
 *     failure   u8 version, u8 kind=5, u32 call, string code, string message, bool may have run        a platform failure on the callee's side
 *     batch     u8 version, u8 kind=6, parts to the end, each an answer as above
 *     ask       u8 version, u8 kind=7, string caller replica, uint n, n × u32 call                        which of them run at your place?
 *     holds     u8 version, u8 kind=8, string replica, uint n, n × u32 call                               these do
 *     here      u8 version, u8 kind=9, string replica                                                     it begins to serve
 *     roster    u8 version, u8 kind=13, string replica, uint n, n × string replica                        whom do you know? (n: 0), and the answer
 *     left      u8 version, u8 kind=14, string replica                                                    it has answered its last call
 *
 * Kinds 10 to 12 carry what is larger than one message: parts.ts. `call` is the caller's number of
 * it and comes back in the answer. A request that cannot be read is answered with number 0; its
 * reply subject tells whose it is.
 */
import { HEAD_BYTES } from '../../codec/layout.js'
import { Reader } from '../../codec/reader.js'
import { Writer } from '../../codec/writer.js'
import { NO_METADATA, type Caller } from '../../context/context.js'

export const FRAME_VERSION = 1
export const KIND = {
  requests: 1,
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
  left: 14,
} as const
export const FINGERPRINT_BYTES = 8

const NO_KEYS: readonly string[] = []
const HAS_TRACE = 1
const HAS_METADATA = 2
const HAS_TRACESTATE = 4

export interface CallHead {
  /** The caller's number of the call, from 1. */
  readonly call: number
  readonly method: number
  /** 0: none. */
  readonly timeLeftMs: number
  readonly traceparent?: string | undefined
  readonly tracestate?: string | undefined
  readonly metadata: Readonly<Record<string, string>>
}

/** The first bytes of the build's fingerprint, as in a frame. */
export function fingerprintPrefix(fingerprint: string): Uint8Array {
  return new Uint8Array(Buffer.from(fingerprint.padEnd(FINGERPRINT_BYTES * 2, '0').slice(0, FINGERPRINT_BYTES * 2), 'hex'))
}

/**
 * The beginning of every message of requests out of one component: created once, and copied into
 * each.
 */
export function requestsPrefix(fingerprint: Uint8Array, { component, replica }: Caller): Uint8Array {
  const caller = Buffer.from(`${component}\n${replica}`)
  const w = new Writer()
  w.u8(FRAME_VERSION)
  w.u8(KIND.requests)
  w.raw(fingerprint)
  w.bytes(caller)
  return w.finish().slice(HEAD_BYTES)
}

/**
 * Read after the kind. `otherBuild` is the caller's fingerprint if it is not `own`; then nothing
 * after the caller is reliable.
 */
export function readFingerprint(r: Reader, own: Uint8Array): { readonly otherBuild: Uint8Array | undefined } {
  return { otherBuild: r.skip(own) ? undefined : r.raw(FINGERPRINT_BYTES) }
}

/** Parses the bytes that identify the caller. */
export function parseCaller(bytes: Uint8Array): Caller {
  const [component = '', replica = ''] = Buffer.from(bytes).toString('utf8').split('\n')
  return { component, replica }
}

/** Writes the beginning of a call; its arguments follow. */
export function writeCallHead(w: Writer, { call, method, timeLeftMs, metadata, traceparent, tracestate }: CallHead): void {
  w.u32(call)
  w.u16(method)
  w.u32(timeLeftMs)
  const keys = metadata === NO_METADATA ? NO_KEYS : Object.keys(metadata)
  w.u8(
    (traceparent === undefined ? 0 : HAS_TRACE) | (keys.length === 0 ? 0 : HAS_METADATA) | (tracestate === undefined ? 0 : HAS_TRACESTATE),
  )
  if (traceparent !== undefined) w.string(traceparent)
  if (tracestate !== undefined) w.string(tracestate)
  if (keys.length === 0) return
  w.uint(keys.length)
  for (const key of keys) {
    w.string(key)
    w.string(metadata[key] as string) // one of its own keys
  }
}

/** Read after the number of the call. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readCallHead(r: Reader, call: number): CallHead {
  const method = r.u16()
  const timeLeftMs = r.u32()
  const flags = r.u8()
  if (flags === 0) return { call, method, timeLeftMs, traceparent: undefined, tracestate: undefined, metadata: NO_METADATA }
  const traceparent = (flags & HAS_TRACE) === 0 ? undefined : r.string()
  const tracestate = (flags & HAS_TRACESTATE) === 0 ? undefined : r.string()
  if ((flags & HAS_METADATA) === 0) return { call, method, timeLeftMs, traceparent, tracestate, metadata: NO_METADATA }
  const metadata: Record<string, string> = {}
  for (let left = r.uint(); left > 0; left--) metadata[r.string()] = r.string()
  return { call, method, timeLeftMs, traceparent, tracestate, metadata }
}

/** Numbers of calls, after the name of a replica: `ask` and `holds`. */
export function writeCalls(w: Writer, kind: number, of: { readonly replica: string; readonly calls: readonly number[] }): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(kind)
  w.string(of.replica)
  w.uint(of.calls.length)
  for (const call of of.calls) w.u32(call)
  return w.finish()
}

/** Read after the kind. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readCalls(r: Reader): { readonly replica: string; readonly calls: readonly number[] } {
  const replica = r.string()
  const calls: number[] = []
  for (let left = r.uint(); left > 0; left--) calls.push(r.u32())
  return { replica, calls }
}

/** Names of replicas, after the name of one: `roster`. */
export function writeNames(w: Writer, kind: number, of: { readonly replica: string; readonly names: readonly string[] }): Uint8Array {
  w.u8(FRAME_VERSION)
  w.u8(kind)
  w.string(of.replica)
  w.uint(of.names.length)
  for (const name of of.names) w.string(name)
  return w.finish()
}

/** Read after the kind. @throws WeaverError `WEAVER_CODEC_INVALID` */
export function readNames(r: Reader): { readonly replica: string; readonly names: readonly string[] } {
  const replica = r.string()
  const names: string[] = []
  for (let left = r.uint(); left > 0; left--) names.push(r.string())
  return { replica, names }
}

/**
 * @returns the kind, or 0 for bytes that are not a frame of this version; the reader is positioned
 * after the kind
 */
export function readKind(bytes: Uint8Array): { readonly kind: number; readonly reader: Reader } {
  const reader = new Reader(bytes)
  return { kind: kindOf(reader), reader }
}

/** Like {@link readKind}, for a message that is being read. */
export function kindOf(reader: Reader): number {
  return reader.left >= 2 && reader.u8() === FRAME_VERSION ? reader.u8() : 0
}
