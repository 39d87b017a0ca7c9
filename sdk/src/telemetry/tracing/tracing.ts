/** Spans of calls and of HTTP requests, as the rest of the SDK sees them. */

/** A span that is open, or an unsampled trace that is only handed on. */
export interface CallSpan {
  /** What the callee, or the code inside, gets as its parent. */
  readonly traceparent: string
  readonly tracestate?: string
  /** Set when the trace is recorded. */
  readonly traceId?: string
  /** Runs what the span is about: spans made in there are its children, in OpenTelemetry's context and in Weaver's. */
  run<R>(body: () => R): R
  /** Once, when it is over. @param error what it failed with. */
  end(error?: unknown): void
}

/** A request at the border of the application. */
export interface HttpSpan extends CallSpan {
  /** @param status of the answer. */
  endHttp(status: number): void
}

export interface CallOfTrace {
  readonly component: string
  readonly method: string
}

export interface Tracing {
  /** Whether the code that asks belongs to a trace that is recorded: its local calls then get spans. */
  isSampled(): boolean
  /** The caller's span. `undefined` where the trace is not recorded: the ambient `traceparent` goes on as it is. A call outside of any trace may begin one. */
  startCall(call: CallOfTrace & { readonly isRemote: boolean }): CallSpan | undefined
  /** The callee's span. `undefined` where the caller sent no trace. */
  startServe(
    call: CallOfTrace & { readonly caller: string; readonly traceparent: string | undefined; readonly tracestate: string | undefined },
  ): CallSpan | undefined
  /** A request that comes in. It continues the trace of its headers; without one, about one in a second begins one. */
  startHttp(request: {
    readonly method: string
    readonly path: string
    readonly listener: string
    readonly traceparent: string | undefined
    readonly tracestate: string | undefined
  }): HttpSpan
}

export interface TracingOptions {
  /** Traces that begin in this process, in a second. `Infinity`: each entry begins one, and the sampler of the OpenTelemetry SDK decides. @default 1 */
  readonly perSecond?: number
}
