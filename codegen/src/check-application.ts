import type { ClassFacts, ComponentModel, MainModel } from './model.js'

/** A component that another package contributes. */
export interface OtherNode {
  readonly name: string
  readonly refs: readonly string[]
  readonly listeners: readonly string[]
}

/** Listeners declared by two classes: `[listener, owner, other owner]`. */
export function duplicateListeners(
  components: readonly OtherNode[],
  main: MainModel | undefined,
): readonly (readonly [listener: string, first: string, second: string])[] {
  const seen = new Map<string, string>()
  const found: (readonly [string, string, string])[] = []
  for (const { name, listeners } of [...(main === undefined ? [] : [{ ...main, name: 'weaver/Main' }]), ...components])
    for (const listener of listeners) {
      const other = seen.get(listener)
      if (other !== undefined) found.push([listener, other, name])
      seen.set(listener, name)
    }
  return found
}

/** The class without the optional refs that nothing implements. */
export function withoutAbsentRefs<T extends ClassFacts>(facts: T, implemented: ReadonlySet<string>): T {
  return { ...facts, refs: facts.refs.filter((name) => implemented.has(name) || !facts.optionalRefs.includes(name)) }
}

/** Tokens without an implementation, except those that classes refer to only by `optionalRef`. */
export function lackingTokens(classes: readonly ClassFacts[], unimplemented: readonly string[]): readonly string[] {
  return unimplemented.filter((name) => {
    const referring = classes.filter(({ refs }) => refs.includes(name))
    return referring.length === 0 || referring.some(({ optionalRefs }) => !optionalRefs.includes(name))
  })
}

/** Cycles of refs, each as the names along it; the first name is repeated at the end. */
export function cycles(
  components: readonly (Pick<ComponentModel, 'name' | 'refs'> & { readonly lazyRefs?: readonly string[] })[],
): readonly (readonly string[])[] {
  const byName = new Map(components.map((component) => [component.name, component]))
  const done = new Set<string>()
  const found: (readonly string[])[] = []
  const visit = (name: string, path: readonly string[]): void => {
    const from = path.indexOf(name)
    if (from >= 0) return void found.push([...path.slice(from), name])
    if (done.has(name)) return
    const of = byName.get(name)
    for (const ref of of?.refs ?? []) if (of?.lazyRefs?.includes(ref) !== true) visit(ref, [...path, name])
    done.add(name)
  }
  for (const { name } of components) visit(name, [])
  return found
}
