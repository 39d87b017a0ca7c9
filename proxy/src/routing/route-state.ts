import type { BackendState } from './backend.js'
import type { TargetState } from './target-state.js'
import type { VersionChoice } from './version-choice.js'
import type { WeightedChoice } from './weighted-choice.js'

export interface Picked {
  readonly target: TargetState
  readonly backend: BackendState
}

export class RouteState {
  readonly host: string | undefined
  targets: readonly TargetState[] = []
  choice: WeightedChoice
  /** Where targets name versions. */
  versions: VersionChoice | undefined

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
