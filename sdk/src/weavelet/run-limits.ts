import { MAX_TIMER_MS, type Bootstrap } from '../contract/bootstrap.js'

/** How long a graceful stop may take, in milliseconds, when nobody says otherwise. */
const DEFAULT_GRACE_MS = 25_000

/** The numbers that an application may give to `run()`, and in what bounds. */
export interface RunLimits {
  /** Largest request or answer of a call between processes, in bytes; what is larger than the broker takes at once goes in parts. @default 16777216 */
  readonly maxMessageBytes?: number | undefined
  /** The most calls of one tick that go to another process as one message; 1: each goes alone. @default 64 */
  readonly maxBatch?: number | undefined
  /** Calls of one component that a process runs at once for other processes; one more is refused (`WEAVER_RPC_OVERLOADED`), and another replica may have room. @default 10000 */
  readonly maxConcurrent?: number | undefined
  /** How long a stop may take where no deployer says, in milliseconds: what still runs after 0.8 of it is cut off. @default 25000 */
  readonly shutdownGraceMs?: number | undefined
  /**
   * How long the start of a component waits until what it refers to in other processes answers, in milliseconds; then it goes on, with a warning. 0: it does
   * not wait. @default 60000
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

/** What is wrong with them, one line each, beginning with the name of the option. */
export function runLimitProblems(given: RunLimits): readonly string[] {
  return Object.entries(BOUNDS).flatMap(([option, { unit, least, most }]) => {
    const value: unknown = given[option as keyof RunLimits] // the table has its keys
    if (value === undefined || (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)) return []
    return [
      `${option} is ${typeof value === 'string' ? `"${value}"` : String(value)}; give a whole number of ${unit}, from ${least} to ${most}`,
    ]
  })
}

/** How long a stop may take, in milliseconds, without what the deployer waits before it. The deployer's word counts, then the application's. */
export function graceMsOf(bootstrap: Bootstrap | undefined, own: number | undefined): number {
  return Math.min(bootstrap?.shutdownGraceMs ?? own ?? DEFAULT_GRACE_MS, MAX_TIMER_MS)
}
