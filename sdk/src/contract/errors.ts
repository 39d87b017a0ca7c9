/**
 * The base class of every error that Weaver raises on purpose. Compare by `code`, never by message,
 * and never by `instanceof` across a package or process border (an application may contain two
 * copies of the SDK).
 */
export class WeaverError extends Error {
  /**
   * Stable, upper snake, `WEAVER_…`; listed with its remedy in the catalogue of the package that
   * throws it.
   */
  readonly code: string
  /** Plain data for machines; never secrets. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}
Object.defineProperty(WeaverError.prototype, 'name', { value: 'WeaverError', configurable: true, writable: true })

/** True for a `WeaverError` of any copy of the SDK; with `code`, only for that code. */
export function isWeaverError(error: unknown, code?: string): error is WeaverError {
  if (typeof error !== 'object' || error === null || !('code' in error)) return false
  const found = (error as { readonly code: unknown }).code
  return typeof found === 'string' && found.startsWith('WEAVER_') && (code === undefined || found === code)
}

/**
 * The message of an error, for use in another one. Anything may be thrown, including errors of
 * other realms, and converting an object to text may itself throw.
 */
export function reasonOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  try {
    const { message } = error as { readonly message?: unknown } // checked next
    return typeof message === 'string' ? message : 'unknown'
  } catch {
    return 'unknown' // a getter that throws
  }
}
