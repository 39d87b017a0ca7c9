import type { ProxyLimits } from '../limits.js'
import type { ProxyLog } from '../proxy.js'
import type { RouteTable } from '../routing/route-table.js'

/** What all connections of a proxy share. */
export interface Engine {
  readonly table: RouteTable
  readonly limits: ProxyLimits
  readonly isTrusted: boolean
  readonly log: ProxyLog | undefined
  /** Milliseconds, brought up to date by each sweep: reading a clock for every request costs more than its precision is worth. */
  now: number
  /** Closing: answers say `Connection: close`. */
  isClosing: boolean
  refused: number
  retries: number
  lostPins: number
}

/** How often limits are looked at. */
export const SWEEP_MS = 250
