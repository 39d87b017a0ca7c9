/**
 * Who is next, by weight: after any number of turns, each has had its share of them within less
 * than one turn. R. Tijdeman, "The chairman assignment problem" (1980): among those that are far
 * enough behind their share, the one whose next turn is due first. Smooth weighted round robin,
 * which is simpler, is exact for two only.
 */
export interface WeightedChoice {
  readonly weights: readonly number[]
  /** Index of the next one, or -1 when no weight is above 0. */
  next(): number
}

/** @param weights integers ≥ 0 whose sum, times twice their number, is a safe integer. */
export function createWeightedChoice(weights: readonly number[]): WeightedChoice {
  const parts = weights.flatMap((weight, index) => (weight > 0 ? [{ index, weight, taken: 0 }] : []))
  const only = parts.length === 1 ? parts[0]?.index : undefined
  if (parts.length < 2) return { weights, next: () => only ?? -1 }

  // Everything is scaled by `scale` so that the bound, 1 / scale of a turn, is an integer as well.
  const total = parts.reduce((sum, { weight }) => sum + weight, 0)
  const scale = 2 * parts.length - 2
  let turn = 0
  const next = (): number => {
    turn++
    let best: (typeof parts)[number] | undefined
    let bestDue = Infinity
    for (const part of parts) {
      const behind = scale * (part.weight * turn - total * part.taken)
      if (behind < total) continue
      const due = ((scale - 1) * total - behind) / part.weight
      if (due >= bestDue) continue
      best = part
      bestDue = due
    }
    // One is always far enough behind: the shares that are missing add up to a whole turn.
    if (best === undefined) throw new Error('no one is behind its share')
    best.taken++
    if (turn === total) {
      // Everyone has had exactly its weight: the sequence begins again, and the numbers stay small.
      turn = 0
      for (const part of parts) part.taken = 0
    }
    return best.index
  }
  return { weights, next }
}
