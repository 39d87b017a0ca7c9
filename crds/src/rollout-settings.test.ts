import { rolloutSettings } from './rollout-settings.js'
import { rolloutSchema } from './weaver-app.js'

it('spec.rollout has its durations in milliseconds for the engine, and lacks what it does not say', () => {
  expect(rolloutSettings(rolloutSchema.parse({ duration: '1m30s' }))).toEqual({
    strategy: 'gradual',
    durationMs: 90_000,
    progressDeadlineMs: 600_000,
    onFailure: 'rollback',
    paused: false,
    drainTimeoutMs: 300_000,
  })
  const steps = [{ weight: 5, hold: '2m' }, { pause: true }, { weight: 100 }]
  expect(rolloutSettings(rolloutSchema.parse({ steps, paused: true })).steps).toEqual([
    { weight: 5, holdMs: 120_000 },
    { pause: true },
    { weight: 100 },
  ])
})
