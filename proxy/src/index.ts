// The door `@weaver/proxy`: the proxy before the listeners of an application.
export { PROXY_ERRORS, type ProxyErrorCode, type ProxyErrorEntry } from './errors/catalogue.js'
export type { ProxyLimits } from './limits.js'
export type {
  Affinity,
  Backend,
  BackendStats,
  CloseOptions,
  DrainOptions,
  ListenerProxy,
  ProxyLog,
  ProxyOptions,
  ProxyStats,
  Route,
  Target,
  TargetStats,
} from './proxy.js'
export { startProxy } from './start-proxy.js'
