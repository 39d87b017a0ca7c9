import type { Exemplar } from '../contract/metrics.js'
import type { Histogram } from './metric.js'

/**
 * One series of a histogram. Counts are plain numbers, so an observation is a search over some
 * twenty bounds and three additions.
 */
export class HistogramSeries implements Histogram {
  readonly #bounds: readonly number[]
  readonly #buckets: number[]
  #sum = 0
  #exemplars: (Exemplar | undefined)[] | undefined

  /** @param bounds upper bounds, each inclusive, ascending. */
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#buckets = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  get sum(): number {
    return this.#sum
  }

  get buckets(): readonly number[] {
    return this.#buckets
  }

  get exemplars(): readonly Exemplar[] {
    return this.#exemplars?.filter((exemplar) => exemplar !== undefined) ?? []
  }

  observe(value: number, traceId?: string): void {
    if (Number.isNaN(value)) return // it fits no bucket, and would make the sum NaN for good
    const bounds = this.#bounds
    let low = 0
    let high = bounds.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (value <= (bounds[middle] as number)) high = middle
      else low = middle + 1
    }
    this.#buckets[low] = (this.#buckets[low] as number) + 1 // low is an index: 0 to bounds.length
    this.#sum += value
    if (traceId !== undefined) (this.#exemplars ??= [])[low] = { bucket: low, traceId, value, at: Date.now() }
  }
}

/** 1, 2 and 5 times each power of ten between two exponents, inclusive. */
export function decades(from: number, to: number): readonly number[] {
  const bounds: number[] = []
  for (let exponent = from; exponent <= to; exponent++) for (const step of [1, 2, 5]) bounds.push(Number(`${step}e${exponent}`))
  return bounds
}
