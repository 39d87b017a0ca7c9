import type { Refusal } from '@weaver/kube'

const BY_REASON: Readonly<Record<string, string>> = {
  Unauthorized: "The operator's token was refused; check its ServiceAccount",
  Unreachable: 'The API server does not answer at this address',
  Timeout: 'The API server did not answer in time; it or its etcd may be overloaded',
}

/** A 403 has many authors: only RBAC's is about the operator's rights. */
const FORBIDDEN: readonly (readonly [RegExp, string | undefined])[] = [
  [/exceeded quota/, 'Raise the ResourceQuota of the namespace, or ask for less'],
  [/failed quota: .*must specify/, 'The ResourceQuota of the namespace wants these set: give them in spec.resources'],
  [/violates PodSecurity/, 'The namespace enforces a Pod Security Standard that the pod does not meet'],
  [
    /(minimum|maximum) .* (usage|limit)|limit to request ratio/,
    'The LimitRange of the namespace does not allow this; change spec.resources',
  ],
  [/because it is being terminated/, undefined],
  [/ cannot [a-z]+ resource /, "Check the operator's ClusterRole: install the chart of the same release as the operator's image"],
]

/** What to do about a failed call of the operator: the last sentence of its message. */
export function remedyOf({ reason, message }: Refusal): string | undefined {
  return reason === 'Forbidden' ? FORBIDDEN.find(([pattern]) => pattern.test(message))?.[1] : BY_REASON[reason]
}
