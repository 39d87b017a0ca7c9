import { processNow } from '../../context/process-clock.js'

const SWEEP_MS = 20

/** One coarse timer for everything that a caller waits for; it runs as long as there is something to look at. */
export class Sweep {
  readonly #looks: ((now: number) => boolean)[] = []
  #timer: NodeJS.Timeout | undefined

  /** @param look runs with each sweep, by the clock of the process; true: there is more to look at */
  add(look: (now: number) => boolean): void {
    this.#looks.push(look)
  }

  /** There is something to look at. */
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
