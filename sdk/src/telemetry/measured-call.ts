import type { CallStats } from './call-stats.js'
import type { CallSpan } from './tracing/tracing.js'

/** Runs a call counted by `stats.begin()`: times it, counts a failure, and ends its span. */
export async function measuredCall<T>(stats: CallStats, span: CallSpan | undefined, body: () => Promise<T>): Promise<T> {
  const started = performance.now()
  try {
    const result = await (span === undefined ? body() : span.run(body))
    stats.end(performance.now() - started, false, span?.traceId)
    span?.end()
    return result
  } catch (error) {
    stats.end(performance.now() - started, true, span?.traceId)
    span?.end(error)
    throw error
  }
}

/**
 * Counts a stream and starts its clock.
 * @returns a function that ends both, with the error if it failed; a consumer that left early is
 * not a failure
 */
export function measureStream(stats: CallStats, span: CallSpan | undefined): (outcome: { readonly error?: unknown }) => void {
  stats.begin()
  const started = performance.now()
  return (outcome) => {
    stats.end(performance.now() - started, 'error' in outcome, span?.traceId)
    span?.end(outcome.error)
  }
}
