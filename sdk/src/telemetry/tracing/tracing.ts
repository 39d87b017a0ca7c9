/** Spans of calls and HTTP requests, as used by the rest of the SDK. */

/** An open span, or an unsampled trace that is only propagated. */
export interface CallSpan {
  /** The parent for the callee, or for the code inside. */
  readonly traceparent: string
  readonly tracestate?: string
  /** Present if the trace is recorded. */
  readonly traceId?: string
  /**
   * Runs the work of the span: spans created inside are its children, in OpenTelemetry's context
   * and in Weaver's.
   */
  run<R>(body: () => R): R
  /**
   * Ends the span; call it once.
   * @param error the failure, if any
   */
  end(error?: unknown): void
}

/** A request that enters the application. */
export interface HttpSpan extends CallSpan {
  /** @param status of the response */
  endHttp(status: number): void
}

export interface CallOfTrace {
  readonly component: string
  readonly method: string
}

export interface Tracing {
  /** Whether the running code belongs to a recorded trace, whose local calls get spans. */
  isSampled(): boolean
  /**
   * The caller's span. `undefined` if the trace is not recorded: the ambient `traceparent` is
   * propagated unchanged. A call outside of any trace may start one.
   */
  startCall(call: CallOfTrace & { readonly isRemote: boolean }): CallSpan | undefined
  /** The callee's span; `undefined` if the caller sent no trace. */
  startServe(
    call: CallOfTrace & { readonly caller: string; readonly traceparent: string | undefined; readonly tracestate: string | undefined },
  ): CallSpan | undefined
  /**
   * An incoming request. It continues the trace in its headers; of those without one, about one per
   * second starts a trace.
   */
  startHttp(request: {
    readonly method: string
    readonly path: string
    readonly listener: string
    readonly traceparent: string | undefined
    readonly tracestate: string | undefined
  }): HttpSpan
}

export interface TracingOptions {
  /**
   * Traces started by this process per second. `Infinity`: each entry starts one, and the sampler
   * of the OpenTelemetry SDK decides.
   * @default 1
   */
  readonly perSecond?: number
}
