import type { Diagnostic } from './diagnostics.js'

export interface GenerateResult {
  /**
   * `failed`: nothing was written, the diagnostics say why. `stale`: with `check`, a run would
   * write.
   */
  readonly status: 'written' | 'unchanged' | 'stale' | 'failed'
  /** Absolute paths of the generated file and of the graph. */
  readonly files: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  /**
   * False when the recorded inputs were unchanged, in which case the compiler was not even loaded.
   */
  readonly hasCompiled: boolean
}
