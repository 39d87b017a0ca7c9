import { analysisPolicy, type AnalysisSettings } from './analysis/policy.js'
import type { RolloutPolicy, RolloutStep } from './types.js'

/** How traffic is to move to a new version, as a user says it. Durations in milliseconds. */
export interface RolloutSettings {
  /** `cutover`: all traffic at once, when the version is ready. */
  readonly strategy: 'gradual' | 'cutover'
  /**
   * The ramp 10/25/50/75/100 % in equal slices of this time, unless there are steps.
   * @default 5 minutes
   */
  readonly durationMs?: number
  /** A step without a weight keeps the one before it, 0 at the start. */
  readonly steps?: readonly { readonly weight?: number; readonly holdMs?: number; readonly pause?: boolean }[]
  readonly progressDeadlineMs: number
  readonly onFailure: RolloutPolicy['onFailure']
  readonly paused: boolean
  readonly drainTimeoutMs: number
  /** @default nothing is compared */
  readonly analysis?: AnalysisSettings
  /** The least time at 100 %, in which an abort finds the old version as it was. @default 0 */
  readonly bakeMs?: number
  readonly retain?: Exclude<RolloutPolicy['retain'], 'unknown'>
  readonly rollbackWindowMs?: number
}

/** The ramp of `durationMs`, as Service Weaver's: five equal slices. */
const RAMP = [10, 25, 50, 75, 100] as const
/**
 * Of a rollout with neither duration nor steps: long enough to see an error, short enough for a
 * first try.
 */
const DEFAULT_DURATION_MS = 300_000

/**
 * What settings mean: `[{ weight: 5, holdMs: 120_000 }, { pause: true }]` waits at 5 % and then
 * takes all. A step that is out of range or descends is taken as the nearest one that is allowed.
 */
export function rolloutPolicy(settings: RolloutSettings): RolloutPolicy {
  const { progressDeadlineMs, onFailure, paused, drainTimeoutMs, bakeMs = 0, retain, rollbackWindowMs, analysis } = settings
  const steps = stepsOf(settings)
  return {
    steps: steps.map((step, i) => (i === steps.length - 1 ? { ...step, holdMs: Math.max(step.holdMs, bakeMs) } : step)),
    progressDeadlineMs,
    onFailure,
    paused,
    drainTimeoutMs,
    ...(analysis === undefined ? {} : { analysis: analysisPolicy(analysis) }),
    ...(retain === undefined ? {} : { retain }),
    ...(rollbackWindowMs === undefined ? {} : { rollbackWindowMs }),
  }
}

function stepsOf(settings: RolloutSettings): RolloutStep[] {
  if (settings.strategy === 'cutover') return [{ weight: 100, holdMs: 0, pause: false }]
  if (settings.steps === undefined || settings.steps.length === 0) {
    const holdMs = (settings.durationMs ?? DEFAULT_DURATION_MS) / RAMP.length
    return RAMP.map((weight) => ({ weight, holdMs, pause: false }))
  }
  const steps: RolloutStep[] = []
  let weight = 0
  for (const step of settings.steps) {
    weight = Math.min(100, Math.max(weight, step.weight ?? weight))
    steps.push({ weight, holdMs: step.holdMs ?? 0, pause: step.pause === true })
  }
  return weight === 100 ? steps : [...steps, { weight: 100, holdMs: 0, pause: false }]
}
