/** W3C Trace Context, version 00: the trace of a call, as a header or as part of a frame. */
import { randomBytes } from 'node:crypto'

export interface TraceIds {
  /** 32 hex digits. */
  readonly traceId: string
  /** 16 hex digits. */
  readonly spanId: string
  readonly isSampled: boolean
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
/** Longer values are dropped, as the specification allows: outsiders must not fill our frames. */
const MAX_TRACESTATE = 512

/**
 * @returns `undefined` for an invalid `traceparent`: the receiver then acts as if there were none
 */
export function parseTraceparent(text: string | undefined): TraceIds | undefined {
  if (text === undefined) return undefined
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(text) ?? []
  if (version === undefined || traceId === undefined || spanId === undefined || flags === undefined) return undefined
  if (version === 'ff' || (version === '00' && more !== undefined) || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}

export function formatTraceparent({ traceId, spanId, isSampled }: TraceIds): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`
}

/** Ids for a request that is not recorded: its log entries still show what belongs together. */
export function unsampledTrace(): TraceIds {
  const bytes = randomBytes(24).toString('hex')
  return { traceId: bytes.slice(0, 32), spanId: bytes.slice(32), isSampled: false }
}

/** The vendors' part, if it may be propagated. */
export function usableTracestate(text: string | undefined): string | undefined {
  return text === undefined || text === '' || text.length > MAX_TRACESTATE ? undefined : text
}
