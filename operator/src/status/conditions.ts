import { RETIRED_CONDITION_TYPES, type Condition, type ConditionType, type Reason } from '@weaver/crds'

/** A condition as one pass sees it; {@link mergeConditions} keeps the time. */
export interface WantedCondition {
  readonly type: ConditionType
  readonly status: Condition['status']
  readonly reason: Reason
  readonly message: string
}

/**
 * `lastTransitionTime` moves only with `status`, as every reader of conditions expects; conditions
 * of types not named here are left alone.
 */
export function mergeConditions(
  previous: readonly Condition[],
  wanted: readonly WantedCondition[],
  at: { readonly generation: number; readonly now: string },
): Condition[] {
  const merged = wanted.map((w): Condition => {
    const before = previous.find((c) => c.type === w.type)
    return {
      type: w.type,
      status: w.status,
      observedGeneration: at.generation,
      lastTransitionTime: before?.status === w.status ? before.lastTransitionTime : at.now,
      reason: w.reason,
      message: w.message.slice(0, 1024),
    }
  })
  const others = previous.filter((c) => !wanted.some((w) => w.type === c.type) && !RETIRED_CONDITION_TYPES.includes(c.type))
  return [...merged, ...others].sort((a, b) => (a.type < b.type ? -1 : 1))
}
