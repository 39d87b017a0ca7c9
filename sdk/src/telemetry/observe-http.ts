/**
 * What is measured at a listener that serves HTTP: requests, their status and duration, and a span at the entry. It stands around the event `request` only, and
 * touches neither the request nor the answer: streams, server-sent events and upgrades pass as they would without it.
 */
import { METHODS, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { Server } from 'node:net'
import { context, derive, runInContext } from '../rpc/context.js'
import { isCountingCalls } from './call-stats.js'
import type { MetricRegistry } from './metric-registry.js'
import { processMetrics } from './metrics.js'
import { parseTraceparent, usableTracestate } from './trace-context.js'
import type { HttpSpan, Tracing } from './tracing.js'

export const HTTP_METRICS: Readonly<Record<'requests' | 'seconds', { readonly name: string; readonly help: string }>> = {
  requests: {
    name: 'weaver_http_requests_total',
    help: 'HTTP requests by status code; "aborted" where the client left before the answer ended.',
  },
  seconds: { name: 'weaver_http_request_duration_seconds', help: 'From the head of an HTTP request to the last byte of its answer.' },
}
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

export interface HttpObservation {
  /** Name of the listener. */
  readonly listener: string
  readonly tracing?: Tracing | undefined
  /** @default that of the process */
  readonly registry?: MetricRegistry
}

/** Observes a server from now on. One that speaks no HTTP is left alone. */
export function observeHttp(server: Server, options: HttpObservation): void {
  if (!isHttp(server)) return
  const { listener, tracing, registry = processMetrics } = options
  const count = isCountingCalls() ? counting(listener, registry) : undefined
  const emit = server.emit
  // An own property of this object: a listener in front of the others could not make them run inside a context.
  server.emit = function (this: HttpServer, event: string | symbol, ...args: unknown[]): boolean {
    const proceed = (): boolean => Reflect.apply(emit, this, [event, ...args]) as boolean // what emit() returns
    if (event !== 'request') return proceed()
    const [request, response] = args as [IncomingMessage, ServerResponse] // that is what the event carries
    const started = performance.now()
    const span = spanOf(request, listener, tracing)
    response.once('close', () => {
      count?.(request, response, { seconds: (performance.now() - started) / 1_000, traceId: span?.traceId })
      span?.endHttp(response.statusCode)
    })
    if (span !== undefined) return span.run(proceed)
    const traceparent = header(request, 'traceparent')
    if (parseTraceparent(traceparent) === undefined || traceparent === undefined) return proceed()
    // Nobody records here, but log entries show the trace and calls carry it on.
    const tracestate = usableTracestate(header(request, 'tracestate'))
    return runInContext(derive(context(), { traceparent, ...(tracestate === undefined ? {} : { tracestate }) }), proceed)
  } as typeof server.emit // the overloads differ in the types of the events' arguments, which are passed through
}

function isHttp(server: Server): server is HttpServer {
  return 'setTimeout' in server // of http, https and http2, not of net and tls
}

function spanOf(request: IncomingMessage, listener: string, tracing: Tracing | undefined): HttpSpan | undefined {
  return tracing?.startHttp({
    method: methodOf(request),
    path: (request.url ?? '/').split('?', 1)[0] ?? '/',
    listener,
    traceparent: header(request, 'traceparent'),
    tracestate: header(request, 'tracestate'),
  })
}

function counting(
  listener: string,
  registry: MetricRegistry,
): (request: IncomingMessage, response: ServerResponse, of: { readonly seconds: number; readonly traceId: string | undefined }) => void {
  const requests = registry.counter(HTTP_METRICS.requests.name, {
    help: HTTP_METRICS.requests.help,
    labels: ['listener', 'method', 'code'],
  })
  const seconds = registry
    .histogram(HTTP_METRICS.seconds.name, { help: HTTP_METRICS.seconds.help, labels: ['listener'] })
    .with({ listener })
  return (request, response, of) => {
    const code = isFinished(response) ? String(response.statusCode) : 'aborted'
    requests.with({ listener, method: methodOf(request), code }).add()
    seconds.observe(of.seconds, of.traceId)
  }
}

/** An answer of HTTP/2 knows only whether its end was written. */
function isFinished(response: ServerResponse): boolean {
  return (response.writableFinished as boolean | undefined) ?? response.writableEnded
}

/** Clients may send any word; a label must not take it. */
function methodOf(request: IncomingMessage): string {
  return KNOWN_METHODS.has(request.method ?? '') ? (request.method ?? '') : 'other'
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
