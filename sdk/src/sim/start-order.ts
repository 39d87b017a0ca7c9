import type { ComponentBinding } from '../component/binding.js'

/**
 * Names of components, each after those that it refers to, as far as cycles (of lazy refs) allow.
 */
export function startOrder(bindings: readonly ComponentBinding[]): readonly string[] {
  const byName = new Map(bindings.map((binding) => [binding.token.name, binding]))
  const order = new Set<string>()
  const entered = new Set<string>()
  const visit = (name: string): void => {
    const binding = byName.get(name)
    if (binding === undefined || entered.has(name)) return
    entered.add(name)
    for (const ref of binding.refs) visit(ref)
    order.add(name)
  }
  for (const name of [...byName.keys()].sort()) visit(name)
  return [...order]
}
