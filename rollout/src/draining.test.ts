// How old versions go, case by case; the explorer shows that they always do.
import { decideAt, DOWN, MID, NOW, SETTLED, type Moment } from './testing/one-decision.js'
import type { DrainingVersion, RolloutState } from './types.js'

type Seen = NonNullable<Moment['seen']>[string]
const RETAIN = { retain: { forMs: 60_000, versions: 1 } }

/** v1 has all traffic, and v0 has lost its own ten seconds ago. */
function drainOf(at: Partial<DrainingVersion>, seen: Seen = {}, more: Moment = {}) {
  const state: RolloutState = { ...SETTLED, draining: [{ id: 'v0', since: NOW - 10_000, ...at }] }
  return decideAt({ state, ...more, seen: { v0: seen, ...more.seen } })
}
const LATE = { since: NOW - 30_000 }
const letGo = { letGo: true } as const

describe('a draining version is let go', () => {
  it.each<[string, Partial<DrainingVersion>, Seen, Partial<DrainingVersion>, readonly object[]]>([
    ['when nothing reaches it and nothing is in flight', {}, {}, letGo, []],
    ['not while a proxy sends to it', {}, { weightObserved: 5 }, {}, []],
    ['not while its weight is not known', {}, { weightObserved: undefined }, {}, []],
    ['not while something is in flight', {}, { inFlight: 1 }, {}, []],
    ['not while that is not known', {}, { inFlight: undefined }, {}, []],
    ['when its time is over, and nothing is lost where nothing is in flight', LATE, { weightObserved: 5 }, { ...LATE, ...letGo }, []],
    [
      'when its time is over, with what is in flight',
      LATE,
      { inFlight: 3 },
      { ...LATE, ...letGo, cut: 3 },
      [{ kind: 'DrainCut', at: 'release', version: 'v0', inFlight: 3, timeoutMs: 30_000 }],
    ],
    [
      'when its time is over, with what nobody knows',
      LATE,
      { inFlight: undefined },
      { ...LATE, ...letGo, cut: 'unknown' },
      [{ kind: 'DrainCut', at: 'release', version: 'v0', timeoutMs: 30_000 }],
    ],
    ['once', { ...LATE, ...letGo, cut: 3 }, { inFlight: 2 }, { ...LATE, ...letGo, cut: 3 }, []],
  ])('%s', (_title, at, seen, then, events) => {
    const d = drainOf(at, seen)
    expect(d.state.draining).toStrictEqual([{ id: 'v0', since: NOW - 10_000, ...then }])
    expect(d.events).toStrictEqual(events)
    expect(d.remove).toEqual([])
  })

  it('not while it has traffic for want of another, however long', () => {
    const state: RolloutState = { ...SETTLED, weights: { v0: 100 }, draining: [{ id: 'v0', ...LATE }] }
    for (const inFlight of [0, 3]) {
      const d = decideAt({ state, seen: { v1: DOWN, v0: { inFlight } } })
      expect([d.weights, d.state.draining, d.events]).toStrictEqual([{ v0: 100 }, [{ id: 'v0', ...LATE }], []])
    }
    // Its time begins when another one can serve.
    const d = decideAt({ state, seen: { v0: { inFlight: 3 } } })
    expect([d.weights, d.state.draining]).toStrictEqual([{ v1: 100 }, [{ id: 'v0', since: NOW }]])
    expect(d.kinds).toEqual(['DrainStarted'])
  })
})

describe('a version that was let go is removed', () => {
  const CUT = { ...LATE, ...letGo, cut: 3 }
  it.each<[string, Partial<DrainingVersion>, Seen, readonly object[]]>([
    ['when no proxy names it', letGo, { released: true }, [{ kind: 'VersionRemoved', version: 'v0' }]],
    [
      'when none does, though its weight is not known',
      letGo,
      { released: true, weightObserved: undefined },
      [{ kind: 'VersionRemoved', version: 'v0' }],
    ],
    [
      'at once, when none has ever named it',
      {},
      { released: true, weightObserved: undefined },
      [{ kind: 'VersionRemoved', version: 'v0' }],
    ],
    ['with the number of what was cut', CUT, { released: true, inFlight: 1 }, [{ kind: 'VersionRemoved', version: 'v0', cut: 3 }]],
    [
      'at the end of its time, with what came up after that',
      { ...LATE, ...letGo },
      { released: true, inFlight: 2 },
      [{ kind: 'DrainCut', at: 'removal', version: 'v0', inFlight: 2, afterMs: 30_000 }],
    ],
    [
      'at the end of its time, with what nobody knows',
      { ...LATE, ...letGo },
      { released: true, inFlight: undefined },
      [{ kind: 'DrainCut', at: 'removal', version: 'v0', afterMs: 30_000 }],
    ],
  ])('%s', (_title, at, seen, events) => {
    const d = drainOf(at, seen)
    expect([d.remove, d.state.draining, d.events]).toStrictEqual([['v0'], [], events])
  })

  it.each<[string, Partial<DrainingVersion>, Seen]>([
    ['while a proxy names it, however long', { ...LATE, ...letGo }, {}],
    ['while a proxy sends to it, however long', { ...LATE, ...letGo }, { released: true, weightObserved: 5 }],
    ['while something is in flight and its time is not over', letGo, { released: true, inFlight: 1 }],
  ])('not %s', (_title, at, seen) => {
    expect(drainOf(at, seen)).toMatchObject({ remove: [], letGo: ['v0'], events: [] })
  })
})

it('a preview that gives its traffic back drains from that moment on, as one that did not serve', () => {
  const d = decideAt({ state: MID, desired: 'v1', exist: ['v1', 'v2'], seen: { v2: { inFlight: 1 } } })
  expect(d.state.draining).toStrictEqual([{ id: 'v2', since: NOW }])
  expect(d.kinds).toEqual(['RolledBack', 'DrainStarted'])
  const back = decideAt({ state: { ...MID, previewServed: true }, desired: 'v1', exist: ['v1', 'v2'], seen: { v2: { inFlight: 1 } } })
  expect(back.state.draining).toStrictEqual([{ id: 'v2', since: NOW, served: true }])
})

it('a version without a part in the rollout drains, and one that is being deleted does not', () => {
  const state: RolloutState = { ...SETTLED, removing: ['vr'] }
  const d = decideAt({ state, exist: ['v1', 'vr', 'vx'], seen: { vx: { inFlight: 1 } } })
  expect([d.state.draining, d.remove]).toStrictEqual([[{ id: 'vx', since: NOW }], ['vr']])
})

describe('a version that served (R9)', () => {
  const SERVED = { served: true } as const
  const KEPT = { ...SERVED, retained: true } as const

  it('rests when it is drained: that is told once, with the end of its time, and it is not removed', () => {
    const d = drainOf(SERVED, { released: true }, { policy: RETAIN })
    expect(d.state.draining).toStrictEqual([{ id: 'v0', since: NOW - 10_000, ...KEPT, drained: true }])
    expect(d.events).toStrictEqual([{ kind: 'VersionRetained', version: 'v0', until: NOW + 50_000 }])
    expect(d).toMatchObject({ phase: 'Ready', remove: [], requeueAfterMs: 50_000 })
    expect(drainOf({ ...KEPT, drained: true }, { released: true }, { policy: RETAIN }).events).toEqual([])
    expect(drainOf(SERVED, { inFlight: 1 }, { policy: RETAIN }).state.draining).toStrictEqual([{ id: 'v0', since: NOW - 10_000, ...KEPT }])
    expect(drainOf({ ...KEPT, ...LATE }, { inFlight: 1 }, { policy: RETAIN }).events).toEqual([])
  })

  it('stays as it is while the settings are not known', () => {
    for (const at of [KEPT, { ...KEPT, drained: true as const }])
      expect(drainOf(at, {}, { policy: { retain: 'unknown' } })).toMatchObject({
        state: { draining: [{ id: 'v0', since: NOW - 10_000, ...at }] },
        events: [],
      })
  })

  it('goes when its time is over: what is in flight then has the drain timeout', () => {
    const since = NOW - 60_000
    const at = { ...KEPT, drained: true, since } as const
    expect(drainOf(at, { weightObserved: undefined }, { policy: { ...RETAIN, drainTimeoutMs: 70_000 } }).state.draining).toStrictEqual([
      { id: 'v0', since, ...SERVED },
    ])
    expect(drainOf(at, { inFlight: 2 }, { policy: RETAIN }).state.draining).toStrictEqual([{ id: 'v0', since: NOW }])
    expect(drainOf({ ...at, since: since + 1 }, { inFlight: 2 }, { policy: RETAIN }).state.draining).toMatchObject([{ retained: true }])
  })

  it('takes no place from others once it was let go', () => {
    const state: RolloutState = {
      ...SETTLED,
      draining: [
        { id: 'v0', since: NOW - 10_000, ...SERVED },
        { id: 'vx', since: NOW - 5_000, ...SERVED, letGo: true },
      ],
    }
    expect(decideAt({ state, policy: RETAIN }).state.draining).toMatchObject([
      { id: 'v0', retained: true, drained: true },
      { id: 'vx', letGo: true },
    ])
  })
})

it('a burned version that was let go with nothing in flight is removed as such, whatever came up since', () => {
  const d = drainOf(
    letGo,
    { released: true, inFlight: 2 },
    { state: { ...SETTLED, burned: ['v0'], draining: [{ id: 'v0', since: NOW, letGo: true }] } },
  )
  expect([d.remove, d.events]).toStrictEqual([['v0'], [{ kind: 'VersionRemoved', version: 'v0' }]])
})
