/** What the analysis of a rollout has found, as status shows it: of the version, and as a condition. */
import type { VersionAnalysis } from '@weaver/crds'
import { wordBlame, type AnalysisBlame, type RolloutState, type Verdict } from '@weaver/rollout'
import type { WantedCondition } from './conditions.js'

/** The analysis in one pass. */
export interface AnalysisFacts {
  /** The version that was the preview when the pass began; the pass may have given it up. */
  readonly version: string | undefined
  /** What is known of it in the present step, or why the pass gave it up; absent: nothing. */
  readonly verdict?: Verdict
}
interface At {
  readonly state: RolloutState | undefined
  /** What the status before says of the version. */
  readonly before: VersionAnalysis | undefined
}

/**
 * What is known of one version; nothing of one that is not compared. A version that was given up
 * keeps what was found while it drains.
 */
export function versionAnalysis(id: string, { version, verdict }: AnalysisFacts, { state, before }: At): VersionAnalysis | undefined {
  if (state?.preview !== id) {
    if (id === version && verdict?.kind === 'fail') return failed(verdict.blame)
    return before?.state === 'Failed' && state?.active !== id ? before : undefined
  }
  if (state.active === undefined) return undefined
  if (state.condemned !== undefined) return failed(state.condemned)
  const { step, stepWeight = 0 } = state
  if (step >= 0 && stepWeight >= 100 && before !== undefined) return before // nothing is left to compare with
  if (version !== id || verdict === undefined) return { state: 'Inconclusive', reason: step < 0 ? NO_TRAFFIC : NOTHING_YET }
  switch (verdict.kind) {
    case 'fail':
      return failed(verdict.blame)
    case 'pass': {
      const { methods, nearest } = verdict
      return { state: 'Passing', reason: noneWorse(methods), methods, worst: compared(nearest) }
    }
    case 'inconclusive':
      return { state: 'Inconclusive', reason: verdict.why === 'samples' ? tooFew(verdict) : unreadable(verdict.reason) }
  }
}

/** How the preview does; nothing while there is none. Its message changes only with its meaning. */
export function analysisCondition(id: string, analysis: VersionAnalysis, verdict: Verdict | undefined): WantedCondition {
  const type = 'AnalysisPassing'
  const version = `version "${id}"`
  switch (analysis.state) {
    case 'Failed':
      return { type, status: 'False', reason: 'AnalysisFailed', message: `${version}: ${analysis.reason}` }
    case 'Passing':
      return { type, status: 'True', reason: 'NoneWorse', message: `${version}: no method is worse than in the active version` }
    case 'Inconclusive': {
      const isShort = verdict?.kind === 'inconclusive' && verdict.why === 'samples'
      const message = isShort ? `no method has had ${verdict.needed} calls in both versions yet` : analysis.reason
      return { type, status: 'Unknown', reason: 'AnalysisInconclusive', message: `${version}: ${message}` }
    }
  }
}

const NO_TRAFFIC = 'it has no traffic yet'
const NOTHING_YET = 'nothing of this step has been compared yet'

function failed(blame: AnalysisBlame): VersionAnalysis {
  return { state: 'Failed', reason: wordBlame(blame), worst: compared(blame) }
}

function noneWorse(methods: number): string {
  return methods === 1
    ? 'one method has had enough calls, and is not worse than in the active version'
    : `of ${methods} methods that have had enough calls none is worse than in the active version`
}

function tooFew({ samples, needed }: Extract<Verdict, { readonly why: 'samples' }>): string {
  return `no method has had ${needed} calls in both versions yet: at most ${samples.preview} here and ${samples.active} in the active version`
}

function unreadable(why: string): string {
  return `what was counted cannot be read: ${why}`
}

function compared(blame: AnalysisBlame): NonNullable<VersionAnalysis['worst']> {
  const { component, method, what, samples } = blame
  const scale = what === 'errors' ? 100 : 1_000
  return {
    component,
    method,
    what,
    ...(blame.what === 'latency' ? { quantile: blame.quantile } : {}),
    active: rounded(blame.active * scale),
    preview: rounded(blame.preview * scale),
    calls: samples,
  }
}

function rounded(value: number): number {
  return Number(value.toPrecision(3))
}
