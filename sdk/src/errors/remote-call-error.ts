import { WeaverError } from '../contract/errors.js'
import type { SdkErrorCode } from './catalogue.js'

/** Codes of the catalogue for calls. */
export type RemoteCallCode = Extract<SdkErrorCode, `WEAVER_RPC_${string}`>

/**
 * A call that failed on its way, not in the method: the platform's failure, never the application's. **The call may have run** unless `mayHaveRun` is false.
 */
export class RemoteCallError extends WeaverError {
  /** False only when the method surely did not run. Of a call that the called method made and let fail, it speaks of that one's method. */
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

/** The caller's signal has fired: a time limit of its own is a deadline, anything else a cancellation. */
export function abandoned(cause: unknown, what: string, isSent: boolean): RemoteCallError {
  const isTimeout = typeof cause === 'object' && cause !== null && 'name' in cause && cause.name === 'TimeoutError'
  const why = isTimeout ? 'its deadline has passed' : 'its caller has given up'
  return new RemoteCallError(
    isTimeout ? 'WEAVER_RPC_DEADLINE' : 'WEAVER_RPC_CANCELLED',
    isSent ? `${what} is abandoned: ${why}` : `${what} was not sent: ${why}`,
    { mayHaveRun: isSent, cause },
  )
}

/** The time of a call is over: before it was sent, or while it was waited for. */
export function deadlineError(what: string, { isSent }: { readonly isSent: boolean }): RemoteCallError {
  const message = isSent ? `${what} was not answered before its deadline` : `${what} was not sent: its deadline has passed`
  return new RemoteCallError('WEAVER_RPC_DEADLINE', message, { mayHaveRun: isSent })
}

export function failure(code: RemoteCallCode, message: string, mayHaveRun: boolean): RemoteCallError {
  return new RemoteCallError(code, message, { mayHaveRun })
}
