/**
 * OpenTelemetry itself (otel-tracing.ts) is loaded only where the application has installed an SDK of it before `run()`: without one, nothing of this costs
 * anything.
 */
import type { Tracing, TracingOptions } from './tracing.js'

/** Where every copy of OpenTelemetry's API of major version 1 keeps what was registered. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** @returns `undefined` where no OpenTelemetry SDK is installed at this moment. */
export async function loadTracing(options: TracingOptions = {}): Promise<Tracing | undefined> {
  if (!(REGISTERED in globalThis)) return undefined
  const { createOtelTracing } = await import('./otel-tracing.js')
  return createOtelTracing(options)
}
