import { WeaverError } from '../contract/errors.js'
import type { SdkErrorCode } from '../errors/catalogue.js'

/** Codes of the catalogue for calls. */
export type RemoteCallCode = Extract<SdkErrorCode, `WEAVER_RPC_${string}`>

/**
 * A call that failed on its way, not in the method: the platform's failure, never the application's. **The call may have run** unless `mayHaveRun` is false.
 */
export class RemoteCallError extends WeaverError {
  /** False only when the method surely did not run. */
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
