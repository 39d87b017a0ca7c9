import { turnNow } from '../../context/turn-clock.js'

/**
 * Lets about so many through in a second, however many ask. The gaps are random, 0 to twice the mean, so that what happens at regular times is not always, or
 * never, the one that is seen.
 */
export function rateSampler(
  perSecond: number,
  ports: { readonly now: () => number; readonly random: () => number } = { now: turnNow, random: Math.random },
): () => boolean {
  if (perSecond === Infinity) return () => true
  if (!(perSecond > 0)) return () => false
  let next = 0
  return () => {
    const now = ports.now()
    if (now < next) return false
    next = now + (ports.random() * 2_000) / perSecond
    return true
  }
}
