/**
 * Lays a part of a pod template over another by the rules of Kubernetes' strategic merge patch:
 * maps are merged, values replaced, and lists of named entries are merged entry by entry; other
 * lists are replaced. Directives (`$patch`) are not supported; the schema's checks refuse them.
 *
 * One thing is stricter than a patch by kubectl: of fields that exclude each other, the one laid
 * over replaces the other (`valueFrom` over `value`). Both together are what the API server refuses.
 */

/**
 * The field that identifies the entries of a list (`patchMergeKey` of the API's types). Lists that
 * are not here are replaced.
 */
const MERGE_KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  ephemeralContainers: 'name',
  env: 'name',
  volumes: 'name',
  volumeMounts: 'mountPath',
  volumeDevices: 'devicePath',
  ports: 'containerPort',
  imagePullSecrets: 'name',
  hostAliases: 'ip',
  topologySpreadConstraints: 'topologyKey',
  resourceClaims: 'name',
}
type Json = Readonly<Record<string, unknown>>

/** Only one of them may be set. `allBut`: every field is one of them, except these. */
type Union = { readonly of: readonly string[] } | { readonly allBut: readonly string[] }
const HANDLERS: Union = { of: ['exec', 'grpc', 'httpGet', 'sleep', 'tcpSocket'] }
/** Of the map in a field, or of each entry of the list in it. */
const UNIONS: Readonly<Record<string, Union>> = {
  env: { of: ['value', 'valueFrom'] },
  valueFrom: { allBut: [] },
  volumes: { allBut: ['name'] },
  livenessProbe: HANDLERS,
  readinessProbe: HANDLERS,
  startupProbe: HANDLERS,
  postStart: HANDLERS,
  preStop: HANDLERS,
}

/** Neither argument is changed. */
export function strategicMerge(base: Json, over: Json): Json {
  const merged: Record<string, unknown> = { ...base }
  for (const [field, value] of Object.entries(over)) merged[field] = mergeField(field, base[field], value)
  return merged
}

function mergeField(field: string, base: unknown, over: unknown): unknown {
  const union = UNIONS[field]
  const lay = (under: Json, entry: Json) => strategicMerge(union === undefined ? under : withoutRivals(under, entry, union), entry)
  if (isRecord(base) && isRecord(over)) return lay(base, over)
  const key = MERGE_KEYS[field]
  if (!Array.isArray(base) || !Array.isArray(over) || key === undefined) return over
  const entries = base.map((entry: unknown) => {
    const match = over.find((o: unknown) => isRecord(o) && isRecord(entry) && o[key] === entry[key])
    return isRecord(entry) && isRecord(match) ? lay(entry, match) : entry
  })
  const isNew = (o: unknown) => !base.some((entry: unknown) => isRecord(o) && isRecord(entry) && o[key] === entry[key])
  return [...entries, ...over.filter(isNew)]
}

/** `base` without the members of the union that `over` replaces by another. */
function withoutRivals(base: Json, over: Json, union: Union): Json {
  const isMember = (field: string) => ('of' in union ? union.of.includes(field) : !union.allBut.includes(field))
  const chosen = Object.keys(over).filter(isMember)
  if (chosen.length === 0) return base
  return Object.fromEntries(Object.entries(base).filter(([field]) => !isMember(field) || chosen.includes(field)))
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
