import { WeaverError } from '@weaver/sdk/contract'

/** Why a call failed, as far as a remedy depends on it. */
export interface Refusal {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  readonly reason: string
  readonly message: string
}

/** `WEAVER_KUBE_API`: the API server refused a call, or there was no answer. */
export class KubeError extends WeaverError {
  /** HTTP status; 0 when there was no answer. */
  readonly status: number
  /**
   * Reason of the API's `Status` object, such as `NotFound`, `Conflict`, `Invalid`; `Timeout`,
   * `Unreachable` or `NoCredentials` when there was no answer.
   */
  readonly reason: string
  /** `Retry-After` of the answer, in milliseconds. */
  readonly retryAfterMs: number | undefined
  /** Body of the answer, as JSON where it is JSON. */
  readonly body: unknown

  constructor(
    what: string,
    options: Refusal & {
      readonly cause?: unknown
      readonly retryAfterMs?: number | undefined
      readonly body?: unknown
      /** The last sentence of the message: what to do. */
      readonly remedy?: string | undefined
    },
  ) {
    const { status, reason, remedy } = options
    super(
      'WEAVER_KUBE_API',
      `${what}: ${options.message} (${status === 0 ? '' : `${status} `}${reason})${remedy === undefined ? '' : `. ${remedy}`}`,
      { cause: options.cause, details: { status, reason } },
    )
    this.status = status
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
    this.body = options.body
  }
}
Object.defineProperty(KubeError.prototype, 'name', { value: 'KubeError', configurable: true, writable: true })

export function isKubeError(error: unknown, status?: number): error is KubeError {
  return error instanceof KubeError && (status === undefined || error.status === status)
}

/** The API server accepts no new object: the namespace is being deleted, with everything in it. */
export function isNamespaceTerminating(error: unknown): boolean {
  return isKubeError(error, 403) && error.message.includes('because it is being terminated')
}

/** A retry cannot help: the request is invalid, too large, or violates a quota or a policy. */
export function isRefusal(error: unknown): error is KubeError {
  return isKubeError(error) && ([400, 403, 413, 422].includes(error.status) || error.message.includes('request is too large'))
}
