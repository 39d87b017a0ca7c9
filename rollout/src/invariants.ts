import type { RolloutDecision, RolloutInput } from './types.js'

/**
 * What must hold of every decision. The operator checks each one before it writes; the tests
 * explore them.
 * @returns a sentence per broken rule, naming versions; empty when all is well.
 */
export function brokenInvariants(input: RolloutInput, decision: RolloutDecision): string[] {
  const { weights, state, keep, remove } = decision
  const view = (id: string) => input.versions.find((v) => v.id === id)
  // Where nothing is remembered, what was seen stands for what was asked.
  const before: Readonly<Record<string, number>> =
    input.state?.weights ??
    Object.fromEntries(input.versions.filter((v) => (v.weightObserved ?? 0) > 0).map((v) => [v.id, v.weightObserved ?? 0]))
  const holders = Object.keys(weights)
  const broken: string[] = []
  const require = (holds: boolean, message: string) => {
    if (!holds) broken.push(message)
  }
  const sum = Object.values(weights).reduce((a, b) => a + b, 0)
  require(holders.length === 0 ? sum === 0 : sum === 100, `weights sum to ${sum}, not to 100`)
  require(holders.every((id) => Number.isInteger(weights[id]) && (weights[id] ?? 0) > 0), 'a weight is no whole number above 0')
  for (const id of holders) {
    require(!remove.includes(id), `version "${id}" has weight and is removed`)
    require(keep.includes(id), `version "${id}" has weight and is not kept`)
    require(view(id)?.servable === true || (weights[id] ?? 0) <= (before[id] ?? 0), `version "${id}" cannot serve and gets more traffic`)
    const better = [...holders, ...Object.keys(before)].find((other) => other !== id && view(other)?.servable === true)
    require(view(id)?.servable === true ||
      better === undefined, `version "${id}" cannot serve and has weight, although "${better}" could have it`)
  }
  if (state.preview !== undefined) {
    const rise = (weights[state.preview] ?? 0) - (before[state.preview] ?? 0)
    require(rise <= 0 ||
      view(state.preview)?.ready === true ||
      state.active === undefined ||
      view(state.active)?.servable !== true, `preview "${state.preview}" is not ready and gets more traffic`)
    const isPaused = state.pausedByUser !== undefined && input.state?.pausedByUser !== undefined && input.state.preview === state.preview
    require(rise <= 0 ||
      !isPaused ||
      state.active === undefined ||
      view(state.active)?.servable !== true, `preview "${state.preview}" is paused and gets more traffic`)
    require(state.preview !== state.active, `version "${state.preview}" is active and preview`)
    require(!state.failed.includes(state.preview), `failed version "${state.preview}" is tried again`)
  }
  require(state.active === undefined || !remove.includes(state.active), `the active version "${state.active}" is removed`)
  for (const id of remove) {
    require(!keep.includes(id), `version "${id}" is kept and removed`)
    if (input.state?.removing?.includes(id) === true) continue
    const seen = view(id)
    require((seen?.weightObserved ?? 0) === 0, `version "${id}" still gets traffic and is removed`)
    require(seen?.released === true, `a proxy still names version "${id}", which is removed`)
    const draining = input.state?.draining.find((d) => d.id === id)
    const isOutOfTime = input.now - Math.min(draining?.since ?? input.now, input.now) >= input.policy.drainTimeoutMs
    require(seen?.inFlight === 0 ||
      isOutOfTime, `version "${id}" has ${seen?.inFlight ?? 'unknown'} in flight and is removed before its time is over`)
  }
  return broken
}
