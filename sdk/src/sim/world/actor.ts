/**
 * Which part of which simulated execution the running code belongs to. It follows the code through
 * awaits, like the context of a call.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Life, Origin } from './life.js'
import type { VirtualTime } from './virtual-time.js'

export interface Actor {
  readonly life: Life
  readonly origin: Origin
  readonly time: VirtualTime
  /** Replaces `Math.random`. */
  readonly random: () => number
}

export const actors: AsyncLocalStorage<Actor> = new AsyncLocalStorage<Actor>()
