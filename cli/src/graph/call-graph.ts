import type { ComponentGraph } from '@weaver/sdk/contract'

/**
 * The graph as a Mermaid flow chart: components, their refs (lazy ones dotted), listeners, and the
 * components' marks.
 */
export function callGraph({ components }: ComponentGraph): string {
  const ids = new Map(components.map(({ name }, i) => [name, `c${i}`]))
  const lines = components.flatMap((component) => {
    const id = ids.get(component.name) ?? ''
    const marks = [
      component.methods.some(({ routed }) => routed === true) ? `routed${component.balance === 'load' ? ' by load' : ''}` : undefined,
      component.leader === undefined ? undefined : `leader of each ${component.leader}`,
    ].filter((mark) => mark !== undefined)
    return [
      `  ${id}["${component.name}${marks.map((mark) => `<br/>${mark}`).join('')}"]`,
      ...component.listeners.map((listener, i) => `  ${id}l${i}(["${listener}"]) --> ${id}`),
      ...component.refs.map((ref) => `  ${id} ${component.lazyRefs?.includes(ref) === true ? '-.->' : '-->'} ${ids.get(ref) ?? ''}`),
    ]
  })
  return ['flowchart LR', ...lines].join('\n')
}
