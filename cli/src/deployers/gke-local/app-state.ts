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
  /** Versions that a user burned: none of them serves again. */
  readonly burned?: readonly string[]
  /** The way to `desired` is one back, in all regions and all at once. */
  readonly isGoingBack?: true
  /** All of it is being ended. */
  readonly isEnding?: true
  /** What users ask for, and no decision has seen yet. */
  readonly commands?: readonly RolloutCommand[]
  /** Of the rollout engine, by region. */
  readonly engines: Readonly<Record<string, RolloutState>>
  /**
   * By region that has the version that is asked for before all have it: how long that was not
   * ready there.
   */
  readonly unready?: Readonly<Record<string, Unready>>
  /** Why a version was given up, or is not there although it is asked for. */
  readonly failure?: { readonly version: string; readonly at: string; readonly region: string; readonly message: string }
  /** The newest last. */
  readonly history: readonly HistoryEntry[]
}

export interface Unready {
  /** While it is not ready: since when, earlier times counted in. Epoch milliseconds. */
  readonly since?: number
  /** While it is ready: how long it was not. */
  readonly ms?: number
  /** It was so for longer than the deadline, and nothing is undone, as `onFailure: pause` asks. */
  readonly isHalted?: true
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

/**
 * Commands that no decision has seen are about the rollout that is being left; a burn is not, and
 * holds whatever is asked for next.
 */
export function onlyBurns({ commands = [], ...rest }: AppState): AppState {
  const burns = commands.filter(({ verb }) => verb === 'burn')
  return burns.length === 0 ? rest : { ...rest, commands: burns }
}

/** Whether a region gives all traffic to the version that is asked for. */
export function hasArrived({ desired, engines }: AppState, region: string): boolean {
  const engine = engines[region]
  return engine?.active === desired && engine.preview === undefined && engine.weights?.[desired] === 100
}

/** Whether a user has paused the rollout. */
export function isPausedByUser({ engines }: AppState): boolean {
  return Object.values(engines).some(({ pausedByUser }) => pausedByUser !== undefined)
}

/** Whether all regions go to the only version on which they can still meet. */
export function isLastWay({ isGoingBack, desired, settled }: AppState): boolean {
  return isGoingBack === true && (settled === undefined || settled === desired)
}

/** The version to go back to from the one that is asked for; `undefined`: there is none. */
export function wayBack({ desired, settled, regions, engines, burned = [] }: AppState): string | undefined {
  const known = [settled, ...regions.map((region) => engines[region]?.active)]
  return known.find((id) => id !== undefined && id !== desired && !burned.includes(id))
}
