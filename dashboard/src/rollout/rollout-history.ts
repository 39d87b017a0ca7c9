/** What was planned for a rollout when it was first seen, and how traffic moved since. Pure; the caller has the clock. */
import type { Fractions, RolloutDetail } from './rollout-source.js'

/** Changes; a rollout has some dozens. */
const MAX_OBSERVED = 1_000

export interface RolloutTrack {
  /** Of the rollout that is under way, or was last. */
  readonly target: string
  readonly planned: readonly Fractions[]
  /** Each change, and the last look. */
  readonly observed: readonly Fractions[]
}

export class RolloutHistory {
  #target = ''
  #wasUnderWay = false
  #planned: readonly Fractions[] = []
  #observed: Fractions[] = []

  add(at: number, detail: RolloutDetail): RolloutTrack {
    const { target, isUnderWay, projected, regions } = detail
    if (target !== this.#target || (isUnderWay && !this.#wasUnderWay)) {
      this.#target = target
      this.#planned = []
      this.#observed = []
    }
    this.#wasUnderWay = isUnderWay
    // While a region waits for others, only its first steps are known.
    if (this.#planned.length <= 1) this.#planned = projected
    const now: Fractions = { at, fractions: Object.fromEntries(regions.map(({ name, observed }) => [name, observed])) }
    const [before, last] = this.#observed.slice(-2)
    const isSame = (one: Fractions | undefined): boolean => JSON.stringify(one?.fractions) === JSON.stringify(now.fractions)
    if (isSame(before) && isSame(last)) this.#observed.pop()
    this.#observed.push(now)
    if (this.#observed.length > MAX_OBSERVED) this.#observed.shift()
    return { target, planned: this.#planned, observed: [...this.#observed] }
  }
}
