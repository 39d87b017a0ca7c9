import type { ComponentBinding, WeaverGen } from './binding.js'

/**
 * A package's generated value, combined with those of the packages whose components it refers to. A
 * package reached by two paths counts once. Two components with one name are not merged, and the
 * start rejects them.
 */
export function withPackages(packages: readonly WeaverGen[], own: WeaverGen): WeaverGen {
  const errors = [...new Set([...packages.flatMap((of) => of.errors ?? []), ...(own.errors ?? [])])]
  return {
    ...own,
    components() {
      const bindings = new Map<unknown, ComponentBinding>()
      for (const binding of [...packages.flatMap((of) => of.components()), ...own.components()]) bindings.set(binding.token, binding)
      return [...bindings.values()]
    },
    errors,
  }
}
