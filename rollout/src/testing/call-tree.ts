/**
 * A model of an application under load, as its counters show it: a tree of components, whose
 * requests are shared between two versions. It differs from a real one in that calls are
 * independent of each other.
 */
import type { MethodReading, ReplicaReading } from '../analysis/readings.js'
import { binomial, type Random } from './random.js'

export interface ModelMethod {
  readonly component: string
  readonly method: string
  /** The method that calls it; absent: it is called from outside. */
  readonly parent?: ModelMethod
  /** Calls of it per call of its parent, at most 1. */
  readonly share: number
  /** Share of calls that fail by its own fault. */
  readonly errors: number
  /** Median of its latency in seconds, and the spread of the logarithm. */
  readonly median: number
  readonly sigma: number
}

const BOUNDS = [-6, -5, -4, -3, -2, -1, 0, 1].flatMap((e) => [1, 2, 5].map((digit) => Number(`${digit}e${e}`)))

/** A process that counts. */
export class ModelReplica {
  readonly #name: string
  readonly #random: Random
  readonly #methods: readonly ModelMethod[]
  readonly #counts = new Map<ModelMethod, { calls: number; errors: number; readonly buckets: number[] }>()

  /** @param methods parents before their children. */
  constructor(name: string, methods: readonly ModelMethod[], random: Random) {
    this.#name = name
    this.#methods = methods
    this.#random = random
  }

  serve(requests: number): void {
    const served = new Map<ModelMethod, number>()
    const failed = new Map<ModelMethod, number>()
    for (const method of this.#methods) {
      const from = method.parent === undefined ? requests : (served.get(method.parent) ?? 0)
      served.set(method, method.share === 1 ? from : binomial(this.#random, from, method.share))
    }
    for (const method of this.#methods.toReversed()) {
      const calls = served.get(method) ?? 0
      const passedOn = Math.min(calls, failed.get(method) ?? 0)
      const errors = passedOn + binomial(this.#random, calls - passedOn, method.errors)
      if (method.parent !== undefined) failed.set(method.parent, (failed.get(method.parent) ?? 0) + errors)
      const counts = this.#counts.get(method) ?? { calls: 0, errors: 0, buckets: Array.from({ length: BOUNDS.length + 1 }, () => 0) }
      this.#counts.set(method, counts)
      counts.calls += calls
      counts.errors += errors
      spread(this.#random, calls, { ...method, median: latencyOf(method, this.#methods) }, counts.buckets)
    }
  }

  read(): ReplicaReading {
    const methods = [...this.#counts].map(([{ parent, component, method }, { calls, errors, buckets }]): MethodReading => ({
      caller: parent?.component ?? 'weaver/Main',
      component,
      method,
      calls,
      errors,
      latency: { bounds: BOUNDS, buckets: [...buckets] },
    }))
    return { replica: this.#name, methods }
  }
}

/** With that of what it calls. */
function latencyOf(method: ModelMethod, all: readonly ModelMethod[]): number {
  return all.filter(({ parent }) => parent === method).reduce((total, child) => total + child.share * latencyOf(child, all), method.median)
}

function spread(random: Random, calls: number, { median, sigma }: Pick<ModelMethod, 'median' | 'sigma'>, buckets: number[]): void {
  let left = calls
  let below = 0
  for (let i = 0; i < buckets.length && left > 0; i++) {
    const bound = BOUNDS[i]
    const upTo = bound === undefined ? 1 : normalShare(Math.log(bound / median) / sigma)
    const here = upTo >= 1 ? left : binomial(random, left, (upTo - below) / (1 - below))
    buckets[i] = (buckets[i] ?? 0) + here
    left -= here
    below = upTo
  }
}

/** The share of a standard normal distribution below `z`. Abramowitz and Stegun 26.2.17. */
function normalShare(z: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(z))
  const tail =
    (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return z > 0 ? 1 - tail : tail
}
