import { distance } from 'fastest-levenshtein'

/** The known name that a misspelt one most likely means; `undefined` if none is near. */
function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const candidate of known) {
    const found = distance(name.toLowerCase(), candidate.toLowerCase())
    if (found <= Math.max(1, Math.floor(candidate.length / 3)) && found < (best?.distance ?? Infinity))
      best = { name: candidate, distance: found }
  }
  return best?.name
}

/** The remedy for an unknown name. */
export function unknownNameHint(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  if (near !== undefined) return `did you mean "${near}"?`
  return known.length === 0 ? 'remove it' : `known are ${known.map((k) => `"${k}"`).join(', ')}`
}
