import {
  API_GROUP,
  API_VERSION,
  checkAgainstGraph,
  componentGroupName,
  parseWeaverApp,
  resolveGroups,
  WEAVER_APP_KIND,
  type SpecProblem,
  type WeaverAppSpec,
  type WeaverAppSpecInput,
} from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { AnalysisSection } from './analysis-schema.js'
import { configInvalid, formatTomlPath, type ConfigProblem } from './config-problem.js'
import { applicationName, type WeaverToml } from './load-config.js'
import type { TomlPath } from './toml-positions.js'
import type { KubeReplicas } from './weaver-toml-schema.js'

export interface WeaverAppManifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly spec: WeaverAppSpecInput
}

export interface ManifestOptions {
  readonly image: string
  readonly namespace?: string
  /** Name in package.json. */
  readonly packageName?: string
  /** The component graph of the build. Without one the operator checks names, and this does not. */
  readonly graph?: ComponentGraph
}

/**
 * The WeaverApp of a weaver.toml. It holds only what the file says and leaves defaults to the
 * cluster, except that every listener of the graph gets its Service.
 * @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with every problem and its place in weaver.toml
 */
export function buildWeaverApp(
  config: WeaverToml,
  options: ManifestOptions,
): { readonly manifest: WeaverAppManifest; readonly spec: WeaverAppSpec } {
  const { application, applicationSection, kube } = config
  /** The origin in weaver.toml of each part of the spec, by the part's path. */
  const origins = new Map<string, TomlPath>()
  const from = (specPath: string, tomlPath: TomlPath): void => void origins.set(specPath, tomlPath)
  const problems: ConfigProblem[] = []

  from('metadata.name', [applicationSection, 'name'])
  const configurable = options.graph?.components.map((component) => component.name) ?? []
  for (const name of [...Object.keys(config.components), ...configurable]) from(`spec.config[${JSON.stringify(name)}]`, [name])
  const groups = buildGroups(config, { graph: options.graph, from, problems })
  const listeners = buildListeners(config, { graph: options.graph, from })
  from('spec.rollout', ['kube', 'rollout'])
  const { duration, steps, strategy, progress_deadline, on_failure, drain_timeout, bake, retain, rollback_window, analysis, paused } =
    kube.rollout ?? {}
  const ownsPace = duration !== undefined || steps !== undefined || strategy === 'cutover'
  if (!ownsPace) from('spec.rollout.duration', [applicationSection, 'rollout'])
  for (const [spec, toml] of Object.entries({
    progressDeadline: 'progress_deadline',
    onFailure: 'on_failure',
    drainTimeout: 'drain_timeout',
    bake: 'bake',
    retain: 'retain',
    rollbackWindow: 'rollback_window',
    analysis: 'analysis',
  }))
    from(`spec.rollout.${spec}`, ['kube', 'rollout', toml])
  from('spec.env', [applicationSection, 'env'])
  kube.variables?.forEach((_, i) => from(`spec.env[${(application.env?.length ?? 0) + i}]`, ['kube', 'variables', i]))
  for (const [spec, toml] of POD_PARTS) from(`spec.${spec}`, ['kube', toml])
  for (const key of ['resources', 'traffic'] as const) from(`spec.${key}`, ['kube', key])
  from('spec.traffic.affinity.maxAge', ['kube', 'traffic', 'affinity', 'max_age'])
  from('spec.tolerations', ['kube', 'tolerations'])
  from('spec.revisionHistoryLimit', ['kube', 'revision_history_limit'])
  from('spec.nodeSelector', ['kube', 'node_selector'])
  from('spec.imagePullSecrets', ['kube', 'image_pull_secrets'])

  const spec = withoutEmpty({
    image: options.image,
    imagePullPolicy: kube.image_pull_policy,
    imagePullSecrets: kube.image_pull_secrets?.map((name) => ({ name })),
    config: config.components,
    groups,
    listeners,
    ...podParts(kube, application.env),
    resources: kube.resources,
    rollout: withoutEmpty({
      duration: duration ?? (ownsPace ? undefined : application.rollout),
      steps,
      strategy,
      progressDeadline: progress_deadline,
      onFailure: on_failure,
      drainTimeout: drain_timeout,
      bake,
      retain,
      rollbackWindow: rollback_window,
      analysis: analysis && analysisSpec(analysis),
      paused,
    }),
    revisionHistoryLimit: kube.revision_history_limit,
    traffic: trafficOf(kube.traffic),
    nodeSelector: kube.node_selector,
    tolerations: kube.tolerations,
  }) as WeaverAppSpecInput // parsed below
  const namespace = options.namespace ?? kube.namespace
  const manifest: WeaverAppManifest = {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: WEAVER_APP_KIND,
    metadata: { name: applicationName(config, options.packageName), ...(namespace === undefined ? {} : { namespace }) },
    spec,
  }
  const parsed = parseWeaverApp(manifest)
  const found = parsed.ok
    ? options.graph === undefined
      ? []
      : checkAgainstGraph(parsed.spec, options.graph, { hasTrustedPatterns: true })
    : parsed.issues
  problems.push(...found.map((problem) => placed(problem, { config, origins })))
  if (problems.length > 0 || !parsed.ok) throw configInvalid(config.file, problems)
  return { manifest, spec: parsed.spec }
}

/** Never empty, which would be left out: a table without keys is an analysis with all defaults. */
function analysisSpec(given: AnalysisSection): Readonly<Record<string, unknown>> {
  const { max_error_rate_increase, max_latency_factor, min_samples, initial_delay, on_inconclusive, mode = 'enforce' } = given
  return withoutEmpty({
    mode,
    maxErrorRateIncrease: max_error_rate_increase,
    maxLatencyFactor: max_latency_factor,
    minSamples: min_samples,
    initialDelay: initial_delay,
    onInconclusive: on_inconclusive,
  })
}

interface GroupContext {
  readonly graph: ComponentGraph | undefined
  readonly from: (specPath: string, tomlPath: TomlPath) => void
  readonly problems: ConfigProblem[]
}

type GroupInput = NonNullable<WeaverAppSpecInput['groups']>[number]

/**
 * Groups of `[[kube.groups]]` by name; lists of `colocate`, named after their first component; and,
 * if `kube.replicas` requires it, one group for each other component.
 */
function buildGroups(config: WeaverToml, { graph, from, problems }: GroupContext): readonly GroupInput[] {
  const { application, applicationSection, kube } = config
  const groups: GroupInput[] = []
  const taken = (): string[] => groups.map((g) => g.name)
  kube.groups?.forEach((group, i) => {
    const at = `spec.groups[${groups.length}]`
    from(at, ['kube', 'groups', i])
    group.variables?.forEach((_, j) => from(`${at}.env[${(group.env?.length ?? 0) + j}]`, ['kube', 'groups', i, 'variables', j]))
    for (const [spec, toml] of POD_PARTS) from(`${at}.${spec}`, ['kube', 'groups', i, toml])
    groups.push(
      withoutEmpty({
        name: group.name,
        components: group.components,
        replicas: replicasOf(group.replicas ?? kube.replicas),
        resources: group.resources,
        ...podParts(group, group.env),
      }) as GroupInput, // parsed by the caller
    )
  })
  application.colocate?.forEach((components, i) => {
    from(`spec.groups[${groups.length}]`, [applicationSection, 'colocate', i])
    components.forEach((_, j) => from(`spec.groups[${groups.length}].components[${j}]`, [applicationSection, 'colocate', i, j]))
    const name = componentGroupName(components[0] ?? '', taken()) // the schema rejects an empty list
    groups.push(withoutEmpty({ name, components, replicas: replicasOf(kube.replicas) }) as GroupInput) // parsed by the caller
  })
  if (kube.replicas === undefined) return groups
  if (graph === undefined) {
    const key = ['kube', 'replicas']
    problems.push({
      ...config.position(key),
      key: formatTomlPath(key),
      message: 'needs the component graph, to name every group',
      hint: 'run `weaver generate` first, or give replicas in [[kube.groups]]',
    })
    return groups
  }
  const replicas = replicasOf(kube.replicas)
  const rest = resolveGroups({ groups: groups as WeaverAppSpec['groups'] }, graph).filter((group) => group.declared === undefined) // it reads only names and components
  return [...groups, ...rest.map((group) => withoutEmpty({ name: group.name, components: group.hosts, replicas }) as GroupInput)]
}

function buildListeners(
  config: WeaverToml,
  { graph, from }: Pick<GroupContext, 'graph' | 'from'>,
): NonNullable<WeaverAppSpecInput['listeners']> {
  const given = config.kube.listeners ?? {}
  const names = [...new Set([...Object.keys(given), ...(graph?.components.flatMap((c) => c.listeners) ?? [])])].sort()
  return names.map((name, i) => {
    for (const part of ['', '.name']) from(`spec.listeners[${i}]${part}`, ['kube', 'listeners', name])
    return withoutEmpty({ name, ...given[name] }) as { name: string } // parsed by the caller
  })
}

function trafficOf(traffic: WeaverToml['kube']['traffic']): WeaverAppSpecInput['traffic'] {
  if (traffic?.affinity === undefined) return traffic
  const { max_age: maxAge, ...affinity } = traffic.affinity
  return { ...traffic, affinity: { ...affinity, ...(maxAge === undefined ? {} : { maxAge }) } }
}

function replicasOf(replicas: KubeReplicas | undefined): GroupInput['replicas'] {
  if (replicas === undefined) return undefined
  return typeof replicas === 'number' ? { min: replicas } : (withoutEmpty(replicas) as GroupInput['replicas']) // the same fields
}

/** Fields of the spec with their names in weaver.toml. */
const POD_PARTS = [
  ['envFrom', 'env_from'],
  ['volumes', 'volumes'],
  ['volumeMounts', 'volume_mounts'],
  ['podTemplate', 'pod_template'],
] as const

type PodParts = Pick<WeaverToml['kube'], 'variables' | (typeof POD_PARTS)[number][1]>

function podParts(of: PodParts, env: readonly string[] | undefined): Record<string, unknown> {
  const variables = [...(env ?? []).map(environmentVariable), ...(of.variables ?? [])]
  return { env: variables, ...Object.fromEntries(POD_PARTS.map(([spec, toml]) => [spec, of[toml]])) }
}

function environmentVariable(entry: string): { name: string; value: string } {
  const at = entry.indexOf('=')
  return { name: entry.slice(0, at), value: entry.slice(at + 1) }
}

/** A problem of the spec, at its origin in weaver.toml. */
function placed(
  { path, message, remedy }: SpecProblem,
  { config, origins }: { readonly config: WeaverToml; readonly origins: ReadonlyMap<string, TomlPath> },
): ConfigProblem {
  const [specPath, tomlPath] = [...origins].filter(([prefix]) => path.startsWith(prefix)).sort(([a], [b]) => b.length - a.length)[0] ?? [
    '',
    [],
  ]
  const rest = [...path.slice(specPath.length).matchAll(/\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/g)].map(
    ([, index, quoted, word]) => (index === undefined ? (quoted ?? word ?? '') : Number(index)),
  )
  const full = [...tomlPath, ...rest]
  return { ...config.position(full), key: tomlPath.length === 0 ? path : formatTomlPath(full), message, hint: remedy }
}

function withoutEmpty(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (v: unknown): boolean => v === undefined || (typeof v === 'object' && v !== null && Object.keys(v).length === 0)
  return Object.fromEntries(Object.entries(value).filter(([, v]) => !isEmpty(v)))
}
