import { parseDuration } from './durations.js'
import type { RolloutSpec } from './weaver-app.js'

/**
 * `spec.rollout` with its durations in milliseconds, as the rollout engine expects it. The spec has
 * been checked.
 */
export interface RolloutSettings {
  readonly strategy: RolloutSpec['strategy']
  readonly durationMs?: number
  readonly steps?: readonly { readonly weight?: number; readonly holdMs?: number; readonly pause?: boolean }[]
  readonly progressDeadlineMs: number
  readonly onFailure: RolloutSpec['onFailure']
  readonly paused: boolean
  readonly drainTimeoutMs: number
  readonly bakeMs?: number
  readonly retain?: { readonly forMs: number; readonly versions: number }
  readonly rollbackWindowMs?: number
  readonly analysis?: {
    readonly mode: 'enforce' | 'dryRun'
    readonly onInconclusive: 'wait' | 'proceed' | 'abort'
    readonly initialDelayMs: number
    readonly minSamples: number
    readonly maxLatencyFactor: number
    /** 0.01 is one percentage point. */
    readonly maxErrorRateIncrease: number
  }
}

export function rolloutSettings(spec: RolloutSpec): RolloutSettings {
  const { strategy, duration, steps, progressDeadline, onFailure, paused, drainTimeout, bake, retain, rollbackWindow, analysis } = spec
  return {
    strategy,
    ...(duration === undefined ? {} : { durationMs: milliseconds(duration) }),
    ...(steps === undefined
      ? {}
      : {
          steps: steps.map(({ weight, hold, pause }) => ({
            ...(weight === undefined ? {} : { weight }),
            ...(hold === undefined ? {} : { holdMs: milliseconds(hold) }),
            ...(pause === undefined ? {} : { pause }),
          })),
        }),
    progressDeadlineMs: milliseconds(progressDeadline),
    onFailure,
    paused,
    drainTimeoutMs: milliseconds(drainTimeout),
    ...(bake === undefined ? {} : { bakeMs: milliseconds(bake) }),
    ...(retain === undefined ? {} : { retain: { forMs: milliseconds(retain.for), versions: retain.versions } }),
    ...(rollbackWindow === undefined ? {} : { rollbackWindowMs: milliseconds(rollbackWindow) }),
    ...(analysis === undefined ? {} : { analysis: analysisSettings(analysis) }),
  }
}

function analysisSettings(spec: NonNullable<RolloutSpec['analysis']>): NonNullable<RolloutSettings['analysis']> {
  const { initialDelay, maxErrorRateIncrease: percent, ...rest } = spec
  return { ...rest, initialDelayMs: milliseconds(initialDelay), maxErrorRateIncrease: percent / 100 }
}

/** The schema lets only durations through. */
function milliseconds(text: string): number {
  return parseDuration(text) ?? 0
}
