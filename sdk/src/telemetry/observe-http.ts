/**
 * Measures an HTTP listener: requests, their status and duration, and a span at the entry. It wraps
 * only the event `request` and changes neither the request nor the response: streams, server-sent
 * events and upgrades pass as they would without it.
 */
import { METHODS, type IncomingMessage, type Server as HttpServer, type ServerResponse } from 'node:http'
import type { Server, Socket } from 'node:net'
import { COMPARED_METRICS } from '../contract/metrics.js'
import { derive, runInContext, scope } from '../context/context.js'
import { BYTES, isCountingCalls } from './call-stats.js'
import type { Histogram } from './metric.js'
import type { MetricRegistry } from './metric-registry.js'
import { processMetrics } from './metrics.js'
import { parseTraceparent, usableTracestate } from './tracing/trace-context.js'
import type { HttpSpan, Tracing } from './tracing/tracing.js'

export const HTTP_METRICS: Readonly<
  Record<'requests' | 'seconds' | 'requestBytes' | 'responseBytes', { readonly name: string; readonly help: string }>
> = {
  requests: {
    name: COMPARED_METRICS.requests,
    help: 'HTTP requests by status code; "aborted" where the client left before the answer ended.',
  },
  seconds: { name: 'weaver_http_request_duration_seconds', help: 'From the head of an HTTP request to the last byte of its answer.' },
  requestBytes: { name: 'weaver_http_request_bytes', help: 'Size of HTTP/1 requests on the wire, head and body.' },
  responseBytes: { name: 'weaver_http_response_bytes', help: 'Size of HTTP/1 answers on the wire, head and body.' },
}
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)

export interface HttpObservation {
  /** Name of the listener. */
  readonly listener: string
  readonly tracing?: Tracing | undefined
  /** @default the registry of the process */
  readonly registry?: MetricRegistry
}

/** Starts to observe a server, unless it does not speak HTTP. */
export function observeHttp(server: Server, options: HttpObservation): void {
  if (!speaksHttp(server)) return
  const { listener, tracing, registry = processMetrics } = options
  const count = isCountingCalls() ? counting(listener, registry) : undefined
  const emit = server.emit
  // An own property of this object: an additional listener could not run the others inside a
  // context.
  server.emit = function (this: HttpServer, event: string | symbol, ...args: unknown[]): boolean {
    const proceed = (): boolean => Reflect.apply(emit, this, [event, ...args]) as boolean // emit() returns a boolean
    if (event !== 'request') return proceed()
    const [request, response] = args as [IncomingMessage, ServerResponse] // the arguments of this event
    const started = performance.now()
    const sizes = count === undefined ? undefined : measureBytes(request)
    const span = spanOf(request, listener, tracing)
    response.once('close', () => {
      count?.(request, response, { seconds: (performance.now() - started) / 1_000, traceId: span?.traceId, sizes: sizes?.() })
      span?.endHttp(response.statusCode)
    })
    if (span !== undefined) return span.run(proceed)
    const traceparent = header(request, 'traceparent')
    if (parseTraceparent(traceparent) === undefined || traceparent === undefined) return proceed()
    // Nothing is recorded, but log entries contain the trace, and calls propagate it.
    const tracestate = usableTracestate(header(request, 'tracestate'))
    return runInContext(derive(scope(), { traceparent, ...(tracestate === undefined ? {} : { tracestate }) }), proceed)
  } as typeof server.emit // the overloads differ in the types of the events' arguments, which are passed through
}

/** HTTP/1 or 2. */
export function speaksHttp(server: Server): server is HttpServer {
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

interface Measured {
  readonly seconds: number
  readonly traceId: string | undefined
  readonly sizes: { readonly read: number; readonly written: number } | undefined
}

/**
 * Bytes that a connection had read at the end of its last request: the next head is read before any
 * event.
 */
const readBefore = new WeakMap<Socket, number>()

/**
 * Starts to count the bytes of a connection.
 * @returns a function that reports them; `undefined` for HTTP/2, where requests share the
 * connection
 */
function measureBytes(request: IncomingMessage): (() => { readonly read: number; readonly written: number }) | undefined {
  if (request.httpVersionMajor !== 1) return undefined
  const { socket } = request // the response loses it at its end
  const read = readBefore.get(socket) ?? 0
  const written = socket.bytesWritten
  return () => {
    const { bytesRead } = socket
    readBefore.set(socket, bytesRead)
    return { read: bytesRead - read, written: socket.bytesWritten - written }
  }
}

function counting(listener: string, registry: MetricRegistry): (request: IncomingMessage, response: ServerResponse, of: Measured) => void {
  const requests = registry.counter(HTTP_METRICS.requests.name, {
    help: HTTP_METRICS.requests.help,
    labels: ['listener', 'method', 'code'],
  })
  const histogram = ({ name, help }: { readonly name: string; readonly help: string }, bounds?: readonly number[]): Histogram =>
    registry.histogram(name, { help, labels: ['listener'], ...(bounds === undefined ? {} : { bounds }) }).with({ listener })
  const seconds = histogram(HTTP_METRICS.seconds)
  const requestBytes = histogram(HTTP_METRICS.requestBytes, BYTES)
  const responseBytes = histogram(HTTP_METRICS.responseBytes, BYTES)
  return (request, response, of) => {
    const code = isFinished(response) ? String(response.statusCode) : 'aborted'
    requests.with({ listener, method: methodOf(request), code }).add()
    seconds.observe(of.seconds, of.traceId)
    if (of.sizes === undefined) return
    requestBytes.observe(of.sizes.read)
    responseBytes.observe(of.sizes.written)
  }
}

/** An HTTP/2 response knows only whether its end was written. */
function isFinished(response: ServerResponse): boolean {
  return (response.writableFinished as boolean | undefined) ?? response.writableEnded
}

/** Clients may send any word, which must not become a label. */
function methodOf(request: IncomingMessage): string {
  return KNOWN_METHODS.has(request.method ?? '') ? (request.method ?? '') : 'other'
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return typeof value === 'string' ? value : undefined
}
