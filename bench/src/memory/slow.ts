import { component, implement } from '@weaver/sdk'

/** Takes its time. */
export interface Slow {
  wait(ms: number): Promise<void>
}
export const Slow = component<Slow>('bench/Slow')

class SlowImpl implements Slow {
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, ms))
  }
}
export const slowImpl = implement(Slow, SlowImpl)
