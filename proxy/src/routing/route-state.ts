import type { TargetStats } from '../proxy.js'
import type { BackendState } from './backend.js'
import type { WeightedChoice } from './weighted-choice.js'

export class TargetState {
  readonly id: string
  weight = 0
  backends: readonly BackendState[] = []
  chosen = 0
  requests = 0
  inFlight = 0
  errors = 0
  #from = 0

  constructor(id: string) {
    this.id = id
  }

  /** The usable backend with the fewest requests in flight, those with as few in turn. */
  pick(tried: readonly BackendState[]): BackendState | undefined {
    const { backends } = this
    const count = backends.length
    if (count === 0) return undefined
    const from = (this.#from = (this.#from + 1) % count)
    let best: BackendState | undefined
    for (let i = 0; i < count; i++) {
      const backend = backends[(from + i) % count]
      if (backend === undefined || !backend.isUsable || tried.includes(backend)) continue
      if (best === undefined || backend.inFlight.size < best.inFlight.size) best = backend
    }
    return best
  }

  stats(): TargetStats {
    const { id, weight, chosen, requests, inFlight, errors } = this
    return { id, weight, chosen, requests, inFlight, errors, backends: this.backends.map((backend) => backend.stats()) }
  }
}

export interface Picked {
  readonly target: TargetState
  readonly backend: BackendState
}

export class RouteState {
  readonly host: string | undefined
  targets: readonly TargetState[] = []
  choice: WeightedChoice

  constructor(host: string | undefined, choice: WeightedChoice) {
    this.host = host
    this.choice = choice
  }

  /** Whose turn it is. */
  next(): TargetState | undefined {
    const target = this.targets[this.choice.next()]
    if (target !== undefined) target.chosen++
    return target
  }

  /**
   * A backend for a request whose turn is this target's, other than those that have failed it. A
   * target none of whose backends is alive is passed over: the request goes to the heaviest one
   * that can serve, because an answer by the other version is better than none.
   */
  pick(turn: TargetState | undefined, tried: readonly BackendState[]): Picked | undefined {
    const own = turn?.pick(tried)
    if (turn !== undefined && own !== undefined) return { target: turn, backend: own }
    let best: Picked | undefined
    for (const target of this.targets) {
      if (target === turn || target.weight === 0 || (best !== undefined && target.weight <= best.target.weight)) continue
      const backend = target.pick(tried)
      if (backend !== undefined) best = { target, backend }
    }
    return best
  }
}
