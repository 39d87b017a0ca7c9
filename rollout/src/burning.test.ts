import { versionsToBurn, type VersionOrder } from './burning.js'
import { decide } from './engine.js'
import { brokenInvariants } from './invariants.js'
import { decideAt, inputAt, NOW, SETTLED, type Moment } from './testing/one-decision.js'
import type { DrainingVersion, ObservedVersion, RolloutCommand, RolloutState } from './types.js'
import { wordAwaited, wordEvent } from './words.js'

const TERMS = { progressDeadline: 'deadline', drainTimeout: 'drain', asker: 'the spec', unpaused: '', howToPromote: '', parts: 'objects' }

/** v1 is active, v2 has 10 % of its traffic and waits, v0 is retained. */
const MID: RolloutState = {
  active: 'v1',
  preview: 'v2',
  weights: { v1: 90, v2: 10 },
  step: 0,
  stepWeight: 10,
  stepAt: NOW - 5_000,
  progressAt: NOW - 5_000,
  pausedByUser: {},
  draining: [{ id: 'v0', since: NOW - 9_000, served: true, retained: true, drained: true }],
  failed: [],
}

/** A pause, the spec and what is retained would keep everything as it is. */
const HELD: Moment['policy'] = {
  steps: [10, 100].map((weight) => ({ weight, holdMs: 0, pause: true })),
  paused: true,
  drainTimeoutMs: 60_000,
  retain: { forMs: 3_600_000, versions: 2 },
}
function run(moment: Moment, commands: readonly RolloutCommand[] = []) {
  const decision = decideAt({ ...moment, policy: { ...HELD, ...moment.policy } }, commands)
  return { ...decision, says: decision.events.map((e) => wordEvent(e, TERMS)) }
}
const burn = (version?: string, note?: string) => [
  { verb: 'burn', ...(version === undefined ? {} : { version }), ...(note === undefined ? {} : { note }) } as const,
]

describe('which versions are burned', () => {
  const of = (order: Partial<VersionOrder>): VersionOrder => ({
    desired: 'v3',
    known: ['v1', 'v2', 'v3'],
    state: { active: 'v3', failed: [] },
    ...order,
  })
  it.each([
    ['all but the one asked for', of({}), undefined, ['v1', 'v2']],
    ['the one named and all older ones', of({}), 'v2', ['v1', 'v2']],
    ['the only one, when it is named', of({}), 'v3', ['v1', 'v2', 'v3']],
    [
      'the active one with what it has replaced, whenever that was made',
      of({ state: { active: 'v1', failed: [] }, desired: 'v1' }),
      'v1',
      ['v2', 'v3', 'v1'],
    ],
    ['not the active one with a newer one that it has replaced', of({ state: { active: 'v1', failed: [] }, desired: 'v1' }), 'v2', ['v2']],
    ['not the preview, which is the newest', of({ state: { active: 'v2', failed: [] }, desired: 'v1' }), undefined, ['v3', 'v2']],
    ['not one that is about to start', of({ state: { active: 'v3', failed: [] }, desired: 'v2' }), 'v3', ['v1', 'v3']],
    ['all, with one that has not even begun', of({ state: undefined, desired: 'v4' }), 'v4', ['v1', 'v2', 'v3', 'v4']],
    ['none without a name, while what is asked for has failed', of({ state: { active: 'v2', failed: ['v3'] } }), undefined, 'failed'],
    ['a failed one, when it is named', of({ state: { active: 'v2', failed: ['v3'] } }), 'v3', ['v1', 'v3']],
    ['none without a name, where there is but one', of({ known: ['v3'] }), undefined, 'alone'],
    ['none of which nobody knows', of({}), 'v9', 'unknown'],
  ])('%s', (_title, order, version, found) => {
    expect(versionsToBurn(order, version)).toEqual(found)
  })
  it('by what exists where nothing says what is known, those on their way out first', () => {
    expect(run({ state: MID, exist: ['v2', 'vx', 'v1', 'v0'] }, burn('v1')).state.burned).toEqual(['v0', 'vx', 'v1'])
  })
})

describe('a version that is burned (R10)', () => {
  it('loses all traffic in that decision; what is left takes over, whatever held it back', () => {
    const d = run({ state: MID }, burn('v1', 'jane: leaks tokens'))
    expect(d.weights).toEqual({ v2: 100 })
    expect(d.state).toMatchObject({ active: 'v2', burned: ['v0', 'v1'], step: -1 })
    expect(d.state).not.toHaveProperty('pausedByUser')
    expect(d).toMatchObject({ keep: ['v2'], letGo: ['v0', 'v1'], remove: [], awaited: { kind: 'weights' } })
    expect(d.says).toEqual([
      'version "v1" is burned with the older one, and unreachable for good (jane: leaks tokens); version "v2" has all traffic',
      'version "v2" is the active version',
    ])
    expect(d.state.commandsSeen).toEqual({ burn: 'v1 jane: leaks tokens' })
  })

  it('gives its traffic to one that is not ready in all its parts, and to none that cannot serve before it can', () => {
    expect(run({ state: MID, seen: { v2: { ready: false } } }, burn('v1'))).toMatchObject({ weights: { v2: 100 }, phase: 'Degraded' })
    const down = { v2: { ready: false, servable: false } }
    const before = run({ state: MID, seen: down }, burn('v1'))
    expect(before).toMatchObject({ weights: {}, phase: 'Starting', awaited: { kind: 'ready', version: 'v2' } })
    expect(before.says).toEqual([
      'version "v1" is burned with the older one, and unreachable for good; version "v2" gets all traffic when it can serve',
    ])
    expect(before.state).toMatchObject({ preview: 'v2', progressAt: NOW })
    expect(run({ state: before.state, exist: ['v2'] }).weights).toEqual({ v2: 100 })
  })

  it('leaves an active version with all of its traffic, and what is rolled out beside it', () => {
    expect(run({ state: MID }, burn('v0'))).toMatchObject({
      weights: { v1: 90, v2: 10 },
      keep: ['v1', 'v2'],
      letGo: ['v0'],
      state: { burned: ['v0'], pausedByUser: {} },
    })
  })

  it('that was the last one leaves nothing that answers, and says so', () => {
    const d = run({ state: SETTLED }, burn('v1', 'jane'))
    expect(d).toMatchObject({ weights: {}, phase: 'Failed', keep: [], letGo: ['v1'], state: { failed: ['v1'], burned: ['v1'] } })
    expect(d.state).not.toHaveProperty('active')
    expect(d.says).toEqual(['version "v1" is burned, and unreachable for good (jane); no version is left that could serve'])
    const after = run({ state: d.state, desired: 'v1', exist: [] })
    expect(after).toMatchObject({ phase: 'Failed', keep: [], remove: [], weights: {}, events: [] })
    expect(wordAwaited(after.awaited ?? { kind: 'unpaused' }, TERMS)).toBe(
      'a change of the spec: version "v1" is burned, and never serves again',
    )
    // Another one starts as a first version does.
    const next = run({ state: after.state, desired: 'v2', exist: [] })
    expect(next).toMatchObject({ keep: ['v2'], kinds: ['RolloutStarted'], state: { preview: 'v2', failed: [], burned: ['v1'] } })
    expect(next.events[0]).not.toHaveProperty('beside')
  })

  it('that has traffic while neither it nor the active one can serve leaves it to none', () => {
    const down = { ready: false, servable: false }
    const state: RolloutState = { ...SETTLED, weights: { v1: 70, v0: 30 }, draining: [{ id: 'v0', since: NOW }] }
    expect(run({ state, seen: { v0: down, v1: down } }).weights).toEqual({ v1: 70, v0: 30 })
    expect(run({ state, seen: { v0: down, v1: down } }, burn('v0')).weights).toEqual({})
    expect(run({ state, seen: { v1: down } }, burn('v0')).weights).toEqual({})
  })

  it('is burned once, by whatever command and however often', () => {
    const { state } = run({ state: MID }, burn('v1', 'jane'))
    expect(run({ state, known: ['v0', 'v1', 'v2'] }, burn('v1', 'jane')).events).toEqual([])
    expect(run({ state, known: ['v0', 'v1', 'v2'] }, burn('v0', 'joe')).events).toEqual([])
    const more = run({ state, known: ['v0', 'v1', 'v2'] }, burn('v2', 'joe'))
    expect(more.state).toMatchObject({ burned: ['v0', 'v1', 'v2'], commandsSeen: { burn: 'v2 joe' } })
    expect(more.says).toEqual([
      'version "v2" is burned with the 2 older ones, and unreachable for good (joe); no version is left that could serve',
    ])
  })

  it.each([
    ['v9', 'nothing is burned (jane): version "v9" is not known'],
    [undefined, 'nothing is burned (jane): there is no version but "v1"; to burn that, name it'],
  ])('is none when the command names %s, and that is told', (version, said) => {
    const d = run({ state: SETTLED }, burn(version, 'jane'))
    expect([d.says, d.state.burned, d.weights]).toEqual([[said], undefined, { v1: 100 }])
  })

  it('is what every new command names, also of several at once', () => {
    const both = [...burn('v0'), ...burn('v9', 'jane')]
    const d = run({ state: MID }, both)
    expect([d.state.burned, d.kinds, d.state.commandsSeen]).toEqual([['v0'], ['VersionBurned', 'BurnRefused'], { burn: 'v0 \nv9 jane' }])
    expect(run({ state: d.state }, both).events).toEqual([])
    expect(run({ state: d.state }, [...both, ...burn('v1')]).kinds).toEqual(['VersionBurned', 'Promoted'])
  })

  it('comes before all other commands, which are dropped', () => {
    expect(run({ state: MID }, [{ verb: 'abort' }, ...burn('v1')]).state).toMatchObject({ active: 'v2', failed: [] })
  })

  it('never comes back: not by the spec, not by retry', () => {
    const state: RolloutState = { ...SETTLED, burned: ['v0'] }
    const asked = run({ state, desired: 'v0' })
    expect(asked).toMatchObject({ weights: { v1: 100 }, keep: ['v1'], phase: 'Failed', state: { failed: ['v0'] } })
    expect(asked.says).toEqual(['version "v0" is burned and does not start again; have the spec ask for another one'])
    const again = run({ state: asked.state, desired: 'v0' }, [{ verb: 'retry', note: 'jane' }])
    expect(again.says).toEqual(['version "v0" is burned and does not start again (jane); have the spec ask for another one'])
    expect(again.state).toMatchObject({ failed: ['v0'] })
    expect(run({ state: again.state, desired: 'v0' }).events).toEqual([])
    expect(run({ state: again.state, desired: 'v2' }).state).toMatchObject({ preview: 'v2', failed: [] })
  })

  it('leaves the rollout of a state that another release has written', () => {
    const d = run({ state: { ...MID, burned: ['v1', 'v2'] } })
    expect(d).toMatchObject({ weights: {}, phase: 'Failed', letGo: ['v2', 'v1'], kinds: ['BurnedNotStarted'] })
    expect(d.state).not.toHaveProperty('preview')
    expect(d.state).not.toHaveProperty('pausedByUser')
  })
})

describe('a burned version goes', () => {
  const goes = (at: Partial<DrainingVersion>, seen: Partial<ObservedVersion>, more: Moment = {}) =>
    run({ state: { ...SETTLED, burned: ['v0'], draining: [{ id: 'v0', since: NOW, ...at }] }, seen: { v0: seen }, ...more })

  it('without a drain: the proxies drop it at once, with what it has in flight', () => {
    expect(goes({}, { inFlight: 3 }).state.draining).toEqual([{ id: 'v0', since: NOW, letGo: true, cut: 3 }])
    expect(goes({}, { inFlight: 0 }).state.draining).toEqual([{ id: 'v0', since: NOW, letGo: true }])
    const d = run({ state: SETTLED, seen: { v1: { inFlight: undefined } } }, burn('v1'))
    expect(d.state.draining).toEqual([{ id: 'v1', since: NOW, letGo: true, cut: 'unknown' }])
    expect(d.kinds).toEqual(['VersionBurned'])
  })

  it('when no proxy names it any more, or a second after they were told to drop it', () => {
    expect(goes({ letGo: true, cut: 3 }, { released: true, inFlight: 3 })).toMatchObject({
      remove: ['v0'],
      says: ['version "v0" is removed; 3 requests and open connections were cut'],
    })
    expect(goes({ letGo: true }, { released: true, weightObserved: 5 }).remove).toEqual([])
    const waits = goes({ letGo: true }, {}, { now: NOW + 999 })
    expect(waits).toMatchObject({ remove: [], requeueAfterMs: 1, awaited: { kind: 'released', version: 'v0' } })
    expect(goes({ letGo: true }, { weightObserved: 5 }, { now: NOW + 1_000 })).toMatchObject({ remove: ['v0'], kinds: ['VersionRemoved'] })
    expect(goes({ letGo: true }, {}, { now: NOW + 10, policy: { drainTimeoutMs: 10 } }).remove).toEqual(['v0'])
  })

  it('not before the proxies were told, however short their time is', () => {
    expect(goes({}, {}, { policy: { drainTimeoutMs: 0 } }).remove).toEqual([])
    expect(goes({ letGo: true }, {}, { policy: { drainTimeoutMs: 0 } }).remove).toEqual(['v0'])
  })

  it('is awaited as what the proxies let go, also while requests are open', () => {
    expect(goes({ letGo: true }, { inFlight: 2 }).awaited).toEqual({ kind: 'released', version: 'v0' })
  })

  it('though it was being drained, or retained, for longer', () => {
    const draining = [{ id: 'v0', since: NOW - 50_000, served: true, retained: true, drained: true } as const]
    expect(run({ state: { ...SETTLED, draining } }, burn('v0')).state.draining).toEqual([{ id: 'v0', since: NOW, letGo: true }])
  })
})

describe('the invariants of what is burned', () => {
  const state: RolloutState = { ...SETTLED, burned: ['v0'] }
  const broken = (changed: Partial<RolloutState>, more: object = {}) => {
    const input = inputAt({ state, exist: ['v0', 'v1'] }, [])
    const decision = decide(input)
    return brokenInvariants(input, { ...decision, ...more, state: { ...decision.state, ...changed } })
  }
  it.each([
    ['it has weight', {}, { weights: { v0: 100 } }, 'burned version "v0" has weight'],
    ['it is kept', {}, { keep: ['v0', 'v1'] }, 'burned version "v0" is kept'],
    ['it is active', { active: 'v0' }, {}, 'burned version "v0" is kept'],
    ['it is rolled out', { preview: 'v0' }, {}, 'burned version "v0" is kept'],
    ['it is drained', { draining: [{ id: 'v0', since: NOW }] }, {}, 'burned version "v0" is to be named by the proxies'],
    ['it is forgotten', { burned: [] }, {}, 'version "v0" is not burned any more'],
    ['it is removed at once', {}, { remove: ['v0'] }, 'burned version "v0" is removed before the proxies could let it go'],
  ])('are broken when %s', (_title, changed, more, said) => {
    expect(broken(changed, more)).toContain(said)
    expect(broken({})).toEqual([])
  })
})
