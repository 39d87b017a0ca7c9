import { distance } from 'fastest-levenshtein'

/** A problem of a WeaverApp, as data: the caller decides how to show it. */
export interface SpecProblem {
  /** `spec.groups[1].components[0]`, `spec.config["httpserver/Greeter"].greeting`. */
  readonly path: string
  /** What is wrong, without a full stop. */
  readonly message: string
  /** What to do, starting with a verb. */
  readonly remedy: string
}

/**
 * A field's path as people and `kubectl` write it; keys that are not plain words are quoted in
 * brackets.
 */
export function fieldPath(...parts: readonly PropertyKey[]): string {
  return parts
    .map((part, i) => {
      if (typeof part === 'number') return `[${part}]`
      const key = String(part)
      return /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key) ? `${i === 0 ? '' : '.'}${key}` : `[${JSON.stringify(key)}]`
    })
    .join('')
}

export function formatProblem({ path, message, remedy }: SpecProblem): string {
  return `${path}: ${message}; ${remedy}`
}

/** The known name that a misspelt one most likely means; `undefined` when none is close. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly distance: number } | undefined
  for (const candidate of known) {
    const found = distance(name.toLowerCase(), candidate.toLowerCase())
    if (found <= Math.max(1, Math.floor(candidate.length / 3)) && found < (best?.distance ?? Infinity))
      best = { name: candidate, distance: found }
  }
  if (best !== undefined) return best.name
  // `Reverser` for `httpserver/Reverser`
  const segment = name.slice(name.lastIndexOf('/') + 1).toLowerCase()
  return [...known].find((k) => k.slice(k.lastIndexOf('/') + 1).toLowerCase() === segment)
}
