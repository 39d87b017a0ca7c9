import { context, SpanStatusCode, trace, type Context } from '@opentelemetry/api'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { chromeTrace, type ChromeTraceEvent } from './chrome-trace.js'

/** Real spans of a real SDK, of two replicas. */
function record(): ReturnType<InMemorySpanExporter['getFinishedSpans']> {
  const exporter = new InMemorySpanExporter()
  const tracer = (replica: string) =>
    new BasicTracerProvider({
      resource: { attributes: { 'service.name': 'shop', 'service.instance.id': replica } } as never, // the part of a Resource that is read
      spanProcessors: [new SimpleSpanProcessor(exporter)],
    }).getTracer('test')
  const [web, cart] = [tracer('web-0'), tracer('cart-0')]
  const root: Context = context.active()
  const at = (ms: number): number => 1_700_000_000_000 + ms
  const http = web.startSpan('GET', { startTime: at(0) }, root)
  const inHttp = trace.setSpan(root, http)
  const first = web.startSpan('shop/Cart.add', { startTime: at(1), attributes: { sku: 'tea' } }, inHttp)
  const served = cart.startSpan('shop/Cart.add', { startTime: at(2) }, trace.setSpan(root, first))
  const second = web.startSpan('shop/Cart.list', { startTime: at(3) }, inHttp) // beside the first, not inside
  const other = web.startSpan('GET other', { startTime: at(4) }, root)
  served.setStatus({ code: SpanStatusCode.ERROR, message: 'sold out' })
  served.end(at(5))
  first.end(at(6))
  second.end(at(7))
  http.end(at(8))
  other.end(at(9))
  const later = web.startSpan('GET later', { startTime: at(10) }, root)
  later.end(at(11))
  return exporter.getFinishedSpans()
}

describe('spans as a Chrome trace', () => {
  const { traceEvents } = chromeTrace(record())
  const spans = traceEvents.filter(({ ph }) => ph === 'X')
  const find = (name: string, pid = 1): ChromeTraceEvent | undefined => spans.find((event) => event.name === name && event.pid === pid)

  it('have a process for each replica, times in microseconds, and what is known of each span', () => {
    expect(traceEvents.filter(({ ph }) => ph === 'M').map(({ pid, args }) => [pid, args?.['name']])).toEqual([[1, 'shop web-0'], [2, 'shop cart-0']]) // prettier-ignore
    expect(find('GET')).toMatchObject({ ts: 0, dur: 8_000, tid: 1 })
    expect(find('shop/Cart.add')).toMatchObject({ ts: 1_000, dur: 5_000, args: { sku: 'tea', trace_id: expect.any(String) } })
    expect(find('shop/Cart.add', 2)).toMatchObject({ cat: 'error', args: { error: 'sold out' } })
    expect(JSON.parse(JSON.stringify(chromeTrace(record())))).toHaveProperty('traceEvents')
  })

  it('nest on one row, and overlap on none', () => {
    expect(find('shop/Cart.add')?.tid).toBe(1)
    expect(find('shop/Cart.list')?.tid).toBe(2)
    expect(find('GET later')?.tid).toBe(1)
    for (const a of spans)
      for (const b of spans) {
        if (a === b || a.pid !== b.pid || a.tid !== b.tid) continue
        const [aEnd, bEnd] = [a.ts + (a.dur ?? 0), b.ts + (b.dur ?? 0)]
        expect(aEnd <= b.ts || bEnd <= a.ts || (a.ts <= b.ts && bEnd <= aEnd) || (b.ts <= a.ts && aEnd <= bEnd)).toBe(true)
      }
  })

  it('have an arrow from a call to where it is served', () => {
    const arrows = traceEvents.filter(({ ph }) => ph === 's' || ph === 'f')
    expect(arrows.map(({ ph, pid, tid, ts }) => [ph, pid, tid, ts])).toEqual([['s', 1, 1, 2_000], ['f', 2, 1, 2_000]]) // prettier-ignore
    expect(new Set(arrows.map(({ id }) => id)).size).toBe(1)
  })

  it('of none are none', () => {
    expect(chromeTrace([])).toEqual({ displayTimeUnit: 'ms', traceEvents: [] })
  })
})
