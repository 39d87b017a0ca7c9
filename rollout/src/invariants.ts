import { windowOf } from './analysis/window.js'
import { BURN_MS } from './draining.js'
import type { DrainingVersion, RolloutDecision, RolloutInput, RolloutState, Verb } from './types.js'

type Require = (holds: boolean, message: string) => void
type Weights = Readonly<Record<string, number>>

/**
 * What must hold of every decision. The operator checks each one before it writes; the tests
 * explore them.
 * @returns a sentence per broken rule, naming versions; empty when all is well.
 */
export function brokenInvariants(input: RolloutInput, decision: RolloutDecision): string[] {
  const broken: string[] = []
  const require: Require = (holds, message) => {
    if (!holds) broken.push(message)
  }
  // Where nothing is remembered, what was seen stands for what was asked.
  const before: Weights =
    input.state?.weights ??
    Object.fromEntries(input.versions.filter((v) => (v.weightObserved ?? 0) > 0).map((v) => [v.id, v.weightObserved ?? 0]))
  checkWeights(input, decision, before, require)
  if (decision.state.preview !== undefined) checkPreview(input, decision, { preview: decision.state.preview, before }, require)
  if (input.state !== undefined) checkPace(input, decision, input.state, require)
  checkAnalysis(input, decision, before, require)
  checkRemoved(input, decision, require)
  checkRetained(input, decision, require)
  checkBurned(input, decision, require)
  return broken
}

function checkWeights(input: RolloutInput, { weights, keep, remove, state }: RolloutDecision, before: Weights, require: Require): void {
  const holders = Object.keys(weights)
  const sum = Object.values(weights).reduce((a, b) => a + b, 0)
  require(holders.length === 0 ? sum === 0 : sum === 100, `weights sum to ${sum}, not to 100`)
  require(holders.every((id) => Number.isInteger(weights[id]) && (weights[id] ?? 0) > 0), 'a weight is no whole number above 0')
  const canServe = (id: string) => input.versions.find((v) => v.id === id)?.servable === true
  for (const id of holders) {
    require(!remove.includes(id), `version "${id}" has weight and is removed`)
    require(keep.includes(id), `version "${id}" has weight and is not kept`)
    require(canServe(id) || (weights[id] ?? 0) <= (before[id] ?? 0), `version "${id}" cannot serve and gets more traffic`)
    const better = [...holders, ...Object.keys(before)].find((other) => other !== id && canServe(other) && !isBurned(state, other))
    require(canServe(id) || better === undefined, `version "${id}" cannot serve and has weight, although "${better}" could have it`)
  }
}

/** A preview gets more traffic only when it is ready and nobody paused it, or when there is nobody else to have it. */
function checkPreview(
  input: RolloutInput,
  { weights, state }: RolloutDecision,
  { preview, before }: { readonly preview: string; readonly before: Weights },
  require: Require,
): void {
  const view = (id: string) => input.versions.find((v) => v.id === id)
  const isLast = state.active === undefined || view(state.active)?.servable !== true
  const gainsNone = (weights[preview] ?? 0) <= (before[preview] ?? 0) || isLast
  require(gainsNone || view(preview)?.ready === true, `preview "${preview}" is not ready and gets more traffic`)
  require(gainsNone || !isPaused(input, preview), `preview "${preview}" is paused and gets more traffic`)
  require(preview !== state.active, `version "${preview}" is active and preview`)
  require(!state.failed.includes(preview), `failed version "${preview}" is tried again`)
}

/** A step lasts as long as the policy says, as far as anybody watched; so does the time without progress. */
function checkPace(input: RolloutInput, { state, events }: RolloutDecision, before: RolloutState, require: Require): void {
  const { now, policy, commands, watchingSince = 0 } = input
  const watched = watchingSince > now ? 0 : watchingSince
  const { preview, active, step } = before
  if (events.some((e) => (e.kind === 'RolloutFailed' || e.kind === 'RolloutHalted') && 'deadlineMs' in e.stall))
    require(now - watched >= policy.progressDeadlineMs, 'the rollout failed before anybody watched it for its deadline')
  const left = policy.steps[step]
  if (preview === undefined || active === undefined || left?.weight !== before.stepWeight) return
  if (isBurned(state, active)) return
  const isDone = state.active === preview
  if (!isDone && (state.preview !== preview || state.step <= step)) return
  require(!isPaused(input, preview), `version "${preview}" is paused and goes on`)
  require(isDone || state.step - step === 1 || state.promotedFully === true, `version "${preview}" skips a step`)
  const isPromoted = before.promotedStep === step || before.promotedFully === true || isAsked(commands, ['promote', 'promoteFull'])
  if (left === undefined || isPromoted) return
  const { analysis } = policy
  const isWaiting = analysis?.mode === 'enforce' && analysis.onInconclusive === 'wait' && windowOf(before) !== undefined
  const hasPassed = input.analysis?.verdict.kind === 'pass' && input.analysis.window === windowOf(before)
  require(!isWaiting || hasPassed, `version "${preview}" goes on without having passed its analysis`)
  require(!left.pause, `version "${preview}" goes on without promote`)
  const held = now - Math.max(Math.min(before.heldSince ?? now, now), watched)
  require(held >= left.holdMs, `version "${preview}" goes on after ${held} ms of a hold of ${left.holdMs} ms`)
}

/** A preview that the analysis finds worse gets no more traffic, and is given up or halted. */
function checkAnalysis(input: RolloutInput, { weights, state }: RolloutDecision, before: Weights, require: Require): void {
  const { analysis, policy, commands } = input
  const preview = input.state?.preview
  if (preview === undefined || analysis === undefined || analysis.window !== windowOf(input.state)) return
  if (analysis.verdict.kind !== 'fail' || policy.analysis?.mode !== 'enforce') return
  if (isAsked(commands, ['promote', 'promoteFull', 'resume', 'retry'])) return
  if (input.state?.active !== undefined && isBurned(state, input.state.active)) return // there is nothing to go back to
  const isLast = state.active === undefined || input.versions.find((v) => v.id === state.active)?.servable !== true
  require((weights[preview] ?? 0) <= (before[preview] ?? 0) || isLast, `preview "${preview}" failed its analysis and gets more traffic`)
  require(state.active !== preview, `version "${preview}" failed its analysis and is the active one`)
  require(state.preview !== preview || state.halted === true, `preview "${preview}" failed its analysis and goes on`)
}

/** A user's pause is of the preview that he saw. */
function isPaused({ policy, state, commands }: RolloutInput, preview: string): boolean {
  return (
    policy.paused ||
    (state?.preview === preview && state.pausedByUser !== undefined && !isAsked(commands, ['promote', 'promoteFull', 'resume']))
  )
}

function isAsked(commands: RolloutInput['commands'], verbs: readonly Verb[]): boolean {
  return commands.some((c) => verbs.includes(c.verb))
}

function checkRemoved(input: RolloutInput, { keep, remove, state }: RolloutDecision, require: Require): void {
  const { now, clockSetAt = 0, policy } = input
  require(state.active === undefined || !remove.includes(state.active), `the active version "${state.active}" is removed`)
  for (const id of remove) {
    require(!keep.includes(id), `version "${id}" is kept and removed`)
    if (input.state?.removing?.includes(id) === true) continue
    const seen = input.versions.find((v) => v.id === id)
    const before = input.state?.draining.find((d) => d.id === id)
    const since = Math.min(Math.max(before?.since ?? now, clockSetAt), now)
    const isAway = seen?.released === true && (seen.weightObserved ?? 0) === 0
    if (isBurned(state, id)) {
      const wasTold = before?.letGo === true && now - since >= Math.min(policy.drainTimeoutMs, BURN_MS)
      require(isAway || wasTold, `burned version "${id}" is removed before the proxies could let it go`)
      continue
    }
    require((seen?.weightObserved ?? 0) === 0, `version "${id}" still gets traffic and is removed`)
    require(seen?.released === true, `a proxy still names version "${id}", which is removed`)
    const isOutOfTime = now - since >= policy.drainTimeoutMs
    require(seen?.inFlight === 0 ||
      isOutOfTime, `version "${id}" has ${seen?.inFlight ?? 'unknown'} in flight and is removed before its time is over`)
  }
}

/** What the policy retains stays; and only what served lately, or is told so by a user, goes without steps. */
function checkRetained(input: RolloutInput, { state, letGo }: RolloutDecision, require: Require): void {
  const { now, clockSetAt = 0, policy, commands } = input
  const isTaken = ({ id }: DrainingVersion) => id === state.preview || id === state.active || isBurned(state, id)
  if (policy.retain === 'unknown') {
    const kept = (input.state?.draining ?? []).filter((d) => d.retained === true && !isTaken(d))
    for (const { id } of kept)
      require(state.draining.some(
        (d) => d.id === id && d.retained === true,
      ), `version "${id}" is retained, and goes though the settings are unknown`)
    return
  }
  const { forMs = 0, versions = 0 } = policy.retain ?? {}
  const sinceOf = ({ since }: DrainingVersion) => Math.max(Math.min(since, now), clockSetAt)
  const before = input.state?.draining ?? []
  const served = [...state.draining, ...before].filter((d, i, all) => d.served === true && all.findIndex((e) => e.id === d.id) === i)
  const stay = state.draining.filter((d) => d.retained === true)
  require(stay.length <= versions, `${stay.length} versions are retained, of ${versions} that may be`)
  for (const d of stay)
    require(d.served === true && d.letGo === undefined && now - sinceOf(d) < forMs, `version "${d.id}" is retained for too long`)
  if (stay.length < versions)
    for (const d of served)
      if (now - sinceOf(d) < forMs && !stay.includes(d) && !isTaken(d))
        require(before.some((b) => b.id === d.id && b.letGo === true) ||
          !letGo.includes(d.id), `version "${d.id}" was to be retained and is let go`)
  const { preview, promotedFully } = state
  if (promotedFully === undefined || (input.state?.preview === preview && input.state?.promotedFully === true)) return
  const came = before.find((d) => d.id === preview)
  const isBack = input.state?.preview !== preview && came?.served === true && now - sinceOf(came) < (policy.rollbackWindowMs ?? 0)
  require(isBack || isAsked(commands, ['promoteFull']), `version "${preview}" is to skip its steps, and nobody asked for that`)
}

/** What is burned stays burned, and has nothing from the decision on that burns it. */
function checkBurned({ state: before }: RolloutInput, { state, weights, keep }: RolloutDecision, require: Require): void {
  for (const id of before?.burned ?? []) require(isBurned(state, id), `version "${id}" is not burned any more`)
  for (const id of state.burned ?? []) {
    require(weights[id] === undefined, `burned version "${id}" has weight`)
    require(id !== state.active && id !== state.preview && !keep.includes(id), `burned version "${id}" is kept`)
    require(!state.draining.some((d) => d.id === id && d.letGo !== true), `burned version "${id}" is to be named by the proxies`)
  }
}

function isBurned({ burned }: RolloutState, id: string): boolean {
  return burned?.includes(id) === true
}
