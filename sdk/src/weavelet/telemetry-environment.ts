import { WeaverError } from '../contract/errors.js'
import { LOG_LEVELS, type LogLevel } from '../contract/logs.js'
import type { TracingOptions } from '../telemetry/tracing/tracing.js'

export interface TelemetryEnvironment {
  readonly logLevel: LogLevel
  readonly isCounting: boolean
  readonly tracing: TracingOptions
}

/**
 * What a process observes about itself, from its environment: `WEAVER_LOG_LEVEL`, `WEAVER_METRICS`,
 * `WEAVER_TRACES_PER_SECOND`. If `OTEL_TRACES_SAMPLER` is set, the sampler of the OpenTelemetry SDK
 * alone decides.
 * @throws WeaverError `WEAVER_ENVIRONMENT_INVALID`
 */
export function readTelemetryEnvironment(env: Readonly<Record<string, string | undefined>>): TelemetryEnvironment {
  const level = env['WEAVER_LOG_LEVEL'] || 'info'
  const logLevel = LOG_LEVELS.find((known) => known === level)
  if (logLevel === undefined) throw invalid('WEAVER_LOG_LEVEL', level, LOG_LEVELS.join(', '))
  const metrics = env['WEAVER_METRICS'] || 'on'
  if (metrics !== 'on' && metrics !== 'off') throw invalid('WEAVER_METRICS', metrics, 'on or off')
  const perSecond = env['WEAVER_TRACES_PER_SECOND'] || (env['OTEL_TRACES_SAMPLER'] ? 'Infinity' : '1')
  if (!(Number(perSecond) >= 0)) throw invalid('WEAVER_TRACES_PER_SECOND', perSecond, 'a number, 0 or more, or Infinity')
  return { logLevel, isCounting: metrics === 'on', tracing: { perSecond: Number(perSecond) } }
}

function invalid(name: string, value: string, usable: string): WeaverError {
  return new WeaverError('WEAVER_ENVIRONMENT_INVALID', `the environment variable ${name} is "${value}"; use ${usable}`)
}
