import { WeaverError } from '@weaver/sdk/contract'
import type { OperatorErrorCode } from '../errors/catalogue.js'

/** A call to the Kubernetes API that was refused or did not get through. */
export class KubeError extends WeaverError {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /** Reason of the API's `Status` object, such as `NotFound`, `Conflict`, `Invalid`; `Timeout` or `Unreachable` when there was no answer. */
  readonly reason: string
  /** `Retry-After` of the answer, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(
    what: string,
    options: {
      readonly status: number
      readonly reason: string
      readonly message: string
      readonly cause?: unknown
      readonly retryAfterMs?: number | undefined
    },
  ) {
    const remedy = remedyOf(options)
    super(
      'WEAVER_KUBE_API' satisfies OperatorErrorCode,
      `${what}: ${options.message} (${options.status === 0 ? '' : `${options.status} `}${options.reason})${remedy === undefined ? '' : `. ${remedy}`}`,
      {
        cause: options.cause,
        details: { status: options.status, reason: options.reason },
      },
    )
    this.status = options.status
    this.reason = options.reason
    this.retryAfterMs = options.retryAfterMs
  }
}
Object.defineProperty(KubeError.prototype, 'name', { value: 'KubeError', configurable: true, writable: true })

const REMEDIES: Readonly<Record<string, string>> = {
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

function remedyOf({ reason, message }: { readonly reason: string; readonly message: string }): string | undefined {
  return reason === 'Forbidden' ? FORBIDDEN.find(([pattern]) => pattern.test(message))?.[1] : REMEDIES[reason]
}

export function isKubeError(error: unknown, status?: number): error is KubeError {
  return error instanceof KubeError && (status === undefined || error.status === status)
}

/** The API server takes no new object: the namespace is going away, and everything in it. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isKubeError(error, 403) && error.message.includes('because it is being terminated')
}

/** The API server understood and will not do it, today or in an hour: the request is wrong, too large, or against a quota or a policy. */
export function isRefusal(error: unknown): error is KubeError {
  return isKubeError(error) && ([400, 403, 413, 422].includes(error.status) || error.message.includes('request is too large'))
}
