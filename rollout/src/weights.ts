import { isBurned, view, type Draft } from './draft.js'

export type Weights = Readonly<Record<string, number>>

/** What the present step asks for, if everybody could serve. */
function wantedWeights({ state, steps }: Draft): Weights {
  const { active, preview, step } = state
  if (active === undefined) return {}
  const share = preview === undefined || step < 0 ? 0 : (steps[step]?.weight ?? 0)
  return withoutZeros({ [active]: 100 - share, ...(preview === undefined ? {} : { [preview]: share }) })
}

/**
 * The weights to ask for. Traffic goes to versions that can serve: where one that should have a
 * share cannot, another that should have one takes all of it; else one that still has some keeps
 * it; else nothing is moved, as there is nothing better, unless what has it is burned.
 */
export function safeWeights(draft: Draft): Weights {
  const wanted = wantedWeights(draft)
  const before = draft.state.weights
  const canServe = (id: string) => view(draft, id).servable
  if (Object.keys(wanted).every(canServe)) return wanted
  const instead = heaviest(wanted, canServe) ?? heaviest(before, (id) => canServe(id) && !isBurned(draft, id))
  if (instead !== undefined) return { [instead]: 100 }
  return Object.keys(before).some((id) => isBurned(draft, id)) ? {} : before
}

/**
 * True when the split that is in force is exactly this one. What nobody knows of a version without
 * a share does not matter: the others sum to 100.
 */
export function isInForce(draft: Draft, weights: Weights): boolean {
  const observed = (id: string) => view(draft, id).weightObserved
  return (
    Object.entries(weights).every(([id, weight]) => observed(id) === weight) &&
    draft.input.versions.every((v) => weights[v.id] !== undefined || (v.weightObserved ?? 0) === 0)
  )
}

function heaviest(weights: Weights, isEligible: (id: string) => boolean): string | undefined {
  return Object.entries(weights)
    .filter(([id]) => isEligible(id))
    .sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0]?.[0]
}

function withoutZeros(weights: Weights): Weights {
  return Object.fromEntries(Object.entries(weights).filter(([, weight]) => weight > 0))
}
