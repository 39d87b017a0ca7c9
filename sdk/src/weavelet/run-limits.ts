import { MAX_TIMER_MS, type Bootstrap } from '../contract/bootstrap.js'

/** Default time limit of a graceful stop, in milliseconds. */
const DEFAULT_GRACE_MS = 25_000

/** The numbers that an application may pass to `run()`, and their bounds. */
export interface RunLimits {
  /**
   * Maximum size of a request or result between processes, in bytes; what exceeds the broker's
   * message size is sent in parts.
   * @default 16777216
   */
  readonly maxMessageBytes?: number | undefined
  /**
   * Maximum number of calls of one tick that are sent to another process as one message; 1 sends
   * each alone.
   * @default 64
   */
  readonly maxBatch?: number | undefined
  /**
   * Maximum number of calls of one component that a process runs concurrently for other processes.
   * One more is rejected (`WEAVER_RPC_OVERLOADED`), and another replica may have room.
   * @default 10000
   */
  readonly maxConcurrent?: number | undefined
  /**
   * Time limit of a stop if no deployer sets one, in milliseconds: what still runs after 0.8 of it
   * is cut off.
   * @default 25000
   */
  readonly shutdownGraceMs?: number | undefined
  /**
   * How long the start of a component waits for the components in other processes that it refers
   * to, in milliseconds; then it continues with a warning. 0 for no wait.
   * @default 60000
   */
  readonly startWaitMs?: number | undefined
}

const BOUNDS: Readonly<Record<keyof RunLimits, { readonly unit: string; readonly least: number; readonly most: number }>> = {
  maxMessageBytes: { unit: 'bytes', least: 1_024, most: 2 ** 30 },
  maxBatch: { unit: 'calls', least: 1, most: 65_536 },
  maxConcurrent: { unit: 'calls', least: 1, most: 1_000_000 },
  shutdownGraceMs: { unit: 'milliseconds', least: 0, most: MAX_TIMER_MS },
  startWaitMs: { unit: 'milliseconds', least: 0, most: MAX_TIMER_MS },
}

/** Problems of the limits, one line each, beginning with the name of the option. */
export function runLimitProblems(given: RunLimits): readonly string[] {
  return Object.entries(BOUNDS).flatMap(([option, { unit, least, most }]) => {
    const value: unknown = given[option as keyof RunLimits] // the table has its keys
    if (value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)) return []
    return [
      `${option} is ${typeof value === 'string' ? `"${value}"` : String(value)}; give a whole number of ${unit}, from ${least} to ${most}`,
    ]
  })
}

/**
 * Time limit of a stop, in milliseconds, without the deployer's wait before it. The deployer's
 * value wins, then the application's.
 */
export function graceMsOf(bootstrap: Bootstrap | undefined, own: number | undefined): number {
  return Math.min(bootstrap?.shutdownGraceMs ?? own ?? DEFAULT_GRACE_MS, MAX_TIMER_MS)
}
