/** Every label, annotation, finalizer and field manager that Weaver puts on Kubernetes objects. */
export const LABELS = {
  /** Name of the WeaverApp; on everything it owns. */
  app: 'weaver.dev/app',
  /** Version id; on everything that belongs to one version. */
  version: 'weaver.dev/version',
  group: 'weaver.dev/group',
  listener: 'weaver.dev/listener',
  /** `weavelet`, `describe`, `proxy`. */
  role: 'weaver.dev/role',
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
} as const
export const MANAGED_BY = 'weaver-operator'
export const FIELD_MANAGER = 'weaver-operator'
export const FINALIZER = 'weaver.dev/broker-accounts'
