/**
 * Spans by the OpenTelemetry SDK that the application installed, with its own sampler, processors
 * and exporters.
 *
 * I1  The trace is kept twice: in OpenTelemetry's context, for the application's own spans and
 *     instrumentations, and in Weaver's, which crosses calls and which log entries read. `run` sets
 *     both, so they never differ.
 * I2  A trace that is not recorded is propagated as such: calls inside it start no trace of their
 *     own.
 */
import {
  context as otel,
  createTraceState,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api'
import { reasonOf } from '../../contract/errors.js'
import { context, derive, runInContext, scope } from '../../context/context.js'
import { rateSampler } from './rate-sampler.js'
import { formatTraceparent, parseTraceparent, unsampledTrace, usableTracestate } from './trace-context.js'
import type { CallSpan, HttpSpan, Tracing, TracingOptions } from './tracing.js'

const FAILED_STATUS = 500

/** @returns `undefined` if the API is present but no SDK has registered a tracer provider */
export function createOtelTracing({ perSecond = 1 }: TracingOptions): Tracing | undefined {
  const provider: unknown = trace.getTracerProvider()
  // The API provides a proxy; one without a delegate creates empty spans.
  if ((provider as { getDelegateTracer?: (name: string) => unknown }).getDelegateTracer?.('probe') === undefined) return undefined
  const tracer = trace.getTracer('@weaver/sdk')
  const mayBegin = rateSampler(perSecond)

  /** The trace of the running code. */
  const current = (): { readonly span: SpanContext; readonly within: Context } | undefined => {
    const active = otel.active()
    const span = trace.getSpanContext(active)
    if (span !== undefined) return { span, within: active }
    const { traceparent, tracestate } = context()
    return remote(active, traceparent, tracestate)
  }
  return {
    isSampled: () => isSampled(current()?.span),
    startCall({ component, method, isRemote }) {
      const parent = current()
      // A served call outside of any trace is part of a request that was not sampled (I2).
      if (parent === undefined ? context().caller !== undefined || !mayBegin() : !isSampled(parent.span)) return undefined
      const kind = isRemote ? SpanKind.CLIENT : SpanKind.INTERNAL
      return openSpan(
        tracer.startSpan(`${component}.${method}`, { kind, attributes: rpc(component, method) }, parent?.within ?? otel.active()),
      )
    },
    startServe({ component, method, caller, traceparent, tracestate }) {
      if (traceparent === undefined) return undefined // the case for nearly every call, decided early
      const parent = remote(otel.active(), traceparent, tracestate)
      if (parent === undefined) return undefined
      if (!isSampled(parent.span)) return handOn(parent.span)
      const attributes = { ...rpc(component, method), 'weaver.caller': caller }
      return openSpan(tracer.startSpan(`${component}.${method}`, { kind: SpanKind.SERVER, attributes }, parent.within))
    },
    startHttp({ method, path, listener, traceparent, tracestate }): HttpSpan {
      const instrumented = trace.getSpanContext(otel.active())
      if (instrumented !== undefined) return http(handOn(instrumented)) // another instrumentation has created this request's span
      const parent = remote(otel.active(), traceparent, tracestate)
      if (parent === undefined ? !mayBegin() : !isSampled(parent.span)) return http(handOn(parent?.span ?? contextOf(unsampledTrace())))
      const attributes = { 'http.request.method': method, 'url.path': path, 'weaver.listener': listener }
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, parent?.within ?? otel.active())
      return http(openSpan(span), span)
    },
  }
}

function rpc(component: string, method: string): Attributes {
  return { 'rpc.system': 'weaver', 'rpc.service': component, 'rpc.method': method }
}

function isSampled(span: SpanContext | undefined): boolean {
  return span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0
}

/** The context of a caller in another process, from what it sent. */
function remote(
  active: Context,
  traceparent: string | undefined,
  tracestate: string | undefined,
): { readonly span: SpanContext; readonly within: Context } | undefined {
  const ids = parseTraceparent(traceparent)
  if (ids === undefined) return undefined
  const state = usableTracestate(tracestate)
  const span: SpanContext = { ...contextOf(ids), isRemote: true, ...(state === undefined ? {} : { traceState: createTraceState(state) }) }
  return { span, within: trace.setSpanContext(active, span) }
}

function contextOf(ids: { readonly traceId: string; readonly spanId: string; readonly isSampled: boolean }): SpanContext {
  return { traceId: ids.traceId, spanId: ids.spanId, traceFlags: ids.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE }
}

/** I1 */
function carrier(span: SpanContext, within: (active: Context) => Context): Pick<CallSpan, 'traceparent' | 'tracestate' | 'run'> {
  const traceparent = formatTraceparent({ traceId: span.traceId, spanId: span.spanId, isSampled: isSampled(span) })
  const tracestate = span.traceState?.serialize()
  const carried = { traceparent, ...(tracestate === undefined || tracestate === '' ? {} : { tracestate }) }
  return { ...carried, run: (body) => runInContext(derive(scope(), carried), () => otel.with(within(otel.active()), body)) }
}

/** A trace recorded by another span of this process, or not at all. */
function handOn(span: SpanContext): CallSpan {
  return {
    ...carrier(span, (active) => (trace.getSpanContext(active) === undefined ? trace.setSpanContext(active, span) : active)),
    ...(isSampled(span) ? { traceId: span.traceId } : {}),
    end: () => undefined,
  }
}

function openSpan(span: Span): CallSpan {
  const ids = span.spanContext()
  return {
    ...carrier(ids, (active) => trace.setSpan(active, span)),
    ...(isSampled(ids) ? { traceId: ids.traceId } : {}),
    end(error) {
      if (error !== undefined) {
        span.recordException(error instanceof Error ? error : String(error))
        span.setStatus({ code: SpanStatusCode.ERROR, message: reasonOf(error) })
      }
      span.end()
    },
  }
}

/** @param span the request's own span, if any */
function http(carried: CallSpan, span?: Span): HttpSpan {
  return {
    ...carried,
    endHttp(status) {
      span?.setAttribute('http.response.status_code', status)
      if (status >= FAILED_STATUS) span?.setStatus({ code: SpanStatusCode.ERROR })
      carried.end()
    },
  }
}
