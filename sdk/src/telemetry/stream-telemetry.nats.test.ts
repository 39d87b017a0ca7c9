/**
 * Spans and statistics of streaming calls, with a real OpenTelemetry SDK and a real nats-server.
 */
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import { startStations, type Stations } from '../testing/rpc-stations.js'
import { feedStations, FEED_COMPONENT, type FeedStations } from '../testing/stream-stations.js'
import { METHOD_METRICS } from './call-stats.js'
import { processMetrics } from './metrics.js'
import { loadTracing } from './tracing/load-tracing.js'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let stations: Stations
let feeds: FeedStations
beforeAll(async () => {
  provider.register()
  stations = await startStations()
  feeds = feedStations(stations, { tracing: await loadTracing({ perSecond: Infinity }) })
})
afterAll(async () => {
  await stations.close()
  await provider.shutdown()
  trace.disable()
})

function valueOf(metric: string, method: string): number {
  const series = processMetrics.collect().find(({ name }) => name === metric)?.series ?? []
  return series.find(({ labels }) => labels[1] === FEED_COMPONENT && labels[2] === method)?.value ?? 0
}
async function spans(count: number): Promise<readonly string[]> {
  for (let i = 0; i < 200 && exporter.getFinishedSpans().length < count; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  const found = exporter.getFinishedSpans()
  expect(new Set(found.map((span) => span.spanContext().traceId)).size).toBe(1)
  return found.map((span) => `${SpanKind[span.kind]} ${span.name} ${SpanStatusCode[span.status.code]}`).sort()
}

describe('a streaming call', () => {
  it('is one call and one trace, from its first item to its end, its failure, or its reader that leaves', async () => {
    await feeds.replica({
      async *count(to) {
        trace.getTracer('app').startSpan('inside').end()
        for (let i = 0; i < to; i++) yield i
        if (to === 2) throw new Error('no more news')
      },
      async sum(numbers) {
        let sum = 0
        for await (const n of numbers) sum += n
        return sum
      },
    })
    const { feed } = await feeds.caller()
    const expected: [number, (items: AsyncIterable<number>) => Promise<unknown>, string][] = [
      [3, async (items) => { for await (const _ of items); }, 'UNSET'], // prettier-ignore
      [1_000_000, async (items) => { for await (const _ of items) break }, 'UNSET'], // prettier-ignore
      [2, async (items) => { await expect(async () => { for await (const _ of items); }).rejects.toThrow('no more news') }, 'ERROR'], // prettier-ignore
    ]
    for (const [to, read, status] of expected) {
      exporter.reset()
      await read(feed.count(to))
      expect(await spans(3)).toEqual([`CLIENT news/Feed.count ${status}`, 'INTERNAL inside UNSET', `SERVER news/Feed.count ${status}`])
    }
    expect([valueOf(METHOD_METRICS.calls.name, 'count'), valueOf(METHOD_METRICS.errors.name, 'count')]).toEqual([3, 1])
    exporter.reset()
    expect(await feed.sum((async function* () { yield 1; yield 2 })())).toBe(3) // prettier-ignore
    expect(await spans(2)).toEqual(['CLIENT news/Feed.sum UNSET', 'SERVER news/Feed.sum UNSET'])
    expect(valueOf(METHOD_METRICS.calls.name, 'sum')).toBe(1)
  })
})
