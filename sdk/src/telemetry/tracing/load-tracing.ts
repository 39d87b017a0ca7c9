/**
 * Loads OpenTelemetry (otel-tracing.ts) only if the application has installed an SDK of it before
 * `run()`: otherwise tracing costs nothing.
 */
import type { Tracing, TracingOptions } from './tracing.js'

/** Where every copy of OpenTelemetry's API of major version 1 stores its registrations. */
const REGISTERED = Symbol.for('opentelemetry.js.api.1')

/** @returns `undefined` if no OpenTelemetry SDK is installed yet */
export async function loadTracing(options: TracingOptions = {}): Promise<Tracing | undefined> {
  if (!(REGISTERED in globalThis)) return undefined
  const { createOtelTracing } = await import('./otel-tracing.js')
  return createOtelTracing(options)
}
