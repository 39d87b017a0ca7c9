import { LABELS, networkPolicyName } from '@weaver/crds'
import { KINDS } from '@weaver/kube'
import { buildAutoscaler, buildDisruptionBudget } from '../desired/scaling.js'
import type { PlannedGroup, PlannedListener, VersionPlan } from '../desired/version-plan.js'
import { HEALTH_PORT } from '../desired/version-plan.js'
import { isOwn } from '../kube/own-objects.js'
import type { TrafficBackend } from '../traffic/driver.js'
import { blameGroup, rootsFirst } from './blame.js'
import type { AppObjects, Workload } from './cluster-view.js'

type BackendPods = TrafficBackend['pods']

/** The cluster's view of one version; traffic and calls in flight are known elsewhere. */
export interface VersionObservation {
  readonly id: string
  readonly groupsReady: number
  readonly groupsWanted: number
  readonly ready: boolean
  readonly servable: boolean
  readonly blame?: string
  /** Pods that exist, terminating ones too. */
  readonly pods: number
  /** Names of the pods that should answer on the broker. */
  readonly readyPods: readonly string[]
  /** The same by group, of every group that has some or wants some. */
  readonly readyPodsOf: Readonly<Record<string, readonly string[]>>
  /** Destinations by listener name. */
  readonly endpoints: Readonly<Record<string, BackendPods>>
}

/** Reads one version out of the caches. */
export function observeVersion(plan: VersionPlan, objects: AppObjects): VersionObservation {
  const pods = objects.pods.filter(
    (p) => p.metadata.labels?.[LABELS.version] === plan.versionId && p.metadata.labels[LABELS.role] === 'weavelet',
  )
  const unready: PlannedGroup[] = []
  let groupsReady = 0
  let groupsServing = 0
  const workloadOf = (group: PlannedGroup): Workload | undefined => objects.workloads.find((w) => w.metadata.name === group.workloadName)
  for (const group of plan.groups) {
    const workload = workloadOf(group)
    if (group.replicas.min === 0 || (workload?.status?.readyReplicas ?? 0) > 0) groupsServing += 1
    if (isWorkloadReady(workload, group.replicas.min)) groupsReady += 1
    else unready.push(group)
  }
  const blames = rootsFirst(unready).map((group) =>
    blameGroup(
      group,
      pods.filter((p) => p.metadata.labels?.[LABELS.group] === group.name),
      workloadOf(group),
    ),
  )
  const missing = missingChildren(plan, objects)
  if (missing.length > 0)
    blames.unshift(
      `${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} gone, and ${missing.length === 1 ? 'is' : 'are'} made again`,
    )
  const endpoints = Object.fromEntries(plan.listeners.map((l) => [l.name, endpointsOf(l, objects)]))
  const unserved = plan.listeners.filter((l) => !endpoints[l.name]?.some((p) => p.ready && !p.terminating))
  if (blames.length === 0 && unserved.length > 0)
    blames.push(`listener "${unserved[0]?.name}": no endpoint of Service "${unserved[0]?.serviceName}" is ready`)
  const ready = pods.filter((p) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'))
  return {
    id: plan.versionId,
    groupsReady,
    groupsWanted: plan.groups.length,
    ready: groupsReady === plan.groups.length && unserved.length === 0 && missing.length === 0,
    servable: groupsServing === plan.groups.length && unserved.length === 0,
    ...(blames[0] === undefined
      ? {}
      : { blame: `${blames[0]}${blames.length > 1 ? ` (and ${blames.length - 1} more group${blames.length > 2 ? 's' : ''})` : ''}` }),
    pods: pods.length,
    readyPods: ready.map((p) => p.metadata.name),
    readyPodsOf: Object.fromEntries(
      plan.groups
        .map(({ name, replicas }) => {
          const names = ready.filter((p) => p.metadata.labels?.[LABELS.group] === name).map((p) => p.metadata.name)
          return { name, names, isWanted: replicas.min > 0 }
        })
        .filter(({ names, isWanted }) => isWanted || names.length > 0)
        .map(({ name, names }) => [name, names]),
    ),
    endpoints,
  }
}

/**
 * Children without which the version runs, but not as it should: no new pod could start, its
 * network policy is missing, its replica count is not maintained.
 */
function missingChildren(plan: VersionPlan, objects: AppObjects): string[] {
  const isMade = (group: PlannedGroup) => objects.workloads.some((w) => w.metadata.name === group.workloadName)
  const made = plan.groups.filter(isMade)
  if (made.length < plan.groups.length) return []
  const wanted = [
    [KINDS.networkPolicies, networkPolicyName(plan.app.name, plan.versionId)] as const,
    ...made.flatMap((group) => [
      [KINDS.secrets, group.secretName] as const,
      ...(buildAutoscaler(plan, group) === undefined ? [] : [[KINDS.horizontalPodAutoscalers, group.workloadName] as const]),
      ...(buildDisruptionBudget(plan, group) === undefined ? [] : [[KINDS.podDisruptionBudgets, group.workloadName] as const]),
    ]),
  ]
  return wanted.flatMap(([kind, name]) => (isOwn(plan.app.uid, objects.child(kind, name)) ? [] : [`${kind.kind} "${name}"`]))
}

/** Ready pods count only in a status that has observed the current spec. */
function isWorkloadReady(workload: Workload | undefined, wanted: number): boolean {
  if (workload === undefined || (workload.status?.observedGeneration ?? 0) < (workload.metadata.generation ?? 0)) return false
  return (workload.status?.readyReplicas ?? 0) >= wanted && (workload.status?.updatedReplicas ?? 0) >= wanted
}

function endpointsOf(listener: PlannedListener, objects: AppObjects): BackendPods {
  const found = objects.slices
    .filter((s) => s.metadata.labels?.['kubernetes.io/service-name'] === listener.serviceName)
    .flatMap((slice) => (slice.endpoints ?? []).map((endpoint) => ({ endpoint, port: slice.ports?.[0]?.port ?? listener.containerPort })))
    .flatMap(({ endpoint, port }) => {
      const ip = endpoint.addresses[0]
      if (ip === undefined) return []
      return [
        {
          name: endpoint.targetRef?.name ?? ip,
          uid: endpoint.targetRef?.uid ?? ip,
          ip,
          port,
          healthPort: HEALTH_PORT,
          // Absent means ready, by the API's own rule.
          ready: endpoint.conditions?.ready ?? true,
          terminating: endpoint.conditions?.terminating ?? false,
        },
      ]
    })
  // One pod may briefly be in two slices while the controller moves it.
  return [...new Map(found.map((p) => [p.uid, p])).values()].sort((a, b) => (a.uid < b.uid ? -1 : 1))
}
