import { RolloutAnalysis } from './analysis/rollout-analysis.js'
import type { AnalysisSettings } from './analysis/policy.js'
import { windowOf } from './analysis/window.js'
import type { Verdict } from './analysis/verdict.js'
import { decide } from './engine.js'
import { brokenInvariants } from './invariants.js'
import { rolloutPolicy } from './policy.js'
import type { RolloutDecision, RolloutInput, RolloutPolicy, RolloutState, Verb } from './types.js'
import { wordAwaited, wordEvent } from './words.js'

const TERMS = {
  progressDeadline: 'deadline',
  drainTimeout: 'drain',
  asker: 'the spec',
  unpaused: 'it to go on',
  howToPromote: 'promote it',
  parts: 'objects',
}
const blame = {
  component: 'shop/Stock',
  method: 'reserve',
  what: 'errors',
  active: 0.001,
  preview: 0.0512,
  samples: { active: 3_801, preview: 412 },
} as const
const FAIL: Verdict = { kind: 'fail', blame }
const PASS: Verdict = { kind: 'pass', methods: 3, nearest: { ...blame, preview: 0.002 } }
const SHORT: Verdict = { kind: 'inconclusive', why: 'samples', samples: { active: 90, preview: 4 }, needed: 50 }
const BLIND: Verdict = { kind: 'inconclusive', why: 'unreadable', reason: 'no process of "v2" answers' }
const HOLD_MS = 60_000

const policyOf = (analysis: AnalysisSettings | undefined, onFailure: RolloutPolicy['onFailure'] = 'rollback'): RolloutPolicy =>
  rolloutPolicy({
    strategy: 'gradual',
    progressDeadlineMs: 600_000,
    onFailure,
    paused: false,
    drainTimeoutMs: 30_000,
    ...(analysis === undefined ? {} : { analysis }),
  })

/** v1 serves, v2 is at the first step, 10 %, with the weights in force. */
class Rollout {
  now = 1_000_000
  readonly #policy: RolloutPolicy
  #state: RolloutState | undefined = { active: 'v1', step: -1, progressAt: 0, draining: [], failed: [], weights: { v1: 100 } }

  constructor(policy: RolloutPolicy) {
    this.#policy = policy
    this.look()
    this.look()
    expect(this.#state).toMatchObject({ step: 0, stepWeight: 10 })
  }

  look(verdict?: Verdict, verb?: Verb): RolloutDecision {
    const weights = this.#state?.weights ?? {}
    const window = windowOf(this.#state)
    const input: RolloutInput = {
      now: this.now,
      desired: 'v2',
      policy: this.#policy,
      versions: ['v1', 'v2'].map((id) => ({
        id,
        ready: true,
        servable: true,
        weightObserved: weights[id] ?? 0,
        inFlight: 0,
        released: false,
      })),
      state: this.#state,
      commands: verb === undefined ? [] : [{ verb }],
      ...(verdict === undefined || window === undefined ? {} : { analysis: { window, verdict } }),
    }
    const decision = decide(input)
    expect(brokenInvariants(input, decision)).toEqual([])
    this.#state = decision.state
    return decision
  }

  /** Looks after the hold of a step. */
  afterHold(verdict?: Verdict): RolloutDecision {
    this.now += HOLD_MS
    return this.look(verdict)
  }
}

describe('a preview that is worse than the active version', () => {
  it('is given up at once, with component, method and numbers', () => {
    const { weights, state, phase, events } = new Rollout(policyOf({})).look(FAIL)
    expect([weights, state.failed, phase]).toEqual([{ v1: 100 }, ['v2'], 'Failed'])
    expect(events[0] === undefined ? '' : wordEvent(events[0], TERMS)).toBe(
      'version "v2" failed: component "shop/Stock", method "reserve": 5.1 % of calls fail, in the active version 0.1 % (412 and 3801 calls); version "v1" has all traffic',
    )
  })

  it('is halted where a failure pauses, and analysed anew when a user lets it go on', () => {
    const rollout = new Rollout(policyOf({}, 'pause'))
    const halted = rollout.look(FAIL)
    expect([halted.weights, halted.phase, halted.events.map((e) => e.kind)]).toEqual([{ v1: 90, v2: 10 }, 'Paused', ['RolloutHalted']])
    expect(halted.awaited === undefined ? '' : wordAwaited(halted.awaited, TERMS)).toMatch(
      /^promote or abort: component "shop\/Stock", method/,
    )
    expect(rollout.afterHold(FAIL)).toMatchObject({ events: [], weights: { v2: 10 } })
    expect(rollout.look(FAIL, 'resume')).toMatchObject({ phase: 'Progressing' }) // what was found before is void
    expect(rollout.look(FAIL)).toMatchObject({ phase: 'Paused' })
    rollout.look(FAIL, 'promoteFull')
    expect(rollout.look().weights).toEqual({ v2: 100 })
  })

  it('is reported once in a dry run, and goes on', () => {
    const rollout = new Rollout(policyOf({ mode: 'dryRun' }))
    expect(rollout.look(FAIL).events).toEqual([{ kind: 'AnalysisFailed', version: 'v2', blame }])
    expect(rollout.look(FAIL).events).toEqual([])
    expect(rollout.afterHold(FAIL)).toMatchObject({ weights: { v2: 25 }, events: [{ kind: 'StepStarted' }] })
    expect(rollout.look(FAIL).events).toEqual([])
  })

  it('goes on where nothing is analysed', () => {
    expect(new Rollout(policyOf(undefined)).look(FAIL).weights).toEqual({ v1: 90, v2: 10 })
  })
})

describe('a step whose hold is over while too little is known', () => {
  it.each([
    ['nothing was found yet', undefined, 'the analysis of step 1/5 (10 %)'],
    ['there were too few calls', SHORT, 'the analysis of step 1/5 (10 %) to have 50 calls of a method in both versions'],
    ['a version cannot be read', BLIND, 'the analysis of step 1/5 (10 %): no process of "v2" answers'],
  ])('lasts until the analysis has passed, when %s', (_what, verdict, waitingFor) => {
    const rollout = new Rollout(policyOf({}))
    const held = rollout.afterHold(verdict)
    expect(held).toMatchObject({ weights: { v2: 10 }, requeueAfterMs: 1_000, events: [] })
    expect(held.awaited === undefined ? '' : wordAwaited(held.awaited, TERMS)).toBe(waitingFor)
    rollout.now += 3_600_000 // a night without traffic is no lack of progress
    expect(rollout.look(verdict)).toMatchObject({ weights: { v2: 10 }, events: [] })
    expect(rollout.look(PASS)).toMatchObject({ weights: { v2: 25 } })
  })

  it('ends when a user promotes it', () => {
    const rollout = new Rollout(policyOf({}))
    rollout.afterHold(SHORT)
    expect(rollout.look(SHORT, 'promote')).toMatchObject({ weights: { v2: 25 } })
  })

  it('ends the rollout, or itself, where the policy says so; never because nobody could look', () => {
    const aborting = new Rollout(policyOf({ onInconclusive: 'abort' }))
    expect(aborting.afterHold(BLIND)).toMatchObject({ weights: { v2: 10 }, events: [] })
    expect(aborting.look(SHORT).events[0]).toMatchObject({ kind: 'RolloutFailed', stall: { missing: 'samples', needed: 50 } })
    expect(new Rollout(policyOf({ onInconclusive: 'proceed' })).afterHold(SHORT)).toMatchObject({ weights: { v2: 25 } })
  })
})

describe('what is to be read', () => {
  it('begins once a version had time to warm up, anew with each step, and what belongs to a past one is dropped', () => {
    const policy = policyOf({ initialDelayMs: 10_000, minSamples: 1 })
    const state: RolloutState = {
      active: 'v1',
      preview: 'v2',
      step: 0,
      stepWeight: 10,
      windows: 1,
      heldSince: 1_000,
      progressAt: 1,
      draining: [],
      failed: [],
    }
    const reading = (calls: number) => [{ replica: 'a', methods: [{ caller: 'c', component: 'd', method: 'm', calls, errors: 0 }] }]
    const analysis = new RolloutAnalysis()
    expect(analysis.next(state, policy, 10_999)).toBeUndefined()
    const task = analysis.next(state, policy, 11_000)
    expect(task).toMatchObject({ active: 'v1', preview: 'v2' })
    if (task === undefined) return
    for (const calls of [100, 110]) analysis.add(task, { active: reading(calls), preview: reading(calls) })
    const nearest = { component: 'd', method: 'm', what: 'errors', active: 0, preview: 0, samples: { active: 10, preview: 10 } }
    expect(analysis.observed).toEqual({ window: task.window, verdict: { kind: 'pass', methods: 1, nearest } })
    const next = analysis.next({ ...state, step: 1, stepWeight: 25, windows: 2 }, policy, 70_000)
    expect(next?.window).not.toBe(task.window)
    analysis.add(task, { active: reading(120), preview: reading(120) })
    expect(analysis.observed).toBeUndefined()
    if (next === undefined) return
    analysis.cannotRead(next, 'it is away')
    expect(analysis.observed?.verdict).toEqual({ kind: 'inconclusive', why: 'unreadable', reason: 'it is away' })
    for (const calls of [120, 130]) analysis.add(next, { active: reading(calls), preview: reading(calls) })
    const kinds = ['a', 'b', 'c'].map((why) => (analysis.cannotRead(next, why), analysis.observed?.verdict.kind))
    expect(kinds).toEqual(['pass', 'pass', 'inconclusive']) // of a version that nobody hears any more nothing good is known
    analysis.add(next, { active: reading(140), preview: reading(140) })
    expect(analysis.observed?.verdict.kind).toBe('pass')
    expect(analysis.next({ ...state, step: 4, stepWeight: 100 }, policy, 90_000)).toBeUndefined() // nothing is left to compare with
  })
})
