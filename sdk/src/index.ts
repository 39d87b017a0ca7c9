// The door `@weaver/sdk`: what an application imports.
export { codec, type ClassCodec } from './codec/class-codec.js'
export {
  component,
  implement,
  type Component,
  type ComponentOptions,
  type Hooks,
  type Implementation,
  type Lease,
  type Life,
  type Main,
  type MethodName,
  type Remotable,
} from './component/component.js'
export { config, construct, lazyRef, listener, logger, optionalRef, ref, type ConfigSchema } from './component/construction.js'
export type { InterceptedCall, Interceptor, Interceptors } from './component/interceptor.js'
export type { Listener } from './component/listener.js'
export { isWeaverError, WeaverError } from './contract/errors.js'
export type { LeaderScope } from './contract/leader.js'
export type { RoutingKey } from './contract/shard-key.js'
export { context, withContext, type CallContext } from './context/context.js'
export { registerError, type ErrorClass, type ErrorClassOptions } from './codec/error-codec.js'
export { RemoteCallError, type RemoteCallCode } from './errors/remote-call-error.js'
export type { LogFields, Logger, LogLevel } from './telemetry/logger.js'
export type { Counter, Gauge, Histogram, Labelled, Labels, LabelValue } from './telemetry/metric.js'
export { chromeTrace, type ChromeTrace, type ChromeTraceEvent, type EndedSpan } from './telemetry/tracing/chrome-trace.js'
export { counter, gauge, histogram } from './telemetry/metrics.js'
export { run, type RunOptions } from './weavelet/bootstrap.js'
export { deployment, type Deployment } from './context/deployment.js'
