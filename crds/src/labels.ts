/** Every label, annotation, finalizer and field manager that Weaver puts on Kubernetes objects. */
export const LABELS = {
  /** Name of the WeaverApp; on everything it owns. */
  app: 'weaver.dev/app',
  /** Version id; on everything that belongs to one version. */
  version: 'weaver.dev/version',
  group: 'weaver.dev/group',
  listener: 'weaver.dev/listener',
  /**
   * `true` on the Service of a listener with `public: true`, for whatever exposes it: an Ingress
   * controller, a policy, a script.
   */
  public: 'weaver.dev/public',
  /** `weavelet`, `describe`, `proxy`. */
  role: 'weaver.dev/role',
  managedBy: 'app.kubernetes.io/managed-by',
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
} as const

export const ANNOTATIONS = {
  /**
   * On a WeaverApp, by a user: continue now. Ends the hold or the pause of the current step. The
   * value says who and why, for events and status; `1`, `true` and nothing say nothing. The
   * operator removes it when carried out. `kubectl annotate wa/hello weaver.dev/promote="jane:
   * tested"`
   */
  promote: 'weaver.dev/promote',
  /**
   * On a WeaverApp, by a user: all traffic to the preview version as soon as it is ready, without
   * the steps and holds that are left. Value as of `promote`.
   */
  promoteFull: 'weaver.dev/promote-full',
  /**
   * On a WeaverApp, by a user: the weights stay as they are until `resume` or `promote`. Value as
   * of `promote`.
   */
  pause: 'weaver.dev/pause',
  /**
   * On a WeaverApp, by a user: ends a pause by `pause`; gives a halted rollout its deadline once
   * more. Value as of `promote`.
   */
  resume: 'weaver.dev/resume',
  /**
   * On a WeaverApp, by a user: starts the rollout of a version that failed or was aborted again.
   * Value as of `promote`.
   */
  retry: 'weaver.dev/retry',
  /**
   * On a WeaverApp, by a user: abort the rollout in progress and return all traffic to the active
   * version. Value as of `promote`.
   */
  abort: 'weaver.dev/abort',
  /**
   * On a WeaverApp, by a user: makes a version and all older ones unreachable, at once and for good.
   * The value begins with the version's id; what follows says who and why. `kubectl annotate
   * wa/hello weaver.dev/burn="k7hq2m4d jane: leaks tokens"`
   */
  burn: 'weaver.dev/burn',
  /**
   * On a WeaverApp, by a user, to stay: every other value replaces the pods of the active version, a
   * few at a time, without a rollout. Repeated on their templates.
   */
  restartedAt: 'weaver.dev/restarted-at',
  /**
   * On an object with a name that a WeaverApp needs, by its user: it becomes the app's, and is
   * deleted with it. The value is the app's name. `kubectl annotate service web-http
   * weaver.dev/adopt=web`
   */
  adopt: 'weaver.dev/adopt',
  /**
   * On the ControllerRevision of a version, by the operator: when the last object of the version
   * was deleted. The version is known, and does not run.
   */
  retired: 'weaver.dev/retired',
  /**
   * On a child, by the operator: hash of what was applied, by which an unchanged child is
   * recognised without sending it again.
   */
  appliedHash: 'weaver.dev/applied-hash',
  /**
   * On a Secret of broker credentials, by the operator: hash of its data, by which an edit is
   * recognised.
   */
  dataHash: 'weaver.dev/data-hash',
  /** On a Secret of broker credentials, by the operator: hash of what they allow. */
  issuedFor: 'weaver.dev/issued-for',
} as const

export const MANAGED_BY = 'weaver-operator'
export const FIELD_MANAGER = 'weaver-operator'
export const FINALIZER = 'weaver.dev/broker-accounts'
