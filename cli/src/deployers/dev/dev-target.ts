import type { ComponentGraph } from '@weaver/sdk/contract'
import type { Concern } from '@weaver/codegen/dev'
import type { WeaverToml } from '../../config/load-config.js'

/** What is built now, and what of it is other than what runs. */
export interface DevEdit {
  readonly config: WeaverToml
  readonly graph: ComponentGraph
  readonly concern: Concern
}

/** What `weaver dev` runs: processes of groups, or one process. */
export interface DevTarget {
  readonly isRunning: boolean
  /**
   * Brings what runs to what is built. What ran before goes on when that fails.
   * @returns what was done, in words; `undefined`: nothing had to be
   * @throws WeaverError why it cannot be; the reason of `signal`, after which a later edit is applied
   */
  apply(edit: DevEdit, signal: AbortSignal): Promise<string | undefined>
  /** Ends what runs; in flight is answered. Idempotent. @returns what was wrong with the ends */
  stop(signal: NodeJS.Signals): Promise<readonly string[]>
  /** Does not wait for anything in flight. */
  kill(): void
}
