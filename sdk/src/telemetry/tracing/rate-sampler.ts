import { turnNow } from '../../context/turn-clock.js'

/**
 * Admits about `perSecond`, however many ask. The gaps are random, 0 to twice the mean, so that
 * regular events are not always, or never, the sampled ones.
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
