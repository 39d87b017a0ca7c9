/**
 * One life of a replica; a restart begins another. Operations and the workload have one that never
 * ends.
 */
export interface Life {
  /** Its name in the history: `bank/Bank`, `bank/Bank 1`, `op 2`. */
  readonly name: string
  /** Its process is gone, and with it all its work. */
  isOver: boolean
}

/**
 * Numbers what is started from one place, so that a call has the same name in each run in which its
 * origin makes the same calls.
 */
export interface Origin {
  readonly id: string
  calls: number
  timers: number
}

export function originOf(id: string): Origin {
  return { id, calls: 0, timers: 0 }
}
