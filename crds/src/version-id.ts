import { shortHash } from './hash.js'
import type { WeaverAppSpec } from './weaver-app.js'

export const VERSION_ID_LENGTH = 8

/**
 * The id of the version that a spec asks for: 8 characters, the first a letter. Everything that would change a pod goes in, and nothing else: scaling, ports,
 * hosts, rollout and traffic settings act on the versions that are there. The order of groups, components, listeners and keys makes no difference, nor does
 * an empty list from none; the order of `env` does, as values may refer to earlier ones.
 */
export function versionIdOf(spec: WeaverAppSpec): string {
  const { image, imagePullPolicy, imagePullSecrets, config, env, resources, nodeSelector, tolerations } = spec
  const groups = [...spec.groups]
    .sort((a, b) => compare(a.name, b.name))
    .map((g) => withoutEmpty({ name: g.name, components: [...g.components].sort(compare), env: g.env, resources: g.resources }))
  const listeners = spec.listeners.map((l) => l.name).sort(compare)
  const parts = { image, imagePullPolicy, imagePullSecrets, config, groups, listeners, env, resources, nodeSelector, tolerations }
  return shortHash(canonicalJson(withoutEmpty(parts)), VERSION_ID_LENGTH)
}

/** JSON with sorted keys and without `undefined`: equal text for equal values. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, v: unknown) =>
    typeof v === 'object' && v !== null && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => compare(a, b))) : v,
  )
}

function withoutEmpty(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (v: unknown) => v === undefined || (typeof v === 'object' && v !== null && Object.keys(v).length === 0)
  return Object.fromEntries(Object.entries(value).filter(([, v]) => !isEmpty(v)))
}

/** By UTF-16 unit, the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
