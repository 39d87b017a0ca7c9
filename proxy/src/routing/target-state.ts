import type { TargetStats } from '../proxy.js'
import type { BackendState } from './backend.js'

export class TargetState {
  readonly id: string
  version: string | undefined
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
