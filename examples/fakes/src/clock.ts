import { component, implement } from '@weaver/sdk'

/** Time as a component, so that a test can say what time it is. */
export interface Clock {
  now(): Promise<Date>
}
export const Clock = component<Clock>('fakes/Clock')

class ClockImpl implements Clock {
  async now(): Promise<Date> {
    return new Date()
  }
}
export const clockImpl = implement(Clock, ClockImpl)
