import { component, config, deployment, implement } from '@weaver/sdk'
import { z } from 'zod'

export interface Factors {
  /** Primes in ascending order, each as often as it divides. */
  primes: number[]
  /** It was known already. */
  isCached: boolean
  /** Who answered. */
  replica: string
}

export interface Factorer {
  factors(n: number): Promise<Factors>
}
/**
 * Calls with one number go to one replica, so each number is worked out once and remembered once.
 */
export const Factorer = component<Factorer>('factors/Factorer', { router: { factors: (n) => n } })

class FactorerImpl implements Factorer {
  readonly options = config(z.strictObject({ cacheSize: z.number().int().positive().default(1_000) }))
  /** In order of last use. */
  readonly cache = new Map<number, number[]>()

  async factors(n: number): Promise<Factors> {
    const { replica } = deployment()
    const known = this.cache.get(n)
    const primes = known ?? primesOf(n)
    this.cache.delete(n)
    this.cache.set(n, primes)
    const [oldest] = this.cache.keys()
    if (this.cache.size > this.options.cacheSize && oldest !== undefined) this.cache.delete(oldest)
    return { primes, isCached: known !== undefined, replica }
  }
}
export const factorerImpl = implement(Factorer, FactorerImpl)

function primesOf(n: number): number[] {
  const primes: number[] = []
  let rest = n
  for (let divisor = 2; divisor * divisor <= rest; divisor += 1) for (; rest % divisor === 0; rest /= divisor) primes.push(divisor)
  if (rest > 1) primes.push(rest)
  return primes
}
