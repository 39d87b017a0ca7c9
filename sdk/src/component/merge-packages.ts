import type { ComponentBinding, WeaverGen } from './binding.js'

/**
 * What a package generated, together with what the packages generated whose components it refers to. A package that is reached on two ways counts once; two
 * components of one name do not become one, and the start refuses them.
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
