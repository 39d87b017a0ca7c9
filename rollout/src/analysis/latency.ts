/**
 * Histograms of latency: what is compared of them, and the quantiles that are reported. Within a
 * bucket, values are taken to be spread evenly over the logarithm.
 */
import { Evidence, logMean, type Trials } from './evidence.js'

export interface LatencyHistogram {
  /** Upper bounds in seconds, inclusive, ascending; one more bucket holds everything beyond. */
  readonly bounds: readonly number[]
  /** Number of calls in each bucket, not cumulative. */
  readonly buckets: readonly number[]
}

/**
 * The share of calls that may be slower than the factor allows: with one call in twenty, what is
 * compared is about the 95th percentile and everything below it.
 */
const TOLERANCE = 0.05
/** Nobody notices whether a call takes less. In seconds. */
const FLOOR = 0.001

/**
 * Evidence that calls of the preview take longer than `factor` times those of the active version.
 * If they do not, then for every bound, no more calls of the preview exceed the bound than calls of
 * the active version exceed the bound divided by the factor. These are two shares for each bound,
 * compared as any others. For a preview that is as fast as the active version this holds however
 * values lie within their buckets.
 */
export class LatencyEvidence {
  readonly #bounds: readonly number[]
  readonly #factor: number
  readonly #evidence: ReadonlyMap<number, Evidence>

  constructor(bounds: readonly number[], factor: number) {
    this.#bounds = bounds
    this.#factor = Math.max(1, factor)
    this.#evidence = new Map(bounds.filter((bound) => bound >= FLOOR).map((bound) => [bound, new Evidence(TOLERANCE)]))
  }

  /** The natural logarithm of the evidence: of the mean over all bounds. */
  get log(): number {
    const logs = [...this.#evidence.values()].map(({ log }) => log)
    return logs.length === 0 ? 0 : logMean(logs)
  }

  /** Adds a block of calls of both versions. */
  add(active: readonly number[], preview: readonly number[]): void {
    const [bounds, factor] = [this.#bounds, this.#factor]
    for (const [bound, evidence] of this.#evidence)
      evidence.add(slower({ bounds, buckets: active }, bound / factor), slower({ bounds, buckets: preview }, bound))
  }
}

/** Calls, and those among them that take longer than a time in seconds. */
export function slower({ bounds, buckets }: LatencyHistogram, seconds: number): Trials {
  let hits = 0
  for (const [i, count] of buckets.entries()) {
    const upper = bounds[i] ?? Infinity
    if (upper <= seconds) continue
    const lower = bounds[i - 1] ?? 0
    hits += seconds <= lower ? count : count * partAbove(seconds, lower, upper)
  }
  return { calls: sum(buckets), hits }
}

/** The latency in seconds that a share of calls does not exceed; 0 without calls. */
export function quantileOf({ bounds, buckets }: LatencyHistogram, share: number): number {
  const total = sum(buckets)
  let left = total * share
  for (const [i, count] of buckets.entries()) {
    if (count === 0 || left > count) {
      left -= count
      continue
    }
    const upper = bounds[i]
    const lower = bounds[i - 1] ?? 0
    if (upper === undefined) return lower
    return lower === 0 ? upper * (left / count) : lower * (upper / lower) ** (left / count)
  }
  return total === 0 ? 0 : (bounds.at(-1) ?? 0)
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((a, b) => a + b, 0)
}

function partAbove(seconds: number, lower: number, upper: number): number {
  if (upper === Infinity) return 1
  return lower === 0 ? 1 - seconds / upper : Math.log(upper / seconds) / Math.log(upper / lower)
}
