import { shortHash } from './hash.js'
import type { GroupSpec, WeaverAppSpec } from './weaver-app.js'

export const VERSION_ID_LENGTH = 8

/**
 * The id of the version that a spec asks for: 8 characters, the first a letter. Everything that
 * would change a pod counts, and nothing else: scaling, ports, hosts, rollout and traffic settings
 * apply to existing versions. The order of groups, components, listeners and keys makes no
 * difference, nor does an empty list from none; the order of `env` does, as values may refer to
 * earlier ones.
 *
 * A group is a set of components with settings. Its name does not count, and a group of one
 * component without settings is what that component gets anyway, so naming a group in order to
 * scale it costs no rollout.
 */
export function versionIdOf(spec: WeaverAppSpec): string {
  const groups = spec.groups
    .map((g) => withoutEmpty({ components: [...g.components].sort(compare), ...podParts(g), resources: g.resources }))
    .filter((g) => Object.keys(g).length > 1 || (g['components'] as readonly string[]).length > 1) // as made above
    .map((g) => ({ group: g, key: canonicalJson(g) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ group }) => group)
  return idOf(spec, groups)
}

/** True when both ask for the same version: what they differ in changes no pod. */
export function isSameVersion(a: WeaverAppSpec, b: WeaverAppSpec): boolean {
  return versionIdOf(a) === versionIdOf(b)
}

/**
 * The id by the rule of releases up to 0.1, which included the names of groups. A version of such a
 * release keeps its id for life; this recognises it.
 */
export function earlierVersionIdOf(spec: WeaverAppSpec): string {
  const groups = [...spec.groups]
    .sort((a, b) => compare(a.name, b.name))
    .map((g) => withoutEmpty({ name: g.name, components: [...g.components].sort(compare), env: g.env, resources: g.resources }))
  return idOf(spec, groups)
}

function idOf(spec: WeaverAppSpec, groups: readonly unknown[]): string {
  const { image, imagePullPolicy, imagePullSecrets, config, resources, nodeSelector, tolerations } = spec
  const listeners = spec.listeners.map((l) => l.name).sort(compare)
  const parts = {
    image,
    imagePullPolicy,
    imagePullSecrets,
    config,
    groups,
    listeners,
    ...podParts(spec),
    resources,
    nodeSelector,
    tolerations,
  }
  return shortHash(canonicalJson(withoutEmpty(parts)), VERSION_ID_LENGTH)
}

/**
 * The fields that change the pods of an app, or of one group. The content of Secrets and ConfigMaps
 * that they name is unknown here.
 */
function podParts({ env, envFrom, volumes, volumeMounts, podTemplate }: WeaverAppSpec | GroupSpec): Record<string, unknown> {
  return { env, envFrom, volumes, volumeMounts, podTemplate }
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
