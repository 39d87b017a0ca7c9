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
}

export function rolloutSettings(spec: RolloutSpec): RolloutSettings {
  const { strategy, duration, steps, progressDeadline, onFailure, paused, drainTimeout, bake, retain, rollbackWindow } = spec
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
  }
}

/** The schema lets only durations through. */
function milliseconds(text: string): number {
  return parseDuration(text) ?? 0
}
