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
}

export function rolloutSettings(spec: RolloutSpec): RolloutSettings {
  const { strategy, duration, steps, progressDeadline, onFailure, paused, drainTimeout } = spec
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
  }
}

/** The schema lets only durations through. */
function milliseconds(text: string): number {
  return parseDuration(text) ?? 0
}
