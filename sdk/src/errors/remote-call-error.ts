import { WeaverError } from '../contract/errors.js'
import type { SdkErrorCode } from './catalogue.js'

/** The catalogue's codes for calls. */
export type RemoteCallCode = Extract<SdkErrorCode, `WEAVER_RPC_${string}`>

/**
 * A call that failed on its way, not in the method: a failure of the platform, never of the
 * application. **The call may have run** unless `mayHaveRun` is false.
 */
export class RemoteCallError extends WeaverError {
  /**
   * False only if the method certainly did not run. If the callee let a failed call of its own
   * through, this is about that call's method.
   */
  readonly mayHaveRun: boolean

  constructor(
    code: RemoteCallCode,
    message: string,
    options: { readonly mayHaveRun: boolean; readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> },
  ) {
    super(code, message, options)
    this.mayHaveRun = options.mayHaveRun
  }
}
Object.defineProperty(RemoteCallError.prototype, 'name', { value: 'RemoteCallError', configurable: true, writable: true })

/**
 * The error for an aborted signal of the caller: its own time limit is a deadline, any other reason
 * a cancellation.
 */
export function abandoned(cause: unknown, what: string, isSent: boolean): RemoteCallError {
  const isTimeout = typeof cause === 'object' && cause !== null && 'name' in cause && cause.name === 'TimeoutError'
  const why = isTimeout ? 'its deadline has passed' : 'its caller has given up'
  return new RemoteCallError(
    isTimeout ? 'WEAVER_RPC_DEADLINE' : 'WEAVER_RPC_CANCELLED',
    isSent ? `${what} is abandoned: ${why}` : `${what} was not sent: ${why}`,
    { mayHaveRun: isSent, cause },
  )
}

/** The error for an expired deadline, before the call was sent or while waiting for the answer. */
export function deadlineError(what: string, { isSent }: { readonly isSent: boolean }): RemoteCallError {
  const message = isSent ? `${what} was not answered before its deadline` : `${what} was not sent: its deadline has passed`
  return new RemoteCallError('WEAVER_RPC_DEADLINE', message, { mayHaveRun: isSent })
}

export function failure(code: RemoteCallCode, message: string, mayHaveRun: boolean): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun })
}
