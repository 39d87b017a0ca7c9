/**
 * The time of this turn of the event loop, as timers have it. Reading the clock of a virtual
 * machine costs a third of a call between two objects, and one turn may make thousands of calls. A
 * loop of calls within the process is one turn, however long it lasts, so the clock is read again
 * from time to time.
 */
import { processNow } from './process-clock.js'

const USES = 16
const schedule = setImmediate
let at: number | undefined
let uses = 0

/** By the process clock; at most as old as the sixteenth-last use, or the start of the turn. */
export function turnNow(): number {
  if (at !== undefined && ++uses < USES) return at
  if (at === undefined) schedule(forget)
  uses = 0
  return (at = processNow())
}

function forget(): void {
  at = undefined
}
