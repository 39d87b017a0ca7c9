import type { KubeObject, ResourceKind } from '@weaver/kube'

/**
 * Fields in which an object must have exactly what we want: server-side apply merges maps and lists
 * of maps, so another manager's key in a Service's selector would stay and select no pod at all.
 * Others may add to other fields, as an admission plugin or `kubectl rollout restart` does.
 */
const EXACT: Readonly<Record<string, readonly (readonly string[])[]>> = {
  services: [
    ['spec', 'selector'],
    ['spec', 'ports'],
  ],
  networkpolicies: [['spec']],
  poddisruptionbudgets: [['spec', 'selector']],
  configmaps: [['data']],
}
type Json = Readonly<Record<string, unknown>>
const SAME = Symbol('same')

/** A JSON merge patch that makes those fields exact; `undefined`: they are. */
export function replacementOf(kind: ResourceKind, live: KubeObject, wanted: KubeObject): Json | undefined {
  let patch: Json | undefined
  for (const path of EXACT[kind.plural] ?? []) {
    const change = replace(at(live, path), at(wanted, path))
    if (change !== SAME) patch = merged(patch ?? {}, path, change)
  }
  return patch
}

/**
 * True when the live value contains everything that the wanted one has; additions of the server
 * (defaults, status) are ignored.
 */
export function says(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(live) && live.length === wanted.length && wanted.every((w, i) => says(live[i], w))
  if (isRecord(wanted)) return isRecord(live) && Object.entries(wanted).every(([key, value]) => says(live[key], value))
  return live === wanted
}

/**
 * Entries of lists are compared by the fields that we set: the server fills in more (`nodePort`,
 * `protocol`).
 */
function replace(live: unknown, wanted: unknown): unknown {
  if (wanted === undefined) return isEmpty(live) ? SAME : null
  if (Array.isArray(wanted) || !isRecord(wanted)) return says(live, wanted) ? SAME : wanted
  if (!isRecord(live)) return wanted
  const changes = [...new Set([...Object.keys(live), ...Object.keys(wanted)])].flatMap((key) => {
    const change = replace(live[key], wanted[key])
    return change === SAME ? [] : [[key, change] as const]
  })
  return changes.length === 0 ? SAME : Object.fromEntries(changes)
}

function at(object: KubeObject, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), object)
}

function merged(patch: Json, [key = '', ...rest]: readonly string[], change: unknown): Json {
  const inner = patch[key]
  return { ...patch, [key]: rest.length === 0 ? change : merged(isRecord(inner) ? inner : {}, rest, change) }
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0)
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
