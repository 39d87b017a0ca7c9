/**
 * Lays a part of a pod template over another by the rules of Kubernetes' strategic merge patch:
 * maps are merged, values replaced, and lists of named entries are merged entry by entry; other
 * lists are replaced. Directives (`$patch`) are not supported; the schema's checks refuse them.
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

/** Neither argument is changed. */
export function strategicMerge(base: Json, over: Json): Json {
  const merged: Record<string, unknown> = { ...base }
  for (const [field, value] of Object.entries(over)) merged[field] = mergeField(field, base[field], value)
  return merged
}

function mergeField(field: string, base: unknown, over: unknown): unknown {
  if (isRecord(base) && isRecord(over)) return strategicMerge(base, over)
  const key = MERGE_KEYS[field]
  if (!Array.isArray(base) || !Array.isArray(over) || key === undefined) return over
  const entries = base.map((entry: unknown) => {
    const match = over.find((o: unknown) => isRecord(o) && isRecord(entry) && o[key] === entry[key])
    return isRecord(entry) && isRecord(match) ? strategicMerge(entry, match) : entry
  })
  const isNew = (o: unknown) => !base.some((entry: unknown) => isRecord(o) && isRecord(entry) && o[key] === entry[key])
  return [...entries, ...over.filter(isNew)]
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
