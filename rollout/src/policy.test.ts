import { rolloutPolicy, type RolloutSettings } from './policy.js'

const SETTINGS: RolloutSettings = {
  strategy: 'gradual',
  progressDeadlineMs: 600_000,
  onFailure: 'rollback',
  paused: false,
  drainTimeoutMs: 300_000,
}
const steps = (settings: Partial<RolloutSettings>) =>
  rolloutPolicy({ ...SETTINGS, ...settings }).steps.map((s) => `${s.weight}:${s.holdMs}${s.pause ? ':pause' : ''}`)

describe('the steps of a rollout', () => {
  it('are five equal slices of its duration, 5 minutes without one', () => {
    expect(steps({ durationMs: 50_000 })).toEqual(['10:10000', '25:10000', '50:10000', '75:10000', '100:10000'])
    expect(steps({})).toEqual(['10:60000', '25:60000', '50:60000', '75:60000', '100:60000'])
    expect(steps({ steps: [] })).toHaveLength(5)
  })

  it('are one of 100 % for a cutover, whatever else is said', () => {
    expect(steps({ strategy: 'cutover', durationMs: 1, steps: [{ weight: 5 }] })).toEqual(['100:0'])
  })

  it('keep the weight before them where they have none, and end at 100', () => {
    expect(steps({ steps: [{ weight: 5, holdMs: 120_000 }, { pause: true }] })).toEqual(['5:120000', '5:0:pause', '100:0'])
    expect(steps({ steps: [{ pause: true }, { weight: 100, holdMs: 7 }] })).toEqual(['0:0:pause', '100:7'])
  })

  it('hold the last for the bake, where that is longer', () => {
    expect(steps({ strategy: 'cutover', bakeMs: 60_000 })).toEqual(['100:60000'])
    expect(steps({ durationMs: 50_000, bakeMs: 9_000 })).toEqual(['10:10000', '25:10000', '50:10000', '75:10000', '100:10000'])
    expect(steps({ steps: [{ weight: 5, holdMs: 7 }], bakeMs: 9 })).toEqual(['5:7', '100:9'])
  })

  it('never descend nor leave 0 to 100', () => {
    expect(steps({ steps: [{ weight: 50 }, { weight: 20 }, { weight: 130 }] })).toEqual(['50:0', '50:0', '100:0'])
  })
})

it('the rest of a policy is what the settings say', () => {
  const retain = { forMs: 1, versions: 2 }
  expect(rolloutPolicy({ ...SETTINGS, onFailure: 'pause', paused: true, retain, rollbackWindowMs: 3 })).toEqual({
    steps: expect.any(Array) as unknown,
    progressDeadlineMs: 600_000,
    onFailure: 'pause',
    paused: true,
    drainTimeoutMs: 300_000,
    retain,
    rollbackWindowMs: 3,
  })
})
