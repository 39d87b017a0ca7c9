import { processNow } from '../../context/process-clock.js'

const SWEEP_MS = 20

/**
 * One coarse timer for everything that a caller waits for; it runs as long as something is pending.
 */
export class Sweep {
  readonly #looks: ((now: number) => boolean)[] = []
  #timer: NodeJS.Timeout | undefined

  /**
   * @param look runs at each sweep, with the time by the process clock; returns true if something
   * is pending
   */
  add(look: (now: number) => boolean): void {
    this.#looks.push(look)
  }

  /** Starts the timer: something is pending. */
  begin(): void {
    this.#timer ??= setInterval(() => this.#run(), SWEEP_MS)
  }

  #run(): void {
    const now = processNow()
    let isNeeded = false
    for (const look of this.#looks) if (look(now)) isNeeded = true
    if (isNeeded) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
