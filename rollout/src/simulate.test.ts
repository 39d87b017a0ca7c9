import { rolloutPolicy, type RolloutSettings } from './policy.js'
import { simulate, type SimulatedMoment, type Simulation, type SimulationInput } from './simulate.js'

const T0 = 1_800_000_000_000
const SETTINGS: RolloutSettings = {
  strategy: 'gradual',
  steps: [
    { weight: 20, holdMs: 60_000 },
    { weight: 50, pause: true },
    { weight: 100, holdMs: 30_000 },
  ],
  progressDeadlineMs: 600_000,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 300_000,
}
const GROUPS = [
  { name: 'main', replicas: 2, cpu: 0.05 },
  { name: 'reverser', replicas: 1, cpu: 0.5 },
]

/** v1 serves, and v2 is asked for. */
function upgrade({ settings = {}, ...more }: Partial<SimulationInput> & { readonly settings?: Partial<RolloutSettings> } = {}): Simulation {
  return simulate({
    now: T0,
    policy: rolloutPolicy({ ...SETTINGS, ...settings }),
    desired: 'v2',
    state: { active: 'v1', weights: { v1: 100 }, step: -1, progressAt: T0 - 1, draining: [], failed: [] },
    versions: { v1: { health: 'up', inForce: 100, inFlight: 1, named: true } },
    groups: { v1: GROUPS, v2: GROUPS },
    pace: { startMs: 12_000, trafficMs: 200, requestMs: 5_000 },
    ...more,
  })
}

/** `12.2 s {v1:80,v2:20} 6 pods: traffic; StepStarted; status`: what happened, transitions, writes. */
function told({ at, happened, events, writes, weights, pods }: SimulatedMoment): string {
  const shares = Object.entries(weights).map(([id, weight]) => `${id}:${weight}`)
  const what = [
    happened.map((h) => h.kind),
    events.map((e) => e.kind),
    writes.map((w) => ('version' in w ? `${w.kind} ${w.version}` : w.kind)),
  ]
  return `${(at - T0) / 1000} s {${shares.join()}} ${pods} pods: ${what.map((list) => list.join('+')).join('; ')}`
}

describe('a rollout that is simulated', () => {
  it('goes by its steps, promotes what waits for a person, and shows every write and what runs', () => {
    const { moments, peak, end } = upgrade()
    expect(moments.map(told)).toEqual([
      '0 s {v1:100} 6 pods: ; RolloutStarted; status+create v2+traffic',
      '0.2 s {v1:100} 6 pods: traffic; ; status',
      '12 s {v1:80,v2:20} 6 pods: ready; StepStarted; status+traffic',
      '12.2 s {v1:80,v2:20} 6 pods: traffic; ; status',
      '72.2 s {v1:50,v2:50} 6 pods: ; StepStarted; status+traffic',
      '72.4 s {v1:50,v2:50} 6 pods: traffic; ; status',
      '72.401 s {v2:100} 6 pods: promoted; StepPromoted+StepStarted; status+traffic',
      '72.601 s {v2:100} 6 pods: traffic; ; status',
      '102.601 s {v2:100} 6 pods: ; Promoted; status+traffic',
      '102.801 s {v2:100} 3 pods: traffic; VersionRemoved; status+remove v1',
      '103.801 s {v2:100} 3 pods: ; ; status',
    ])
    expect(peak).toEqual({ at: T0, pods: 6, cpu: 1.2 })
    expect(end).toMatchObject({ phase: 'Ready', active: 'v2', weights: { v2: 100 } })
  })

  it('shows what becomes of a group that dies in a step: traffic goes back at once, and the version fails at its deadline', () => {
    const { moments, end } = upgrade({ fault: { group: 'reverser', step: 2 } })
    expect(moments.map(told).slice(5)).toEqual([
      '72.4 s {v1:100} 6 pods: traffic+died; PreviewDegraded; status+traffic',
      '72.6 s {v1:100} 6 pods: traffic; ; status',
      '672.2 s {v1:100} 6 pods: ; RolloutFailed; status+traffic',
      '672.4 s {v1:100} 3 pods: traffic; VersionRemoved; status+remove v2',
      '673.4 s {v1:100} 3 pods: ; ; status',
    ])
    expect(end).toMatchObject({ phase: 'Failed', active: 'v1', weights: { v1: 100 } })
    const never = upgrade({ fault: { group: 'main', step: 0 } })
    expect(never.moments.flatMap(({ events }) => events.map((e) => e.kind))).toEqual(['RolloutStarted', 'RolloutFailed', 'VersionRemoved'])
    expect(never.moments.every(({ weights }) => weights['v1'] === 100)).toBe(true)
  })

  it('ends where somebody must decide', () => {
    const halted = upgrade({ settings: { onFailure: 'pause' }, fault: { group: 'reverser', step: 1 } })
    expect(halted.end).toMatchObject({ phase: 'Paused', weights: { v1: 100 }, awaited: { kind: 'verdict', version: 'v2' } })
    expect(upgrade({ settings: { paused: true } }).end).toMatchObject({ phase: 'Paused', active: 'v1', awaited: { kind: 'unpaused' } })
  })

  it('goes on from a rollout that is under way, and starts a first version', () => {
    const underWay = upgrade({
      state: {
        active: 'v1',
        preview: 'v2',
        weights: { v1: 80, v2: 20 },
        step: 0,
        stepWeight: 20,
        stepAt: T0,
        heldSince: T0,
        progressAt: T0,
        furthest: 0,
        waitedMs: 0,
        draining: [],
        failed: [],
      },
      versions: {
        v1: { health: 'up', inForce: 80, inFlight: 1, named: true },
        v2: { health: 'up', inForce: 20, inFlight: 1, named: true },
      },
      desired: 'v3',
      groups: { v1: GROUPS, v2: GROUPS, v3: GROUPS },
    })
    expect(underWay.peak).toMatchObject({ pods: 9, cpu: 1.8 })
    expect(underWay.moments.map(told).slice(0, 3)).toEqual([
      '0 s {v1:100} 9 pods: ; Superseded+RolloutStarted+DrainStarted; status+create v3+traffic',
      '0.2 s {v1:100} 9 pods: traffic; ; status',
      '5.2 s {v1:100} 9 pods: ; ; status+traffic',
    ])
    expect(underWay.end).toMatchObject({ phase: 'Ready', active: 'v3' })
    const first = upgrade({ state: undefined, versions: {}, desired: 'v1' })
    expect(first.moments.map(told)).toEqual([
      '0 s {} 3 pods: ; RolloutStarted; status+create v1+traffic',
      '0.2 s {} 3 pods: traffic; ; status',
      '12 s {v1:100} 3 pods: ready; Promoted; status+traffic',
      '12.2 s {v1:100} 3 pods: traffic; ; status',
    ])
  })
})
