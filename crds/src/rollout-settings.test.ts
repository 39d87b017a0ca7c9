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

it('an analysis has the defaults of every deployer, and percentage points become a share', () => {
  const settings = (analysis: object) => rolloutSettings(rolloutSchema.parse({ analysis })).analysis
  expect(settings({})).toEqual({
    mode: 'enforce',
    onInconclusive: 'wait',
    initialDelayMs: 10_000,
    minSamples: 50,
    maxLatencyFactor: 1.5,
    maxErrorRateIncrease: 0.01,
  })
  expect(settings({ maxErrorRateIncrease: 0.5, initialDelay: '0s' })).toMatchObject({ maxErrorRateIncrease: 0.005, initialDelayMs: 0 })
})
