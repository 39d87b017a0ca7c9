/**
 * Evidence that something happens more often in the preview than in the active version, by more
 * than a tolerance, as an e-process: a number that is 1 at the start and, while the preview is
 * within the tolerance, is not expected to grow, whenever one looks. The probability that it ever
 * reaches 1/a is at most a (Ville's inequality), so looking every few seconds inflates nothing, and
 * nothing need be known of how often anyone will look.
 *
 * One block of calls of both versions multiplies it by the likelihood ratio of an alternative,
 * fixed before the block was seen, to the member of the null hypothesis that is nearest to it (in
 * Kullback-Leibler divergence, weighted by the calls of each version). This has an expectation of
 * at most 1 under every member of the null, for any numbers of calls; no large-sample approximation
 * is involved. Rates may differ from block to block, so an outage that hits both versions, or a
 * change of the weights, is not mistaken for a difference between them.
 *
 * Source: Turner, Ly and Grünwald, "Generic E-variables for exact sequential k-sample tests that
 * allow for optional stopping" (2024); Turner and Grünwald, "Exact anytime-valid confidence
 * intervals for contingency tables and beyond" (2023), for the null hypothesis with a tolerance.
 */

/** Calls, and those among them that are counted. `hits` may be a fraction in the active version. */
export interface Trials {
  readonly calls: number
  readonly hits: number
}
export interface Rates {
  readonly active: number
  readonly preview: number
}

/** Excesses over the tolerance that are looked for; the evidence is the mean over all of them. */
const EXCESSES = [0.01, 0.03, 0.1, 0.3, 0.8] as const
/** Evidence against an excess that is so strong that the excess is not looked for any more. */
const DEAD = -15
/** No rate is taken for 0 or 1, which a single call would refute. */
const EDGE = 1e-6

/** Of one kind of event, such as a failed call of one method. */
export class Evidence {
  readonly #tolerance: number
  readonly #logs: number[] = EXCESSES.map(() => 0)
  #calls = 0
  #hits = 0

  /** @param tolerance the difference of the two rates that is accepted, from 0 to 1. */
  constructor(tolerance: number) {
    this.#tolerance = tolerance
  }

  /** The natural logarithm of the evidence. */
  get log(): number {
    return logMean(this.#logs)
  }

  /** Adds a block. A version without calls says nothing, so a block needs calls of both. */
  add(active: Trials, preview: Trials): void {
    if (this.#calls > 0) {
      const base = (this.#hits + 0.5) / (this.#calls + 1)
      EXCESSES.forEach((excess, i) => {
        const log = this.#logs[i] ?? 0
        const rates = { active: base, preview: base + this.#tolerance + excess }
        if (log > DEAD) this.#logs[i] = log + logGrowth({ active, preview }, rates, this.#tolerance)
      })
    }
    this.#calls += active.calls
    this.#hits += active.hits
  }
}

/**
 * The logarithm of the likelihood ratio of `rates` to the nearest rates that the tolerance allows;
 * 0 where it allows `rates`.
 */
export function logGrowth(block: { readonly active: Trials; readonly preview: Trials }, rates: Rates, tolerance: number): number {
  const active = inside(rates.active)
  const preview = inside(rates.preview)
  if (preview - active <= tolerance) return 0
  const nearest = nearestAllowed({ active, preview }, { active: block.active.calls, preview: block.preview.calls }, tolerance)
  return logRatio(block.active, active, nearest) + logRatio(block.preview, preview, nearest + tolerance)
}

/**
 * The active rate `g` for which `g` and `g + tolerance` are nearest to the given rates. The
 * divergence is convex in it, and its slope changes sign between the two ends: Newton's method on
 * the slope's numerator, kept between them.
 */
function nearestAllowed({ active, preview }: Rates, calls: Rates, tolerance: number): number {
  const total = calls.active + calls.preview
  let low = active
  let high = preview - tolerance
  let g = total === 0 ? low : (calls.active * low + calls.preview * high) / total
  for (let i = 0; i < 40; i++) {
    const h = g + tolerance
    const [g2, h2] = [g * (1 - g), h * (1 - h)]
    const slope = calls.active * (g - active) * h2 + calls.preview * (h - preview) * g2
    if (slope < 0) low = g
    else high = g
    const bend = calls.active * (h2 + (g - active) * (1 - 2 * h)) + calls.preview * (g2 + (h - preview) * (1 - 2 * g))
    const next = g - slope / bend
    const last = g
    g = next > low && next < high ? next : (low + high) / 2
    if (Math.abs(g - last) < 1e-13) break
  }
  return g
}

function logRatio({ calls, hits }: Trials, alternative: number, allowed: number): number {
  return hits * Math.log(alternative / allowed) + (calls - hits) * Math.log((1 - alternative) / (1 - allowed))
}

function inside(rate: number): number {
  return Math.min(1 - EDGE, Math.max(EDGE, rate))
}

/** The logarithm of the mean of numbers that are given by their logarithms. */
export function logMean(logs: readonly number[]): number {
  const most = Math.max(...logs)
  return most + Math.log(logs.reduce((sum, log) => sum + Math.exp(log - most), 0) / logs.length)
}
