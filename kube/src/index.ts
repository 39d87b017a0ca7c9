// The door `@weaver/kube`: the Kubernetes API, as the operator and the command line call it. It
// loads neither client-node nor undici; the first call does.
export { KubeAccess, type AccessOptions, type Credentials } from './access/kube-access.js'
export { loadKubeconfig, type KubeconfigError, type KubeconfigOptions } from './access/kubeconfig.js'
export type { KubeTransport, TransportRequest, TransportResponse } from './access/transport.js'
export { KINDS, resourcePath } from './api/kinds.js'
export {
  PARTIAL_METADATA,
  type ApplyOptions,
  type CallOptions,
  type KubeApi,
  type KubeObject,
  type ObjectMeta,
  type OwnerReference,
  type ResourceKind,
} from './api/kube-api.js'
export { createKubeClient, type KubeClient, type KubeClientOptions, type ListOptions, type ListPage } from './api/kube-client.js'
export { isKubeError, isNamespaceTerminating, isRefusal, KubeError, type Refusal } from './errors/kube-error.js'
export { createKubeRequests, type FinishedCall, type KubeRequest, type KubeRequests, type UsedVerb } from './api/kube-request.js'
export { startReflector, type Reflector, type ReflectorOptions } from './watch/reflector.js'
export type { StoreView } from './watch/store.js'
