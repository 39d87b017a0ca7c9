import { readTelemetryEnvironment } from './telemetry-environment.js'

describe('what the environment says of telemetry', () => {
  it('has defaults, and is empty where it is set to nothing', () => {
    const defaults = { logLevel: 'info', isCounting: true, tracing: { perSecond: 1 } }
    expect(readTelemetryEnvironment({})).toEqual(defaults)
    expect(readTelemetryEnvironment({ WEAVER_LOG_LEVEL: '', WEAVER_METRICS: '', WEAVER_TRACES_PER_SECOND: '' })).toEqual(defaults)
  })

  it('sets each', () => {
    const env = { WEAVER_LOG_LEVEL: 'debug', WEAVER_METRICS: 'off', WEAVER_TRACES_PER_SECOND: '0.5' }
    expect(readTelemetryEnvironment(env)).toEqual({ logLevel: 'debug', isCounting: false, tracing: { perSecond: 0.5 } })
  })

  it('leaves sampling to the SDK of OpenTelemetry where that is told how', () => {
    expect(readTelemetryEnvironment({ OTEL_TRACES_SAMPLER: 'traceidratio' }).tracing.perSecond).toBe(Infinity)
    expect(readTelemetryEnvironment({ OTEL_TRACES_SAMPLER: 'always_on', WEAVER_TRACES_PER_SECOND: '0' }).tracing.perSecond).toBe(0)
  })

  it.each([
    ['WEAVER_LOG_LEVEL', 'loud', 'use debug, info, warn, error'],
    ['WEAVER_METRICS', 'no', 'use on or off'],
    ['WEAVER_TRACES_PER_SECOND', '-1', 'use a number'],
    ['WEAVER_TRACES_PER_SECOND', 'many', 'use a number'],
  ])('is refused where %s is %s', (name, value, message) => {
    expect(() => readTelemetryEnvironment({ [name]: value })).toThrow(
      expect.objectContaining({ code: 'WEAVER_ENVIRONMENT_INVALID', message: expect.stringContaining(message) }),
    )
  })
})
