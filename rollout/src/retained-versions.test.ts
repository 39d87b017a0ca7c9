// Old versions that stay warm, and come back, as `simulate` plays them.
import { decide } from './engine.js'
import { rolloutPolicy, type RolloutSettings } from './policy.js'
import { simulate, type Simulation, type SimulationInput } from './simulate.js'
import type { DrainingVersion, RolloutState } from './types.js'

const T0 = 1_800_000_000_000
const HOUR = 3_600_000
const SETTINGS: RolloutSettings = {
  strategy: 'gradual',
  durationMs: 50_000,
  progressDeadlineMs: 600_000,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 300_000,
  retain: { forMs: HOUR, versions: 1 },
  rollbackWindowMs: 600_000,
}
const WARM = { health: 'up', inForce: 0, inFlight: 0, named: true } as const

/** v2 is active, and others are on their way out. */
function played(
  draining: readonly DrainingVersion[],
  { desired = 'v2', settings = {}, ...more }: Partial<SimulationInput> & { readonly settings?: Partial<RolloutSettings> } = {},
): Simulation {
  const state: RolloutState = { active: 'v2', weights: { v2: 100 }, step: -1, progressAt: T0 - 1, draining, failed: [] }
  return simulate({
    now: T0,
    policy: rolloutPolicy({ ...SETTINGS, ...settings }),
    desired,
    state,
    versions: { v2: { health: 'up', inForce: 100, inFlight: 1, named: true }, ...Object.fromEntries(draining.map(({ id }) => [id, WARM])) },
    groups: {},
    pace: { startMs: 10_000, trafficMs: 200, requestMs: 5_000 },
    ...more,
  })
}
/** `3600 s VersionRemoved v1` */
const transitions = ({ moments }: Simulation) =>
  moments.flatMap(({ at, events }) => events.map(({ kind, version }) => `${(at - T0) / 1000} s ${kind} ${version}`))
const created = ({ moments }: Simulation) => moments.flatMap(({ writes }) => writes.filter(({ kind }) => kind === 'create'))
const servedAgo = (id: string, milliseconds: number): DrainingVersion => ({ id, since: T0 - milliseconds, served: true })

describe('a version that was active (R9)', () => {
  it('stays warm for as long as it is retained, which is no work under way, and is then removed', () => {
    const left = played([], { desired: 'v3', versions: { v2: { health: 'up', inForce: 100, inFlight: 1, named: true } } })
    expect(transitions(left)).toEqual([
      '0 s RolloutStarted v3',
      ...['10 s', '20.2 s', '30.4 s', '40.6 s', '50.8 s'].map((at) => `${at} StepStarted v3`),
      '61 s Promoted v3',
      '61 s VersionRetained v2',
      '3661.2 s VersionRemoved v2',
    ])
  })

  it('is retained only among the last ones, and only when it served', () => {
    const two = [servedAgo('v0', 2_000), servedAgo('v1', 1_000), { id: 'vx', since: T0 }]
    expect(transitions(played(two))).toEqual([
      '0 s VersionRetained v1',
      '0.2 s VersionRemoved v0',
      '0.2 s VersionRemoved vx',
      '3599.2 s VersionRemoved v1',
    ])
    expect(transitions(played(two, { settings: { retain: { forMs: HOUR, versions: 2 } } }))).toEqual([
      '0 s VersionRetained v0',
      '0 s VersionRetained v1',
      '0.2 s VersionRemoved vx',
      '3598.2 s VersionRemoved v0',
      '3599.2 s VersionRemoved v1',
    ])
  })

  it('gets all traffic at once within the rollback window, and by the steps after it; it is not made anew', () => {
    const within = played([servedAgo('v1', 599_999)], { desired: 'v1' })
    expect(transitions(within)).toEqual([
      '0 s RolloutStarted v1',
      '0 s StepStarted v1',
      '0.201 s Promoted v1',
      '5.2 s VersionRetained v2',
      '3600.401 s VersionRemoved v2',
    ])
    expect(within.moments[0]).toMatchObject({ weights: { v1: 100 }, events: [{ kind: 'RolloutStarted', returns: true }, {}] })
    const after = played([servedAgo('v1', 600_000)], { desired: 'v1' })
    expect(transitions(after).slice(0, 3)).toEqual(['0 s RolloutStarted v1', '0 s StepStarted v1', '10.2 s StepStarted v1'])
    const preview = played([{ id: 'v1', since: T0 - 1_000 }], { desired: 'v1' })
    expect(transitions(preview).filter((one) => one.includes('StepStarted'))).toHaveLength(5)
    expect([within, after, preview].flatMap(created)).toEqual([])
    const { rollbackWindowMs: _none, ...without } = SETTINGS
    expect(transitions(played([servedAgo('v1', 1)], { desired: 'v1', policy: rolloutPolicy(without) }))[2]).toBe('10.2 s StepStarted v1')
  })

  it('stays while the settings cannot be read', () => {
    const warm: DrainingVersion = { ...servedAgo('v1', 2 * HOUR), retained: true, drained: true }
    const unknown = { ...rolloutPolicy(SETTINGS), retain: 'unknown' } as const
    expect(transitions(played([warm], { policy: unknown }))).toEqual([])
    expect(transitions(played([warm]))).toEqual(['0.2 s VersionRemoved v1'])
  })

  it('has the whole drain timeout when its retention ends before its last connection', () => {
    const input = { policy: rolloutPolicy(SETTINGS), commands: [], now: T0, desired: 'v2' }
    const versions = ['v1', 'v2'].map((id) => ({
      id,
      ready: true,
      servable: true,
      released: false,
      weightObserved: id === 'v1' ? 0 : 100,
      inFlight: 1,
    }))
    const draining: DrainingVersion[] = [{ ...servedAgo('v1', 2 * HOUR), retained: true }]
    const state: RolloutState = { active: 'v2', weights: { v2: 100 }, step: -1, progressAt: T0, draining, failed: [] }
    const ended = decide({ ...input, state, versions })
    expect(ended.state.draining).toEqual([{ id: 'v1', since: T0 }])
    const later = decide({ ...input, now: T0 + SETTINGS.drainTimeoutMs, state: ended.state, versions })
    expect(later.events).toEqual([{ kind: 'DrainCut', at: 'release', version: 'v1', inFlight: 1, timeoutMs: SETTINGS.drainTimeoutMs }])
  })

  it('is retained again when it was asked for, and given up for the active version before it was promoted', () => {
    const seen = (inForce: number) =>
      ['v1', 'v2'].map((id) => {
        const weightObserved = id === 'v1' ? inForce : 100 - inForce
        return { id, ready: true, servable: true, released: false, weightObserved, inFlight: 0 }
      })
    const input = { policy: rolloutPolicy(SETTINGS), commands: [], now: T0 }
    const state: RolloutState = {
      active: 'v2',
      weights: { v2: 100 },
      step: -1,
      progressAt: T0,
      draining: [servedAgo('v1', 700_000)],
      failed: [],
    }
    const moving = decide({ ...input, desired: 'v1', state, versions: seen(0) })
    expect(moving.weights).toEqual({ v1: 10, v2: 90 })
    const back = decide({ ...input, desired: 'v2', state: moving.state, versions: seen(10) })
    expect(back.state.draining).toEqual([{ id: 'v1', since: T0, served: true, retained: true }])
  })
})
