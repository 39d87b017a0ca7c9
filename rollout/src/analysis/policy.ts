import type { AnalysisLimits } from './verdict.js'

/** How a rollout is analysed, as a user says it. What is absent has the default. */
export interface AnalysisSettings extends Partial<AnalysisLimits> {
  readonly mode?: AnalysisPolicy['mode']
  readonly onInconclusive?: AnalysisPolicy['onInconclusive']
  readonly initialDelayMs?: number
}

export interface AnalysisPolicy {
  /** `dryRun`: what the analysis finds is reported, and nothing follows from it. */
  readonly mode: 'enforce' | 'dryRun'
  /** What is done when the hold of a step ends and too little is known of the preview. */
  readonly onInconclusive: 'wait' | 'proceed' | 'abort'
  /** A version that has just begun to serve is cold; what it does in this time is not compared. */
  readonly initialDelayMs: number
  readonly limits: AnalysisLimits
}

const DEFAULTS: AnalysisPolicy = {
  mode: 'enforce',
  onInconclusive: 'wait',
  initialDelayMs: 10_000,
  limits: { maxErrorRateIncrease: 0.01, maxLatencyFactor: 1.5, minSamples: 50 },
}

export function analysisPolicy(settings: AnalysisSettings): AnalysisPolicy {
  const { limits } = DEFAULTS
  return {
    mode: settings.mode ?? DEFAULTS.mode,
    onInconclusive: settings.onInconclusive ?? DEFAULTS.onInconclusive,
    initialDelayMs: settings.initialDelayMs ?? DEFAULTS.initialDelayMs,
    limits: {
      maxErrorRateIncrease: settings.maxErrorRateIncrease ?? limits.maxErrorRateIncrease,
      maxLatencyFactor: settings.maxLatencyFactor ?? limits.maxLatencyFactor,
      minSamples: settings.minSamples ?? limits.minSamples,
    },
  }
}
