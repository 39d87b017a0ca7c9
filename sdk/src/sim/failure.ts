/** A failure of an execution. */
export interface SimFailure {
  /**
   * What detected it. `unhandled`: a promise that nothing awaits was rejected. `stalled`: the
   * execution does not end.
   */
  readonly where: 'op' | 'invariant' | 'end' | 'init' | 'start' | 'stalled' | 'unhandled'
  /** A description: `transfer of op 2`. */
  readonly what: string
  readonly error: unknown
}

/** Whether it is a platform error, or has one among its causes. */
export function causedByPlatform(error: unknown): boolean {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 16; depth += 1) {
    const { code, cause } = at as { readonly code?: unknown; readonly cause?: unknown }
    if (typeof code === 'string' && /^WEAVER_RPC_[A-Z]/.test(code)) return true
    at = cause
  }
  return false
}

/**
 * The kind of a failure: the same check found an error of the same class and code. Minimising keeps
 * the kind.
 */
export function kindOf({ where, error }: SimFailure): string {
  const { code, name } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: unknown; readonly name?: unknown }
  return [where, name, code].map((part) => (typeof part === 'string' ? part : '')).join('/')
}
