/**
 * The clock and timers of one execution: time passes when the scheduler decides, and the same in
 * each run.
 */
import { AsyncResource } from 'node:async_hooks'
import type { Life, Origin } from './life.js'

/** 14 November 2023, an arbitrary date. */
export const EPOCH_MS = 1_700_000_000_000
/** Duration of a step: a message takes a while. */
const STEP_MS = 1

export class VirtualTime {
  #now = EPOCH_MS
  #made = 0
  readonly #timers = new Set<SimTimer>()

  /** Epoch milliseconds. */
  get now(): number {
    return this.#now
  }

  step(): void {
    this.#now += STEP_MS
  }

  /** Only forwards; what is already due takes no time. */
  goTo(ms: number): void {
    this.#now = Math.max(this.#now, ms)
  }

  start(
    by: { readonly life: Life; readonly origin: Origin },
    run: () => void,
    wait: { readonly delayMs: number; readonly isRepeated: boolean },
  ): SimTimer {
    const timer = new SimTimer(this, {
      id: `${by.origin.id}.t${(by.origin.timers += 1)}`,
      life: by.life,
      // A timer runs in the context of the code that started it.
      run: AsyncResource.bind(run),
      delayMs: wait.delayMs >= 1 ? wait.delayMs : 1, // as Node does, NaN included
      isRepeated: wait.isRepeated,
      number: (this.#made += 1),
    })
    this.#timers.add(timer)
    return timer
  }

  cancel(timer: SimTimer): void {
    this.#timers.delete(timer)
  }

  has(timer: SimTimer): boolean {
    return this.#timers.has(timer)
  }

  add(timer: SimTimer): void {
    this.#timers.add(timer)
  }

  /** The timer that is due first. */
  earliest(): SimTimer | undefined {
    let first: SimTimer | undefined
    for (const timer of this.#timers)
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.number < first.number)) first = timer
    return first
  }

  /** Drops the timers of a process that is gone. */
  forget(life: Life): void {
    for (const timer of this.#timers) if (timer.life === life) this.#timers.delete(timer)
  }

  fire(timer: SimTimer): void {
    this.goTo(timer.due)
    if (timer.isRepeated) timer.due = this.#now + timer.delayMs
    else this.#timers.delete(timer)
    timer.run()
  }
}

interface TimerOptions {
  readonly id: string
  readonly life: Life
  readonly run: () => void
  readonly delayMs: number
  readonly isRepeated: boolean
  readonly number: number
}

/** The result of `setTimeout` inside a simulation, with the members of Node's `Timeout`. */
export class SimTimer {
  readonly id: string
  readonly life: Life
  readonly run: () => void
  readonly delayMs: number
  readonly isRepeated: boolean
  readonly number: number
  due: number
  readonly #time: VirtualTime

  constructor(time: VirtualTime, options: TimerOptions) {
    this.#time = time
    this.id = options.id
    this.life = options.life
    this.run = options.run
    this.delayMs = options.delayMs
    this.isRepeated = options.isRepeated
    this.number = options.number
    this.due = time.now + options.delayMs
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  hasRef(): boolean {
    return true
  }

  refresh(): this {
    this.due = this.#time.now + this.delayMs
    if (!this.life.isOver) this.#time.add(this)
    return this
  }

  close(): this {
    this.#time.cancel(this)
    return this
  }

  /** Converts to its number, like a `Timeout`. */
  valueOf(): number {
    return this.number
  }
}
