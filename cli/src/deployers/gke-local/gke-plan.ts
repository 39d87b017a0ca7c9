/**
 * What `weaver gke-local` runs of an application: its groups, regions and hosts, and how traffic
 * moves to a new version. Pure.
 */
import { parseDuration } from '@weaver/crds'
import type { AnalysisSettings } from '@weaver/rollout'
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { AnalysisSection } from '../../config/analysis-schema.js'
import { configInvalid, formatTomlPath, type ConfigProblem } from '../../config/config-problem.js'
import { localAppName } from '../../config/launch.js'
import { listenerProblems, listenersOf } from '../../config/listener-problems.js'
import type { WeaverToml } from '../../config/load-config.js'
import type { TomlPath } from '../../config/toml-positions.js'
import { declareGroups, processGroups } from '../local/process-groups.js'
import { affinityOf } from './affinity.js'
import type { VersionSpec } from './version-spec.js'

export type GkePlan = Pick<VersionSpec, 'groups' | 'listeners' | 'regions' | 'rollout' | 'affinity'>

/** As the rollout engine has it: shares instead of percentages. */
function analysisOf(given: AnalysisSection, initialDelayMs: number | undefined): AnalysisSettings {
  const { mode, on_inconclusive: onInconclusive, min_samples: minSamples, max_latency_factor: maxLatencyFactor } = given
  const { max_error_rate_increase: percent } = given
  return {
    ...(mode === undefined ? {} : { mode }),
    ...(onInconclusive === undefined ? {} : { onInconclusive }),
    ...(initialDelayMs === undefined ? {} : { initialDelayMs }),
    ...(minSamples === undefined ? {} : { minSamples }),
    ...(maxLatencyFactor === undefined ? {} : { maxLatencyFactor }),
    ...(percent === undefined ? {} : { maxErrorRateIncrease: percent / 100 }),
  }
}

const DEFAULT_REGIONS = ['us-west1']
const ROLLOUT_MS = 300_000
/**
 * Processes of one machine start in seconds; a version that crashes is given up while its author
 * still looks.
 */
const PROGRESS_DEADLINE_MS = 60_000
const DRAIN_TIMEOUT_MS = 30_000

/**
 * Names that the application does not have, components in two groups, hosts and regions that are
 * there twice, and what is not a duration.
 */
export function gkeProblems(config: WeaverToml, graph: ComponentGraph): readonly ConfigProblem[] {
  return resolve(config, graph).problems
}

/** @throws WeaverError `WEAVER_CLI_CONFIG_INVALID` with {@link gkeProblems} */
export function planGke(config: WeaverToml, graph: ComponentGraph): GkePlan {
  const { plan, problems } = resolve(config, graph)
  if (problems.length > 0) throw configInvalid(config.file, problems)
  return plan
}

function resolve(config: WeaverToml, graph: ComponentGraph): { readonly plan: GkePlan; readonly problems: readonly ConfigProblem[] } {
  const { application, applicationSection, gke } = config
  const problems: ConfigProblem[] = [...listenerProblems(config, graph, 'gke')]
  const report = (key: TomlPath, message: string, hint: string): void =>
    void problems.push({ ...config.position(key), key: formatTomlPath(key), message, hint })
  const duration = (text: string | undefined, key: TomlPath): number | undefined => {
    const ms = text === undefined ? undefined : parseDuration(text)
    if (text !== undefined && ms === undefined) report(key, `"${text}" is not a duration`, 'write it as "30s", "5m" or "1h30m"')
    return ms
  }
  const declared = declareGroups(config, graph, { section: 'gke', report })
  const regions = gke.regions ?? DEFAULT_REGIONS
  regions.forEach((region, i) => {
    if (regions.indexOf(region) < i) report(['gke', 'regions', i], `region "${region}" is there twice`, 'name each region once')
  })
  for (const [name, { hostname, is_public: isPublic, public_hostname: host }] of Object.entries(gke.listeners ?? {})) {
    const at = ['gke', 'listeners', name]
    if (host !== undefined && hostname !== undefined)
      report([...at, 'hostname'], 'there are two host names', 'leave `public_hostname` alone')
    if (isPublic === true && hostname === undefined && host === undefined)
      report([...at, 'is_public'], 'a public listener needs a host name', 'give `public_hostname`')
  }
  const app = localAppName(config)
  const listeners = listenersOf(graph).map((name) => {
    const { public_hostname: host, hostname, is_public: isPublic = false } = gke.listeners?.[name] ?? {}
    return {
      name,
      host: (host ?? hostname ?? `${name}.${app}.internal`).toLowerCase(),
      isPublic: host !== undefined || (isPublic && hostname !== undefined),
    }
  })
  for (const { name, host } of listeners)
    if (listeners.find((one) => one.host === host)?.name !== name)
      report(['gke', 'listeners', name], `host "${host}" is that of another listener, too`, 'give each listener a host of its own')
  const rollout = {
    strategy: 'gradual' as const,
    durationMs: duration(application.rollout, [applicationSection, 'rollout']) ?? ROLLOUT_MS,
    progressDeadlineMs: duration(gke.progress_deadline, ['gke', 'progress_deadline']) ?? PROGRESS_DEADLINE_MS,
    onFailure: gke.on_failure ?? ('rollback' as const),
    drainTimeoutMs: duration(gke.drain_timeout, ['gke', 'drain_timeout']) ?? DRAIN_TIMEOUT_MS,
    ...(gke.analysis === undefined
      ? {}
      : { analysis: analysisOf(gke.analysis, duration(gke.analysis.initial_delay, ['gke', 'analysis', 'initial_delay'])) }),
  }
  const affinity = gke.affinity === undefined ? undefined : affinityOf(gke.affinity, { report, duration })
  const groups = problems.length > 0 ? [] : processGroups(declared, graph, gke.replicas ?? gke.minreplicas)
  return { plan: { groups, listeners, regions, rollout, ...(affinity === undefined ? {} : { affinity }) }, problems }
}
