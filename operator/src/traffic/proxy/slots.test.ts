import { proxyTargets } from './proxy-target.js'
import {
  bindSlots,
  commitWeights,
  emptyState,
  freeSlots,
  NO_PLAN,
  parseState,
  planValue,
  readPlan,
  recoverState,
  stampDropped,
  type ProxyState,
} from './slots.js'
import type { TrafficPlan } from '../driver.js'

function plan(versions: readonly string[], weights: Record<string, number> = {}, listeners = ['lis']): TrafficPlan {
  return {
    app: { namespace: 'n', name: 'a', uid: 'u', replicas: 2 },
    versions,
    listeners: listeners.map((name) => ({
      listener: { name, port: 80 },
      weights,
      backends: versions.map((versionId) => ({
        versionId,
        deploymentId: `a-${versionId}`,
        serviceHost: '10.0.0.1',
        servicePort: 80,
        pods: [],
      })),
    })),
  }
}
const noService = () => undefined
const bind = (state: ProxyState, p: TrafficPlan) => bindSlots(state, p, noService).state
const slotsOf = (state: ProxyState) =>
  Object.fromEntries(
    Object.entries(state.listeners['lis']?.slots ?? {}).map(([s, b]) => [s, b.leaving === true ? `-${b.versionId}` : b.versionId]),
  )

describe('slots', () => {
  it('keeps the slot of a version whatever comes and goes beside it', () => {
    let state = bind(emptyState(), plan(['v1']))
    state = bind(state, plan(['v1', 'v2']))
    expect(slotsOf(state)).toEqual({ s1: 'v1', s2: 'v2' })
    state = bind(state, plan(['v2', 'v3']))
    expect(slotsOf(state)).toEqual({ s1: '-v1', s2: 'v2', s3: 'v3' })
    expect(slotsOf(bind(state, plan(['v1', 'v2', 'v3'])))).toEqual({ s1: 'v1', s2: 'v2', s3: 'v3' })
  })

  it('binds a slot anew only after all proxies have lost what was in it', () => {
    let state = bind(emptyState(), plan(['v1', 'v2']))
    state = bind(state, plan(['v2']))
    expect(slotsOf(freeSlots(state, () => false))).toEqual({ s1: '-v1', s2: 'v2' })
    state = freeSlots(state, (backend) => backend === 'lis_s1')
    expect(slotsOf(bind(state, plan(['v2', 'v3'])))).toEqual({ s1: 'v3', s2: 'v2' })
  })

  it('a version that has weight does not leave before its weight was moved', () => {
    let state = commitWeights(bind(emptyState(), plan(['v1', 'v2'])), plan(['v1', 'v2'], { v1: 100 }))
    state = bind(state, plan(['v2'], { v2: 100 }))
    expect(slotsOf(state)).toEqual({ s1: 'v1', s2: 'v2' })
    state = bind(commitWeights(state, plan(['v2'], { v2: 100 })), plan(['v2'], { v2: 100 }))
    expect(slotsOf(state)).toEqual({ s1: '-v1', s2: 'v2' })
  })

  it('a burned version has no weight any more, and leaves at once, whether or not another one can be raised', () => {
    const before = commitWeights(bind(emptyState(), plan(['v1', 'v2'])), plan(['v1', 'v2'], { v1: 90, v2: 10 }))
    const left = bind(before, { ...plan(['v2'], { v2: 100 }), burned: ['v1'] })
    expect(slotsOf(left)).toEqual({ s1: '-v1', s2: 'v2' })
    expect(left.listeners['lis']?.weights).toEqual({ v2: 10 })
    expect(readPlan(planValue('lis', left.listeners['lis'] ?? { slots: {}, weights: {} }))).toEqual({ lis_s2: 100 })
    // It had all: nobody gets any until another one is raised, and the proxies are told so.
    const whole = commitWeights(before, plan(['v1', 'v2'], { v1: 100 }))
    const asked = { ...plan(['v2'], { v2: 100 }), burned: ['v1'] }
    expect(proxyTargets(bind(whole, asked), asked, { cut: () => false })[0]?.plan).toBe(NO_PLAN)
    const none = bind(before, { ...plan([]), burned: ['v1', 'v2'] })
    expect(slotsOf(none)).toEqual({ s1: '-v1', s2: '-v2' })
    expect(planValue('lis', none.listeners['lis'] ?? { slots: {}, weights: { v1: 1 } })).toBe(NO_PLAN)
  })

  it('says which version waits when all slots are taken', () => {
    const { state, problems } = bindSlots(emptyState(), plan(['v1', 'v2', 'v3', 'v4', 'v5']), noService)
    expect(Object.keys(slotsOf(state))).toHaveLength(4)
    expect(problems).toEqual(['listener "lis": version "v5" waits for one of 4 slots; older versions must be let go first'])
  })

  it('remembers when the files ceased to name a version, until it comes back', () => {
    const one = stampDropped(emptyState(), bind(emptyState(), plan(['v1', 'v2'])), 1)
    const two = stampDropped(one, bind(one, plan(['v2'])), 50)
    expect(two.dropped).toEqual({ v1: 50 })
    expect(two.generation).toBe(2)
    expect(stampDropped(two, bind(two, plan(['v2'])), 60)).toBe(two)
    expect(stampDropped(two, bind(two, plan(['v1', 'v2'])), 70).dropped).toEqual({})
  })

  it('lets the versions of a listener go that nobody exports any more', () => {
    const state = commitWeights(bind(emptyState(), plan(['v1'], {}, ['lis', 'old'])), plan(['v1'], { v1: 100 }, ['lis', 'old']))
    const next = bind(state, plan(['v1'], { v1: 100 }))
    expect(next.listeners['old']).toMatchObject({ weights: {}, slots: { s1: { leaving: true } } })
    expect(Object.keys(freeSlots(next, () => true).listeners)).toEqual(['lis'])
  })

  it('refuses stored slots that it did not write', () => {
    const state = bind(emptyState(), plan(['v1']))
    expect(parseState(JSON.stringify(state), 'x')).toEqual(state)
    for (const text of ['', '{}', '{"format":2,"listeners":{},"dropped":{},"generation":1}'])
      expect(() => parseState(text, 'ConfigMap "a-proxy"')).toThrow('ConfigMap "a-proxy": the stored slots cannot be read')
  })
})

describe('plan entries', () => {
  const state = bind(emptyState(), plan(['v1', 'v2', 'v3', 'v4']))
  const value = (weights: Record<string, number>) => planValue('lis', { slots: state.listeners['lis']?.slots ?? {}, weights })

  it('are cumulative, of constant length, and leave out versions without weight', () => {
    expect(value({ v1: 90, v2: 10 })).toBe('lis_s1:9000:lis_s2:10000:lis_s2:10000:lis_s2')
    expect(value({ v2: 100, v1: 0 })).toBe('lis_s2:10000:lis_s2:10000:lis_s2:10000:lis_s2')
    expect(value({ v1: 70, v2: 25, v3: 4, v4: 1 })).toBe('lis_s1:7000:lis_s2:9500:lis_s3:9900:lis_s4')
    expect(value({})).toBe(NO_PLAN)
  })

  it('are read back as what was written, for every split of two and many of four', () => {
    for (let w = 0; w <= 100; w++) {
      const weights = { lis_s1: w, lis_s2: 100 - w }
      expect(readPlan(value({ v1: w, v2: 100 - w }))).toEqual(Object.fromEntries(Object.entries(weights).filter(([, x]) => x > 0)))
    }
    for (let a = 1; a < 98; a += 7)
      for (let b = 1; b < 98 - a; b += 5) {
        const weights = { v1: a, v2: b, v3: 1, v4: 99 - a - b }
        expect(readPlan(value(weights))).toEqual({ lis_s1: a, lis_s2: b, lis_s3: 1, lis_s4: 99 - a - b })
      }
  })

  it('and bindings are recovered from what a proxy shows', () => {
    const shown = {
      slots: new Map([
        ['lis_s1', '-'],
        ['lis_s2', 'a-v2'],
        ['lis_s3', 'a-v1'],
      ]),
      plans: new Map([['lis', 'lis_s2:2500:lis_s3:10000:lis_s3:10000:lis_s3']]),
    }
    const found = recoverState(plan(['v1', 'v2']), shown)
    expect(slotsOf(found)).toEqual({ s2: 'v2', s3: 'v1' })
    expect(found.listeners['lis']?.weights).toEqual({ v2: 25, v1: 75 })
    // A weighted slot of a version that is not in the plan: nothing is claimed.
    expect(recoverState(plan(['v2']), shown).listeners['lis']?.weights).toEqual({})
  })
})
