/**
 * The parts of a pod that Weaver owns: a spec that sets one is refused with the path, instead of
 * being overridden silently.
 */
import { fieldPath, type SpecProblem } from './problems.js'
import type { WeaverAppSpec } from './weaver-app.js'

/** The container that runs the application, in every pod and in `podTemplate`. */
export const APP_CONTAINER = 'app'
/** Volume and folder of the broker's credentials. */
export const CREDS_VOLUME = 'nats'
const CREDS_ROOT = '/var/run/weaver'
/** Shorter than this a pod could not finish what it is doing. Seconds. */
export const LEAST_GRACE_SECONDS = 20

type Json = Readonly<Record<string, unknown>>
type Path = readonly PropertyKey[]

const OF_POD: Readonly<Record<string, string>> = {
  restartPolicy: 'remove it: a workload restarts its containers always',
  hostNetwork: "remove it: replicas would fight for the node's ports, and no NetworkPolicy would hold",
  nodeName: 'use nodeSelector or affinity',
  enableServiceLinks: 'remove it: variables of Services could be taken for those of Weaver',
}
const OF_APP: Readonly<Record<string, string>> = {
  image: 'use spec.image',
  imagePullPolicy: 'use spec.imagePullPolicy',
  command: 'remove it: the image says how the application starts',
  args: 'remove it: the image says how the application starts',
  ports: "remove it: ports are those of the application's listeners",
  resources: 'use spec.resources, or resources of the group',
  startupProbe: 'remove it: override `healthy()` of a component',
  readinessProbe: 'remove it: override `healthy()` of a component',
  livenessProbe: 'remove it: override `healthy()` of a component',
  lifecycle: 'remove it: use `init()` and `shutdown()` of components',
}

export function checkPods(spec: WeaverAppSpec): SpecProblem[] {
  const parts = [{ path: ['spec'] as Path, part: spec }, ...spec.groups.map((part, i) => ({ path: ['spec', 'groups', i] as Path, part }))]
  return [
    ...parts.flatMap(({ path, part }) => [
      ...checkVariables(part.env ?? [], [...path, 'env']),
      ...(part.envFrom ?? []).flatMap((from, i) =>
        (from.secretRef === undefined) === (from.configMapRef === undefined)
          ? [problem([...path, 'envFrom', i], 'names no object, or two', 'give either secretRef or configMapRef')]
          : [],
      ),
      ...checkVolumes(part.volumes ?? [], [...path, 'volumes']),
      ...checkMounts(part.volumeMounts ?? [], [...path, 'volumeMounts']),
      ...checkTemplate(part.podTemplate ?? {}, [...path, 'podTemplate']),
    ]),
    ...checkClaims(spec),
  ]
}

function problem(path: Path, message: string, remedy: string): SpecProblem {
  return { path: fieldPath(...path), message, remedy }
}

function checkVariables(env: readonly unknown[], path: Path): SpecProblem[] {
  const seen = new Set<string>()
  return env.flatMap((entry, i): SpecProblem[] => {
    const { name, value, valueFrom } = recordOf(entry)
    const at = [...path, i]
    const text = String(name)
    const problems: SpecProblem[] = []
    if (text.startsWith('WEAVER_') || text === 'POD_NAME')
      problems.push(
        problem([...at, 'name'], `"${text}" is Weaver's own`, 'use a name that does not start with WEAVER_ and is not POD_NAME'),
      )
    if (seen.has(text)) problems.push(problem([...at, 'name'], `variable "${text}" appears twice`, 'remove one'))
    seen.add(text)
    if ((value === undefined) === (valueFrom === undefined))
      problems.push(problem(at, value === undefined ? 'has no value' : 'has a value and a source', 'give either value or valueFrom'))
    if (valueFrom !== undefined && Object.keys(recordOf(valueFrom)).length !== 1)
      problems.push(
        problem(
          [...at, 'valueFrom'],
          'names no source, or several',
          'give one of secretKeyRef, configMapKeyRef, fieldRef and resourceFieldRef',
        ),
      )
    return problems
  })
}

function checkVolumes(volumes: readonly unknown[], path: Path): SpecProblem[] {
  return volumes.flatMap((volume, i) =>
    recordOf(volume)['name'] === CREDS_VOLUME
      ? [problem([...path, i, 'name'], `volume "${CREDS_VOLUME}" holds the broker's credentials`, 'use another name')]
      : [],
  )
}

function checkMounts(mounts: readonly unknown[], path: Path): SpecProblem[] {
  return mounts.flatMap((mount, i) => {
    const { name, mountPath } = recordOf(mount)
    const problems: SpecProblem[] = []
    if (name === CREDS_VOLUME)
      problems.push(problem([...path, i, 'name'], `volume "${CREDS_VOLUME}" holds the broker's credentials`, 'mount a volume of your own'))
    const folder = `${String(mountPath).replace(/\/+$/, '')}/`
    if (`${CREDS_ROOT}/`.startsWith(folder) || folder.startsWith(`${CREDS_ROOT}/`))
      problems.push(problem([...path, i, 'mountPath'], `hides ${CREDS_ROOT}, where Weaver's own files are`, 'mount it elsewhere'))
    return problems
  })
}

function checkTemplate(template: { readonly metadata?: unknown; readonly spec?: unknown }, path: Path): SpecProblem[] {
  const { labels, annotations } = recordOf(template.metadata)
  const spec = recordOf(template.spec)
  const own = /^(weaver\.dev\/|app\.kubernetes\.io\/(name|instance|managed-by)$)/
  const keys = (map: unknown, field: string) =>
    Object.keys(recordOf(map)).flatMap((key) =>
      own.test(key) ? [problem([...path, 'metadata', field, key], 'is set by Weaver, which finds pods by it', 'use another key')] : [],
    )
  const at = (...rest: Path): Path => [...path, 'spec', ...rest]
  const grace = spec['terminationGracePeriodSeconds']
  return [
    ...keys(labels, 'labels'),
    ...keys(annotations, 'annotations'),
    ...refuse(spec, OF_POD, at()),
    ...nulls(spec, at()),
    ...(typeof grace === 'number' && grace < LEAST_GRACE_SECONDS
      ? [
          problem(
            at('terminationGracePeriodSeconds'),
            `${grace} is too short to finish calls in flight`,
            `give at least ${LEAST_GRACE_SECONDS}`,
          ),
        ]
      : []),
    ...checkVolumes(listOf(spec['volumes']), at('volumes')),
    ...['containers', 'initContainers'].flatMap((field) =>
      listOf(spec[field]).flatMap((entry, i) =>
        checkContainer(recordOf(entry), { isApp: field === 'containers' && recordOf(entry)['name'] === APP_CONTAINER, path: at(field, i) }),
      ),
    ),
  ]
}

function checkContainer(container: Json, { isApp, path }: { readonly isApp: boolean; readonly path: Path }): SpecProblem[] {
  if (typeof container['name'] !== 'string')
    return [problem([...path, 'name'], 'is missing', `give a name; "${APP_CONTAINER}" is the application's`)]
  const mounts = checkMounts(listOf(container['volumeMounts']), [...path, 'volumeMounts'])
  if (!isApp) return mounts
  return [...refuse(container, OF_APP, path), ...checkVariables(listOf(container['env']), [...path, 'env']), ...mounts]
}

function refuse(of: Json, remedies: Readonly<Record<string, string>>, path: Path): SpecProblem[] {
  return Object.entries(remedies).flatMap(([field, remedy]) =>
    Object.hasOwn(of, field) ? [problem([...path, field], 'is decided by Weaver', remedy)] : [],
  )
}

/**
 * `null` deletes in a merge patch; here nothing of Weaver's can be deleted, and patch directives
 * would be sent as fields.
 */
function nulls(value: unknown, path: Path): SpecProblem[] {
  if (value === null) return [problem(path, 'is null', 'remove it')]
  if (Array.isArray(value)) return value.flatMap((entry, i) => nulls(entry, [...path, i]))
  return Object.entries(recordOf(value)).flatMap(([key, inner]) =>
    key.startsWith('$')
      ? [problem([...path, key], 'is a directive of patches', 'remove it: an overlay only adds and changes')]
      : nulls(inner, [...path, key]),
  )
}

/** Replicas that come and go, on any node, cannot share a volume of one node. */
function checkClaims(spec: WeaverAppSpec): SpecProblem[] {
  const claimsOf = (
    part: { readonly volumes?: readonly unknown[] | undefined; readonly podTemplate?: { readonly spec?: unknown } | undefined },
    path: Path,
  ) =>
    [
      { volumes: part.volumes ?? [], at: [...path, 'volumes'] as Path },
      { volumes: listOf(recordOf(part.podTemplate?.spec)['volumes']), at: [...path, 'podTemplate', 'spec', 'volumes'] as Path },
    ].flatMap(({ volumes, at }) =>
      volumes.flatMap((v, i) => (recordOf(v)['persistentVolumeClaim'] === undefined ? [] : [[...at, i] as Path])),
    )
  const refused = (path: Path, group: string) =>
    problem(
      [...path, 'persistentVolumeClaim'],
      `group "${group}" is autoscaled, and a claim is for a fixed number of replicas`,
      'leave replicas.max out of the group, or give the volume to groups of fixed size only',
    )
  const autoscaled = spec.groups.flatMap((g, i) => ((g.replicas?.max ?? 0) > (g.replicas?.min ?? 1) ? [{ group: g, i }] : []))
  const [first] = autoscaled
  return [
    ...(first === undefined ? [] : claimsOf(spec, ['spec']).map((path) => refused(path, first.group.name))),
    ...autoscaled.flatMap(({ group, i }) => claimsOf(group, ['spec', 'groups', i]).map((path) => refused(path, group.name))),
  ]
}

function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
