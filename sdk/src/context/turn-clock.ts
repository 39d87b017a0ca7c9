/**
 * The time as of this turn of the event loop, as timers have it. Reading the clock of a virtual machine costs a third of a call between two objects, and calls
 * are made by the thousand in one turn. A loop of calls that never leave the process is one turn, however long it takes: the clock is read again now and then.
 */
import { processNow } from './process-clock.js'

const USES = 16
const schedule = setImmediate
let at: number | undefined
let uses = 0

/** By the clock of the process; no more behind than what ran since the last sixteen uses, or since the turn began. */
export function turnNow(): number {
  if (at !== undefined && ++uses < USES) return at
  if (at === undefined) schedule(forget)
  uses = 0
  return (at = processNow())
}

function forget(): void {
  at = undefined
}
