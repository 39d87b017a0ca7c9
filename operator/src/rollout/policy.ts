import { parseDuration, type RolloutSpec } from '@weaver/crds'
import type { RolloutPolicy, RolloutStep } from './types.js'

/** The ramp of `rollout.duration`, as Service Weaver's: five equal slices. */
const RAMP = [10, 25, 50, 75, 100] as const
/** Of a rollout with neither duration nor steps: long enough to see an error, short enough for a first try. */
const DEFAULT_DURATION_MS = 300_000

/**
 * What `spec.rollout` means. A step without a weight keeps the weight before it (0 at the start), so `[{ weight: 5, hold: 2m }, { pause: true }]` waits at 5.
 * The spec has been checked; a step that is out of range or descends is taken as the nearest one that is allowed.
 */
export function rolloutPolicy(spec: RolloutSpec): RolloutPolicy {
  return {
    steps: stepsOf(spec),
    progressDeadlineMs: milliseconds(spec.progressDeadline),
    onFailure: spec.onFailure,
    paused: spec.paused,
    drainTimeoutMs: milliseconds(spec.drainTimeout),
  }
}

function stepsOf(spec: RolloutSpec): RolloutStep[] {
  if (spec.strategy === 'cutover') return [{ weight: 100, holdMs: 0, pause: false }]
  if (spec.steps === undefined || spec.steps.length === 0) {
    const slice = (spec.duration === undefined ? DEFAULT_DURATION_MS : milliseconds(spec.duration)) / RAMP.length
    return RAMP.map((weight) => ({ weight, holdMs: slice, pause: false }))
  }
  const steps: RolloutStep[] = []
  let weight = 0
  for (const step of spec.steps) {
    weight = Math.min(100, Math.max(weight, step.weight ?? weight))
    steps.push({ weight, holdMs: step.hold === undefined ? 0 : milliseconds(step.hold), pause: step.pause === true })
  }
  return weight === 100 ? steps : [...steps, { weight: 100, holdMs: 0, pause: false }]
}

function milliseconds(text: string): number {
  return parseDuration(text) ?? 0
}
