/**
 * Traces with a real OpenTelemetry SDK, its in-memory exporter, and two weavelets that talk over a
 * real nats-server.
 */
import { createServer, request as httpRequest } from 'node:http'
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-node'
import { component, context, implement, listener, ref, type Listener } from '../index.js'
import { bindByHand, genByHand } from '../testing/hand-made-app.js'
import { startNatsServer, startTestDeployment, type NatsServer, type TestDeployment } from '@weaver/testing'
import { callStats } from './call-stats.js'
import { processMetrics } from './metrics.js'

interface Store {
  get(key: string): Promise<string>
}
const Store = component<Store>('trace/Store')
class StoreImpl implements Store {
  async get(key: string): Promise<string> {
    if (key === 'broken') throw new Error('the disk is broken')
    // A span of the application's own, inside of the call's.
    return trace.getTracer('app').startActiveSpan('read', (span) => {
      span.end()
      return `${key} ${context().traceparent ?? ''} ${context().tracestate ?? ''}`
    })
  }
}
interface Cart {
  show(key: string): Promise<string>
}
const Cart = component<Cart>('trace/Cart')
class CartImpl implements Cart {
  readonly #store = ref(Store)
  async show(key: string): Promise<string> {
    return this.#store.get(key)
  }
}
class App {
  static last: App
  readonly cart: Cart = ref(Cart)
  readonly #lis: Listener = listener('lis')
  constructor() {
    App.last = this
  }
  async main(): Promise<void> {
    const server = createServer((request, response) => {
      void this.cart.show((request.url ?? '').slice(1)).then(
        (text) => response.end(text),
        () => response.writeHead(500).end(),
      )
    })
    await this.#lis.serve(server)
  }
}
const GEN = genByHand(
  [
    bindByHand(Store, implement(Store, StoreImpl), { methods: ['get'] }),
    bindByHand(Cart, implement(Cart, CartImpl), { methods: ['show'], refs: ['trace/Store'] }),
  ],
  { refs: ['trace/Cart'], listeners: ['lis'] },
)

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let nats: NatsServer
let deployment: TestDeployment
let url: string
beforeAll(async () => {
  provider.register()
  nats = await startNatsServer()
  const groups = { web: ['weaver/Main'], cart: ['trace/Cart'], store: ['trace/Store'] }
  deployment = await startTestDeployment({ app: App, gen: GEN, natsUrl: nats.url, groups, listeners: ['lis'] })
  while (deployment.weavelets['web']?.listeners['lis'] === undefined) await new Promise((resolve) => setTimeout(resolve, 5))
  url = `http://127.0.0.1:${deployment.weavelets['web'].listeners['lis'].port}`
})
afterAll(async () => {
  await deployment.stop()
  await nats.stop()
  await provider.shutdown()
  trace.disable()
})
beforeEach(() => exporter.reset())

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

async function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    httpRequest(`${url}${path}`, { headers, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve(text))
    })
      .on('error', reject)
      .end()
  })
}
/** The spans of one trace, each as `kind name < parent's name`. */
async function shape(
  traceId: string,
  count: number,
): Promise<{ readonly lines: readonly string[]; readonly spans: readonly ReadableSpan[] }> {
  const mine = (): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.spanContext().traceId === traceId)
  for (let i = 0; i < 200 && mine().length < count; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  const spans = mine()
  const nameOf = (id: string | undefined): string => {
    const found = spans.find((span) => span.spanContext().spanId === id)
    return found === undefined ? (id ?? 'nothing') : `${SpanKind[found.kind]} ${found.name}`
  }
  return { lines: spans.map((span) => `${SpanKind[span.kind]} ${span.name} < ${nameOf(span.parentSpanContext?.spanId)}`).sort(), spans }
}

describe('a trace', () => {
  it('goes from an HTTP request over two calls between three weavelets, with the spans of the application inside', async () => {
    const text = await get('/tea', { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: 'vendor=x' })
    const { lines, spans } = await shape(TRACE, 6)
    expect(lines).toEqual([
      'CLIENT trace/Cart.show < SERVER GET',
      'CLIENT trace/Store.get < SERVER trace/Cart.show',
      'INTERNAL read < SERVER trace/Store.get',
      `SERVER GET < ${PARENT}`,
      'SERVER trace/Cart.show < CLIENT trace/Cart.show',
      'SERVER trace/Store.get < CLIENT trace/Store.get',
    ])
    const served = spans.find(({ name, kind }) => name === 'trace/Store.get' && kind === SpanKind.SERVER)
    expect(text).toBe(`tea 00-${TRACE}-${served?.spanContext().spanId}-01 vendor=x`)
    expect(served?.attributes).toMatchObject({ 'rpc.service': 'trace/Store', 'rpc.method': 'get', 'weaver.caller': 'trace/Cart' })
    expect(spans.find(({ name }) => name === 'GET')?.attributes).toMatchObject({ 'http.response.status_code': 200, 'url.path': '/tea' })
  })

  it('shows where a call failed', async () => {
    const id = 'ab'.repeat(16)
    await get('/broken', { traceparent: `00-${id}-${PARENT}-01` })
    const { spans } = await shape(id, 5)
    expect(spans).toHaveLength(5)
    for (const span of spans) expect([span.name, span.status.code]).toEqual([span.name, SpanStatusCode.ERROR])
    expect(spans.find(({ name }) => name === 'trace/Store.get')?.status.message).toBe('the disk is broken')
  })

  it('that is not sampled is carried on, and nobody begins one inside of it', async () => {
    const id = 'cd'.repeat(16)
    expect(await get('/tea', { traceparent: `00-${id}-${PARENT}-00` })).toBe(`tea 00-${id}-${PARENT}-00 `)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(exporter.getFinishedSpans().map(({ name }) => name)).toEqual([])
  })

  it('begins at about one request in a second; the others still have an id of their own', async () => {
    const texts: string[] = []
    for (let i = 0; i < 50; i++) texts.push(await get('/tea'))
    const parents = texts.map((text) => text.split(' ')[1] ?? '')
    expect(new Set(parents.map((parent) => parent.slice(3, 35))).size).toBe(50)
    expect(parents.filter((parent) => parent.endsWith('-01')).length).toBeLessThan(10)
  })

  it('goes into the latency of its calls as an exemplar', async () => {
    const id = 'ef'.repeat(16)
    await get('/tea', { traceparent: `00-${id}-${PARENT}-01` })
    await shape(id, 6)
    callStats({ caller: 'x', component: 'x', method: 'x', isRemote: true }) // the registry knows of calls even if no other test ran
    const latency = processMetrics.collect().find(({ name }) => name === 'weaver_method_latency_seconds')
    expect(latency?.series.flatMap(({ exemplars = [] }) => exemplars.map(({ traceId }) => traceId))).toContain(id)
  })
})
