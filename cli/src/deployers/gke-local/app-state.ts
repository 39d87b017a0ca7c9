/**
 * What the platform remembers of one application, on disk: written before anything is done, so that
 * a platform that is killed goes on where it was.
 */
import type { RolloutCommand, RolloutState } from '@weaver/rollout'

export interface AppState {
  readonly format: 1
  readonly app: string
  /** The canary first. */
  readonly regions: readonly string[]
  /** Ids of the versions whose spec is kept, oldest first. */
  readonly versions: readonly string[]
  /** The version that is asked for. */
  readonly desired: string
  /** The last version that every region ran alone: a rollout that is given up goes back to it. */
  readonly settled?: string
  /** The one before it, kept so that a rollback can start it again. */
  readonly before?: string
  /** The way to `desired` is one back, in all regions and all at once. */
  readonly isGoingBack?: true
  readonly isPaused?: true
  /** All of it is being ended. */
  readonly isEnding?: true
  /** What users ask for, and no decision has seen yet. */
  readonly commands?: readonly RolloutCommand[]
  /** Of the rollout engine, by region. */
  readonly engines: Readonly<Record<string, RolloutState>>
  /** Why a version was given up, or is not there although it is asked for. */
  readonly failure?: { readonly version: string; readonly at: string; readonly region: string; readonly message: string }
  /** The newest last. */
  readonly history: readonly HistoryEntry[]
}

export interface HistoryEntry {
  /** ISO 8601. */
  readonly at: string
  readonly region: string
  readonly version: string
  /** Kind of the engine's event. */
  readonly kind: string
  readonly isWarning: boolean
  readonly message: string
}
