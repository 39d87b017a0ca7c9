/**
 * Spans as a file that ui.perfetto.dev and chrome://tracing open: the Trace Event Format, one
 * process per replica. Source: "Trace Event Format",
 * docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU.
 */
import type { Attributes, HrTime, SpanContext, SpanStatus, SpanStatusCode } from '@opentelemetry/api'

/** Only types are imported: an application without an OpenTelemetry SDK loads nothing of it. */
const ERROR: SpanStatusCode.ERROR = 2

/** The required parts of an ended span, which an OpenTelemetry SDK's `ReadableSpan` has. */
export interface EndedSpan {
  readonly name: string
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly status: SpanStatus
  readonly attributes: Attributes
  readonly parentSpanContext?: Pick<SpanContext, 'spanId'>
  readonly resource: { readonly attributes: Attributes }
  spanContext(): SpanContext
}

export interface ChromeTrace {
  readonly displayTimeUnit: 'ms'
  readonly traceEvents: readonly ChromeTraceEvent[]
}

/**
 * `X`: a span. `M`: the name of a process. `s` and `f`: the ends of an arrow from a span to its
 * child in another process.
 */
export interface ChromeTraceEvent {
  readonly ph: 'X' | 'M' | 's' | 'f'
  readonly name: string
  readonly pid: number
  readonly tid: number
  /** Microseconds since the first span. */
  readonly ts: number
  readonly dur?: number
  readonly cat?: string
  readonly id?: string
  readonly bp?: 'e'
  readonly args?: Readonly<Record<string, unknown>>
}

/** A row of a process: its spans are disjoint or nested, as the format requires. */
interface Lane {
  readonly open: { readonly until: number; readonly spanId: string }[]
}

/**
 * Converts spans of any number of traces and processes, in any order. Write the result as JSON into
 * a file. A span whose parent is missing is a root.
 */
export function chromeTrace(spans: readonly EndedSpan[]): ChromeTrace {
  const sorted = spans
    .map((span) => ({ span, from: micros(span.startTime), until: micros(span.endTime), ids: span.spanContext() }))
    .sort((a, b) => a.from - b.from || b.until - a.until)
  const origin = sorted[0]?.from ?? 0
  const pids = new Map<string, number>()
  const lanes = new Map<number, Lane[]>()
  const placed = new Map<string, { readonly pid: number; readonly tid: number; readonly ts: number }>()
  const events: ChromeTraceEvent[] = []
  for (const { span, from, until, ids } of sorted) {
    const process = processOf(span)
    let pid = pids.get(process)
    if (pid === undefined) {
      pids.set(process, (pid = pids.size + 1))
      events.push({ ph: 'M', name: 'process_name', pid, tid: 0, ts: 0, args: { name: process } })
    }
    const rows = lanes.get(pid) ?? []
    lanes.set(pid, rows)
    const parentId = span.parentSpanContext?.spanId
    const tid = laneFor(rows, { from, until, spanId: ids.spanId, parentId }) + 1
    const ts = from - origin
    placed.set(ids.spanId, { pid, tid, ts })
    const isError = span.status.code === ERROR
    events.push({
      ph: 'X',
      cat: isError ? 'error' : 'span',
      name: span.name,
      pid,
      tid,
      ts,
      dur: until - from,
      args: {
        ...span.attributes,
        trace_id: ids.traceId,
        span_id: ids.spanId,
        ...(isError ? { error: span.status.message ?? true } : {}),
      },
    })
    const parent = parentId === undefined ? undefined : placed.get(parentId)
    if (parent === undefined || parent.pid === pid) continue
    const arrow = { cat: 'call', name: 'call', id: ids.spanId }
    events.push({ ph: 's', ...arrow, pid: parent.pid, tid: parent.tid, ts: Math.max(parent.ts, ts) })
    events.push({ ph: 'f', bp: 'e', ...arrow, pid, tid, ts })
  }
  return { displayTimeUnit: 'ms', traceEvents: events }
}

function processOf({ resource: { attributes } }: EndedSpan): string {
  const [service, instance] = [attributes['service.name'], attributes['service.instance.id'] ?? attributes['process.pid']]
  return [service ?? 'unknown', ...(instance === undefined ? [] : [instance])].join(' ')
}

/**
 * The parent's row if the span fits inside its open spans, else the first free row, else a new one.
 * @returns its number
 */
function laneFor(
  rows: Lane[],
  span: { readonly from: number; readonly until: number; readonly spanId: string; readonly parentId: string | undefined },
): number {
  for (const { open } of rows) while ((open.at(-1)?.until ?? Infinity) <= span.from) open.pop()
  const below = rows.findIndex(({ open }) => {
    const top = open.at(-1)
    return top !== undefined && top.spanId === span.parentId && span.until <= top.until
  })
  const found = below >= 0 ? below : rows.findIndex(({ open }) => open.length === 0)
  const row = found >= 0 ? found : rows.push({ open: [] }) - 1
  rows[row]?.open.push({ until: span.until, spanId: span.spanId })
  return row
}

function micros([seconds, nanos]: HrTime): number {
  return seconds * 1e6 + nanos / 1e3
}
