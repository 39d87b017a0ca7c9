/** What was wrong in an execution. */
export interface SimFailure {
  /** Who has seen it. `unhandled`: a promise that nothing awaits was rejected. `stalled`: the execution does not come to its end. */
  readonly where: 'op' | 'invariant' | 'end' | 'init' | 'start' | 'stalled' | 'unhandled'
  /** In words: `transfer of op 2`. */
  readonly what: string
  readonly error: unknown
}

/** An error of the platform, or one that tells of it as its cause. */
export function causedByPlatform(error: unknown): boolean {
  for (let at = error, depth = 0; typeof at === 'object' && at !== null && depth < 16; depth += 1) {
    const { code, cause } = at as { readonly code?: unknown; readonly cause?: unknown }
    if (typeof code === 'string' && /^WEAVER_RPC_[A-Z]/.test(code)) return true
    at = cause
  }
  return false
}

/** Failures are of one kind when the same thing has seen an error of the same class and code: what minimising may turn one into. */
export function kindOf({ where, error }: SimFailure): string {
  const { code, name } = (typeof error === 'object' && error !== null ? error : {}) as { readonly code?: unknown; readonly name?: unknown }
  return [where, name, code].map((part) => (typeof part === 'string' ? part : '')).join('/')
}
