/** The analysis of a rollout in the passes over one app. */
import type { AnalysisReader, RolloutPolicy, RolloutState } from '@weaver/rollout'
import type { Broker } from '../broker/broker.js'
import type { Clock } from '../clock/clock.js'
import type { AnalysisFacts } from '../status/analysis-status.js'
import { readCounters } from './version-counters.js'
import type { PlacedVersion } from './version.js'

/** Reads in the background what both versions have counted; a later pass decides by it, and none waits. */
export function compareVersions(
  deps: { readonly broker: Broker; readonly clock: Clock; readonly memory: { readonly analysis: AnalysisReader } },
  versions: readonly PlacedVersion[],
  { state, policy }: { readonly state: RolloutState; readonly policy: RolloutPolicy },
): void {
  const { broker, clock, memory } = deps
  memory.analysis.look({
    state,
    policy,
    now: clock.now(),
    steadyMs: clock.steady(),
    read: (task) => readCounters(broker, versions, task),
  })
}

/**
 * What status reports of the analysis. A pass that gives a version up for it reports why; one that
 * takes a step has nothing to report of that yet.
 */
export function analysisFacts(
  { analysis }: { readonly analysis: AnalysisReader },
  { before, after }: { readonly before: RolloutState | undefined; readonly after: RolloutState | undefined },
): AnalysisFacts {
  const [found, now] = [before, after].map((state) => analysis.observed(state)?.verdict)
  const verdict = found?.kind === 'fail' ? found : now
  return { version: before?.preview, ...(verdict === undefined ? {} : { verdict }) }
}
