import type { CallStats } from './call-stats.js'
import type { CallSpan } from './tracing/tracing.js'

/** Runs a call that `stats.begin()` has counted: times it, counts its failure, and closes its span. */
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

/** Counts a stream and starts its clock. @returns what ends both, with the error if it failed; a reader that left early is no failure. */
export function measureStream(stats: CallStats, span: CallSpan | undefined): (outcome: { readonly error?: unknown }) => void {
  stats.begin()
  const started = performance.now()
  return (outcome) => {
    stats.end(performance.now() - started, 'error' in outcome, span?.traceId)
    span?.end(outcome.error)
  }
}
