import { LABELS } from '@weaver/crds'
import { BOOTSTRAP_ENV } from '@weaver/sdk/contract'
import type { Pod } from './pod.js'

/** Selects pods: those that host a component, or those whose label names a group. */
export interface WantedGroup {
  /** Value of the label; used if no component is given, or a pod does not state what it hosts. */
  readonly name: string
  readonly component?: string
}

/**
 * Whether a pod runs in a group. Decided by what it hosts rather than by name: naming a group makes
 * no new version, so running pods may carry the group's former name.
 */
export function isInGroup(pod: Pod, { name, component }: WantedGroup): boolean {
  const hosted = component === undefined ? undefined : hostedComponents(pod)
  return component === undefined || hosted === undefined ? pod.metadata.labels?.[LABELS.group] === name : hosted.includes(component)
}

/** Components that a pod of Weaver hosts, by its bootstrap; `undefined` if it does not say. */
function hostedComponents(pod: Pod): readonly string[] | undefined {
  for (const { env = [] } of pod.spec.containers)
    for (const { name, value } of env) {
      if (name !== BOOTSTRAP_ENV || value === undefined) continue
      try {
        const { components } = JSON.parse(value) as { readonly components?: unknown } // checked next
        if (Array.isArray(components)) return components.map(String)
      } catch {
        return undefined // written by another release; the label must do
      }
    }
  return undefined
}
