/** How long a process waits between two attempts to connect to the broker. Milliseconds. */

/**
 * A broker whose connection was lost must be found again in tens of milliseconds; with some jitter,
 * as its clients must not all connect at once.
 */
export const RECONNECT_MS = 30
const RETRY_MS = 250
const RETRY_MAX_MS = 5_000

/** Refusals in a row, `sinceMs` by `processNow()`. */
export interface Refused {
  readonly sinceMs: number
  readonly times: number
}

/**
 * A tenth of the time that attempts have failed, within limits. Each attempt is a handshake for
 * both sides: processes that a broker keeps refusing must not take the machine from what would end
 * that.
 */
export function retryDelayMs(failedForMs: number): number {
  return Math.min(Math.max(failedForMs / 10, RETRY_MS), RETRY_MAX_MS)
}

/** Quickly at first: a server that refuses may not know the account yet. */
export function reconnectDelayMs(refused: Refused | undefined, nowMs: number): number {
  if (refused === undefined) return RECONNECT_MS
  return Math.min(RECONNECT_MS * 2 ** refused.times, retryDelayMs(nowMs - refused.sinceMs))
}
