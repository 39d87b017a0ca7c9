import type { Diagnostic } from './diagnostics.js'

export interface GenerateResult {
  /** `failed`: see the diagnostics, nothing was written. `stale`: with `check`, a run would write. */
  readonly status: 'written' | 'unchanged' | 'stale' | 'failed'
  /** Absolute paths of the generated file and of the graph. */
  readonly files: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
  /** False when the recorded inputs were unchanged and the compiler was not even loaded. */
  readonly hasCompiled: boolean
}
