// The door `@weaver/kube/testing`, for tests of this repository: it exists in the sources alone,
// nothing of it is shipped.
export { startApiServer, type ApiServer, type ApiServerOptions } from './api-server.js'
export { startFaultProxy, type Fault, type FaultProxy } from './fault-proxy.js'
export { kubeConfigOf } from './kube-config-of.js'
