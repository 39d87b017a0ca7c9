// What the engine takes what it is given for: nothing remembered, clocks that were set, fields missing.
import { decideAt, DOWN, MID, NOW, SETTLED, type Moment } from './testing/one-decision.js'
import type { RolloutState } from './types.js'

describe('without a state, the active version is', () => {
  const lost = (seen: NonNullable<Moment['seen']>, desired: string) =>
    decideAt({ state: undefined, exist: Object.keys(seen), seen, desired })
  const at = (weightObserved: number | undefined, more: object = {}) => ({ weightObserved, ...more })
  it.each<[string, string | undefined, string, NonNullable<Moment['seen']>]>([
    ['the one with most traffic', 'v2', 'v3', { v1: at(20), v2: at(80), v3: at(0) }],
    ['that, also when it is asked for', 'v2', 'v2', { v1: at(49), v2: at(51) }],
    ['that, also when it cannot serve', 'v1', 'v2', { v1: at(51, DOWN), v2: at(49) }],
    ['of two with half of it, the one that is not asked for', 'v2', 'v1', { v1: at(50), v2: at(50) }],
    ['one that can serve, where nobody knows', 'v2', 'v3', { v1: at(undefined, DOWN), v2: at(undefined), v3: at(undefined) }],
    ['of several that can, the one with more traffic', 'v2', 'v4', { v1: at(20), v2: at(40), v4: at(40) }],
    ['of several alike, the first by its id', 'v1', 'v3', { v2: at(undefined), v1: at(undefined), v3: at(undefined) }],
    ['one with traffic, where no other can serve', 'v2', 'v2', { v1: at(0, DOWN), v2: at(40, DOWN) }],
    ['any that is not asked for, where none can serve', 'v1', 'v2', { v1: at(0, DOWN), v2: at(0, DOWN) }],
    ['none, where there is only the one asked for', undefined, 'v1', { v1: at(0) }],
    ['none, where there is nothing', undefined, 'v1', {}],
  ])('%s', (_title, active, desired, seen) => {
    const adopted = lost(seen, desired).events.filter(({ kind }) => kind === 'Adopted')
    expect(adopted).toStrictEqual(active === undefined ? [] : [{ kind: 'Adopted', version: active }])
  })

  it.each<[string, Record<string, number>, NonNullable<Moment['seen']>]>([
    ['while none can serve, the weights stay', { v1: 90, v2: 10 }, { v1: at(90, DOWN), v2: at(10, DOWN), v3: at(0, DOWN) }],
    ['while only the lighter one can, it gets all', { v2: 100 }, { v1: at(90, DOWN), v2: at(10) }],
    ['of weights that are not all known none is taken over', {}, { v1: at(90, DOWN), v2: at(undefined, DOWN) }],
  ])('%s', (_title, weights, seen) => {
    expect(lost(seen, 'v9').weights).toEqual(weights)
  })

  it('with a state, nothing is adopted, whatever it lacks', () => {
    const bare = { progressAt: NOW } as RolloutState // of an older release
    // It lacks what the type promises: that is the case here.
    expect(decideAt({ state: { ...bare, draining: [] } as unknown as RolloutState, exist: ['v1'], desired: 'v1' }).kinds).toEqual([
      'RolloutStarted',
      'Promoted',
    ])
  })
})

describe('times that cannot be', () => {
  const FUTURE = NOW + 3_600_000
  it('lie in the future, after a clock was set back: they count as now', () => {
    const state: RolloutState = { ...MID, stepAt: FUTURE, heldSince: FUTURE, progressAt: FUTURE, draining: [{ id: 'v0', since: FUTURE }] }
    expect(decideAt({ state, seen: { v0: { inFlight: 1 } } }).state).toMatchObject({
      stepAt: NOW,
      heldSince: NOW,
      progressAt: NOW,
      draining: [{ id: 'v0', since: NOW }],
    })
  })
  it('are of before the clock was set: a drain begins anew', () => {
    const state: RolloutState = { ...SETTLED, draining: [{ id: 'v0', since: NOW - 40_000 }] }
    const left = (clockSetAt: number) => decideAt({ state, clockSetAt, seen: { v0: { inFlight: 1 } } }).state.draining
    expect(left(NOW - 20_000)).toStrictEqual([{ id: 'v0', since: NOW - 20_000 }])
    expect(left(NOW - 30_000)).toMatchObject([{ since: NOW - 30_000, letGo: true }])
  })
  it('are of the watching: one that begins in the future says nothing', () => {
    const state: RolloutState = { ...MID, heldSince: NOW - 10_000 }
    expect(decideAt({ state, watchingSince: FUTURE }).kinds).toEqual(['StepStarted'])
    expect(decideAt({ state, watchingSince: NOW }).kinds).toEqual([])
    expect(decideAt({ state, watchingSince: NOW - 10_000 }).kinds).toEqual(['StepStarted'])
  })
})

it('versions that are gone are forgotten, and a version that does not exist has no good in it', () => {
  const state: RolloutState = { ...SETTLED, draining: [{ id: 'v0', since: NOW }], removing: ['vr'] }
  const d = decideAt({ state, exist: [] })
  expect(d.state).toStrictEqual(SETTLED)
  expect(d).toMatchObject({ phase: 'Degraded', weights: { v1: 100 } })
})

it('a policy without steps is a cutover', () => {
  const { stepWeight: _weight, heldSince: _held, stepAt: _at, waitedMs: _waited, furthest: _furthest, ...rest } = MID
  const d = decideAt({ state: { ...rest, step: -1, weights: { v1: 100 } }, policy: { steps: [] } })
  expect(d.events).toStrictEqual([{ kind: 'StepStarted', version: 'v2', index: 0, count: 1, weight: 100, pause: false }])
})

it('a version that is ready and has no endpoint is not ready', () => {
  const state: RolloutState = { ...SETTLED, preview: 'v2', progressAt: NOW }
  expect(decideAt({ state, seen: { v2: { servable: false } } })).toMatchObject({ weights: { v1: 100 }, phase: 'Starting', events: [] })
})
