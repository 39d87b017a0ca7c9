// The engine at a step: what lets it go on, its clock, and a policy that changes under it.
import { decideAt, DOWN, MID, NOW, SETTLED, type Moment } from './testing/one-decision.js'
import type { RolloutState, RolloutStep } from './types.js'

const steps = (...weights: number[]): RolloutStep[] => weights.map((weight) => ({ weight, holdMs: 10_000, pause: false }))
/** v2 has had 50 % for a second. */
const HALF: RolloutState = { ...MID, weights: { v1: 50, v2: 50 }, step: 1, stepWeight: 50, furthest: 1 }
/** In mid-rollout, with these differences; `undefined`: without that. */
const at = (state: { readonly [F in keyof RolloutState]?: RolloutState[F] | undefined }, more: Moment = {}) =>
  decideAt({
    // Without what is taken out, which is optional.
    state: Object.fromEntries(Object.entries({ ...MID, ...state }).filter(([, v]) => v !== undefined)) as unknown as RolloutState,
    ...more,
  }) // only what is optional is set to undefined

describe('a policy that changes in mid-rollout', () => {
  it.each<[string, readonly number[], number, Partial<RolloutState>]>([
    [
      'goes on where it was, as its step has the same weight',
      [20, 50, 100],
      50,
      { step: 1, stepWeight: 50, furthest: 1, heldSince: NOW - 1_000, promotedStep: 1 },
    ],
    [
      'goes on at the step of the same weight, wherever that is now',
      [50, 100],
      50,
      { step: 0, stepWeight: 50, furthest: 0, heldSince: NOW },
    ],
    ['goes back to the last step that asks for no more', [10, 20, 40, 60, 100], 40, { step: 2, stepWeight: 40, furthest: 1 }],
    ['begins before the first step, where each asks for more', [60, 100], 0, { step: -1, furthest: -1 }],
  ])('%s', (_title, weights, share, then) => {
    const d = decideAt({ state: { ...HALF, promotedStep: 1 }, policy: { steps: steps(...weights), paused: true } })
    const { step, stepWeight, furthest, heldSince, promotedStep } = d.state
    const known = Object.entries({ step, stepWeight, furthest, heldSince, promotedStep }).filter(([, value]) => value !== undefined)
    expect(Object.fromEntries(known)).toEqual(then)
    expect(d.weights['v2'] ?? 0).toBe(share)
  })

  it('finds the first step again, too', () => {
    expect(at({}, { policy: { steps: steps(5, 100), paused: true } })).toMatchObject({
      weights: { v1: 95, v2: 5 },
      state: { step: 0, stepWeight: 5 },
    })
    expect(at({}, { policy: { steps: steps(20, 100), paused: true } })).toMatchObject({ weights: { v1: 100 }, state: { step: -1 } })
  })

  it('leaves a preview without traffic alone', () => {
    const state: RolloutState = { ...MID, step: -1, weights: { v1: 100 } }
    const { stepWeight: _weight, furthest: _furthest, heldSince: _held, ...rest } = state
    expect(decideAt({ state: { ...rest, furthest: 1 }, policy: { steps: steps(50, 100), paused: true } }).state).toMatchObject({
      step: -1,
      furthest: 1,
    })
  })
})

describe('the next step', () => {
  const HELD = { heldSince: NOW - 10_000 }
  it('begins when the hold is over, with its time, and without what was of the one before', () => {
    const { heldSince: _held, waitedMs: _waited, ...rest } = MID
    expect(at({ ...HELD, promotedStep: 0, waitedMs: 500 }).state).toStrictEqual({
      ...rest,
      weights: { v1: 50, v2: 50 },
      step: 1,
      stepWeight: 50,
      stepAt: NOW,
      progressAt: NOW,
      furthest: 1,
    })
  })

  it.each<[string, Parameters<typeof at>[0], Moment]>([
    ['the hold has a millisecond left', { heldSince: NOW - 9_999 }, {}],
    ['the weights are not in force', HELD, { seen: { v2: { weightObserved: 0 }, v1: { weightObserved: 100 } } }],
    ['the preview is not wholly ready', HELD, { seen: { v2: { ready: false } } }],
    ['it is halted', { ...HELD, halted: true }, {}],
    ['a user paused it', { ...HELD, pausedByUser: {} }, {}],
    ['the policy pauses it', HELD, { policy: { paused: true } }],
    [
      'it was never seen in force, though a user promotes it',
      { heldSince: undefined, promotedStep: 0 },
      { seen: { v2: { weightObserved: 0 } } },
    ],
  ])('does not begin while %s', (_title, state, more) => {
    expect(at(state, more)).toMatchObject({ weights: { v1: 90, v2: 10 }, state: { step: 0 }, events: [] })
  })

  it('is a window of its own for the analysis', () => {
    const analysis = {
      mode: 'dryRun',
      onInconclusive: 'wait',
      initialDelayMs: 0,
      limits: { maxErrorRateIncrease: 0.01, maxLatencyFactor: 1.5, minSamples: 50 },
    } as const
    expect(at({ ...HELD, windows: 4 }, { policy: { analysis } }).state).toMatchObject({ step: 1, windows: 5 })
    expect(at(HELD).state).not.toHaveProperty('windows')
  })

  it('is not held before it has begun', () => {
    const d = at({ step: -1, stepWeight: undefined, heldSince: undefined, weights: { v1: 100 } }, { policy: { paused: true } })
    expect(d.state).not.toHaveProperty('heldSince')
  })

  it('that was reached before is no progress: the clock of the deadline goes on from where it stood', () => {
    const d = at({ ...HELD, furthest: 2, waitedMs: 7_000 })
    expect(d.state).toMatchObject({ step: 1, furthest: 2, progressAt: NOW - 7_000 })
    expect(at({ ...HELD, furthest: 2, waitedMs: 60_000 }).kinds).toEqual(['RolloutFailed', 'DrainStarted'])
    expect(at({ ...HELD, furthest: 0, waitedMs: 60_000 }).kinds).toEqual(['StepStarted'])
  })
})

describe("the deadline's clock", () => {
  const CLOCK = { progressAt: NOW - 7_000, waitedMs: undefined }
  it.each<[string, Parameters<typeof at>[0], Moment]>([
    ['in a hold', {}, {}],
    ['in a pause', { pausedByUser: {} }, { seen: { v2: { ready: false } } }],
    ['while it is halted', { halted: true }, { seen: { v2: { ready: false } } }],
  ])('stands still %s', (_title, state, more) => {
    expect(at({ ...CLOCK, ...state }, more).state).toMatchObject({ progressAt: NOW - 7_000, waitedMs: 7_000 })
  })

  it.each<[string, Parameters<typeof at>[0], Moment]>([
    ['while the preview is not ready', {}, { seen: { v2: { ready: false } } }],
    ['while the weights are not in force', {}, { seen: { v2: { weightObserved: 0 } } }],
    ['when it cannot serve, and gives its traffic back', {}, { seen: { v2: DOWN } }],
  ])('runs %s', (_title, state, more) => {
    const d = at({ ...state, progressAt: NOW - 50_000, waitedMs: 7_000 }, more)
    expect(d.state).toMatchObject({ progressAt: NOW - 7_000 })
    expect(d.state).not.toHaveProperty('waitedMs')
  })

  it('of a halted rollout shows what it had when it was halted', () => {
    const d = at(
      { progressAt: NOW - 61_000 },
      {
        policy: { onFailure: 'pause' },
        seen: { v2: { ready: false, blame: 'why' } },
        state: { ...MID, progressAt: NOW - 61_000, waitedMs: 61_000 },
      },
    )
    expect(d.events).toStrictEqual([
      { kind: 'RolloutHalted', version: 'v2', stall: { deadlineMs: 60_000, missing: 'ready', blame: 'why' } },
    ])
    expect(d.state).toMatchObject({ halted: true, waitedMs: 61_000 })
  })

  it.each<[string, Moment, object]>([
    ['readiness', { seen: { v2: { ready: false } } }, { missing: 'ready' }],
    ['the weights', { seen: { v2: { weightObserved: 0 } } }, { missing: 'weights' }],
    [
      'the weights, for a known reason',
      { seen: { v2: { weightObserved: 0 } }, trafficBlame: 'no proxy' },
      { missing: 'weights', blame: 'no proxy' },
    ],
  ])('that is over says that %s was missing', (_title, more, stall) => {
    const d = at({ waitedMs: 60_000 }, more)
    expect(d.events[0]).toStrictEqual({ kind: 'RolloutFailed', version: 'v2', stall: { deadlineMs: 60_000, ...stall }, active: 'v1' })
  })
})

describe('a preview that cannot serve', () => {
  it('gives its traffic back, and says so if it had any', () => {
    const d = at({}, { seen: { v2: { ...DOWN, blame: 'why' } } })
    expect(d).toMatchObject({ weights: { v1: 100 }, state: { step: -1 } })
    expect(d.events[0]).toStrictEqual({ kind: 'PreviewDegraded', version: 'v2', blame: 'why', active: 'v1', activeServes: true })
    expect(at({ weights: { v1: 100 }, stepWeight: 0 }, { seen: { v2: DOWN }, policy: { steps: steps(0, 100) } }).events).toEqual([])
  })
})

describe('an active version that cannot serve (R5)', () => {
  it('is told when another one takes its share, once', () => {
    const d = at({}, { seen: { v1: { ...DOWN, blame: 'why' } } })
    expect(d.events).toStrictEqual([{ kind: 'ActiveUnservable', version: 'v1', blame: 'why', instead: 'v2' }])
    expect(at({ weights: { v2: 100 } }, { seen: { v1: DOWN } }).events).toEqual([])
  })
  it('is not, where there is none that can', () => {
    expect(decideAt({ state: SETTLED, seen: { v1: DOWN } })).toMatchObject({ weights: { v1: 100 }, events: [] })
  })
})

it('a version that replaces another in mid-rollout begins anew', () => {
  const d = decideAt({ state: { ...HALF, pausedByUser: {}, halted: true }, desired: 'v3', exist: ['v1', 'v2', 'v3'] })
  expect(d.state).toMatchObject({ preview: 'v3', progressAt: NOW })
  for (const field of ['pausedByUser', 'halted', 'waitedMs']) expect(d.state).not.toHaveProperty(field)
  // The active one's own spec needs nothing new, and nothing of the rollout is left.
  const back = decideAt({ state: { ...HALF, pausedByUser: {}, halted: true }, desired: 'v1', exist: ['v1', 'v2'] }).state
  for (const field of ['preview', 'pausedByUser', 'halted', 'waitedMs', 'furthest', 'stepWeight', 'stepAt', 'heldSince'])
    expect(back).not.toHaveProperty(field)
})
