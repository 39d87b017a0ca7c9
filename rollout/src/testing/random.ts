/** Seeded random numbers, so that a failing seed can be run again. */
export type Random = () => number

export function mulberry32(seed: number): Random {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** How many of `n` trials succeed. Exact where few do or few fail; else by the normal distribution. */
export function binomial(random: Random, n: number, p: number): number {
  if (n === 0 || p <= 0) return 0
  if (p > 0.5) return n - binomial(random, n, 1 - p)
  if (n * p > 50) return Math.min(n, Math.max(0, Math.round(n * p + normal(random) * Math.sqrt(n * p * (1 - p)))))
  // The gaps between successes are geometric.
  const scale = Math.log1p(-p)
  let successes = 0
  for (let at = 0; ; successes++) {
    at += Math.floor(Math.log(1 - random()) / scale) + 1
    if (at > n) return successes
  }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
