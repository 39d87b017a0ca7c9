/**
 * A rollout of an application on a cluster, played by the engine that the operator runs: what is
 * there is read, and nothing is written.
 */
import {
  APP_CONTAINER,
  LABELS,
  parseQuantity,
  podRequests,
  resolveGroups,
  ROLLOUT_TERMS,
  rolloutSettings,
  versionObjects,
  type GraphShape,
  type ObjectName,
  type WeaverApp,
  type WeaverAppSpec,
} from '@weaver/crds'
import { KINDS, resourcePath } from '@weaver/kube'
import {
  rolloutPolicy,
  simulate,
  versionsLetGo,
  wordAwaited,
  wordEvent,
  type RolloutState,
  type SimulatedGroup,
  type SimulatedMoment,
  type SimulatedPace,
  type SimulatedWrite,
  type SimulationInput,
} from '@weaver/rollout'
import { cliError } from '../../errors/catalogue.js'
import type { KubeClient } from './kube-client.js'
import type { AppName } from './weaver-apps.js'

/** A group, or a component in it, that fails while this step is in force. */
export interface Fault {
  readonly group: string
  /** From 1; 0: the version never gets ready. */
  readonly step: number
}

export interface SimulatedApp {
  readonly app: AppName
  /** As the cluster has it. */
  readonly found: WeaverApp | undefined
  /** What would be applied. */
  readonly spec: WeaverAppSpec
  readonly graph: GraphShape
  readonly version: string
  readonly faults: readonly Fault[]
}

/** What `--json` prints; times in milliseconds since the spec is applied. */
export interface RolloutSimulation {
  readonly version: string
  readonly active?: string
  readonly assumed: SimulatedPace
  /** The version whose start was measured, which is what a start is assumed to take. */
  readonly measured?: string
  readonly undisturbed: Course
  readonly faults: readonly (Fault & Course)[]
}
export interface Course {
  readonly moments: readonly Moment[]
  readonly peak: { readonly atMs: number; readonly pods: number; readonly cpu: number }
  readonly end: { readonly atMs: number; readonly phase: string; readonly active?: string; readonly waitingFor?: string }
}
export interface Moment extends Pick<SimulatedMoment, 'happened' | 'weights' | 'pods' | 'cpu'> {
  readonly atMs: number
  readonly events: readonly { readonly event: string; readonly version: string; readonly message: string }[]
  readonly writes: readonly Write[]
}
export interface Write {
  readonly verb: 'status' | 'create' | 'delete' | 'retire' | 'proxies'
  readonly objects: readonly ObjectName[]
}

/** Where no start of this application was ever measured. */
const START_MS = 30_000
/** An administration command to each proxy. */
const TRAFFIC_MS = 200
/** Far above what a request takes that does not stream. */
const REQUEST_MS = 5_000

/**
 * @throws WeaverError `WEAVER_CLI_USAGE`: a fault is of a group or a step that there is not
 */
export async function simulateRollout(client: KubeClient, of: SimulatedApp): Promise<RolloutSimulation> {
  const { app, found, spec, version } = of
  const groups = groupsOf(of)
  const policy = rolloutPolicy(rolloutSettings(spec.rollout))
  const faults = of.faults.map((fault) => faultOf(fault, of, policy.steps.length))
  const live = found === undefined ? [] : await liveGroups(client, app)
  const state = found?.status?.engine as RolloutState | undefined // written by the engine itself
  const { startMs, measured } = measuredStart(found)
  const input: SimulationInput = {
    now: Date.now(),
    policy,
    desired: version,
    state,
    versions: versionsOf(found, state),
    groups: {
      [version]: groups,
      ...Object.fromEntries(live.map((one) => [one.version, live.filter((group) => group.version === one.version)])),
    },
    pace: { startMs, trafficMs: TRAFFIC_MS, requestMs: REQUEST_MS },
  }
  const objectsOf = (id: string): readonly ObjectName[] =>
    versionObjects(app.name, id, {
      listeners: listenersOf(of.graph),
      groups: (id === version ? groups : live.filter((group) => group.version === id)).map(({ name, replicas, ...rest }) => ({
        name,
        min: replicas,
        max: 'max' in rest ? rest.max : replicas,
      })),
    })
  const describe = (write: SimulatedWrite) => writtenBy(write, { app, objectsOf })
  const { active } = state ?? {}
  return {
    version,
    ...(active === undefined ? {} : { active }),
    assumed: input.pace,
    ...(measured === undefined ? {} : { measured }),
    undisturbed: courseOf(input, describe),
    faults: faults.map((fault) => ({ ...fault, ...courseOf({ ...input, fault }, describe) })),
  }
}

function courseOf(input: SimulationInput, describe: (write: SimulatedWrite) => readonly Write[]): Course {
  const { moments, peak, end } = simulate(input)
  const { at, phase, active, awaited } = end
  return {
    moments: moments.map(({ at, happened, events, writes, weights, pods, cpu }) => ({
      atMs: at - input.now,
      happened,
      events: events.map((event) => ({ event: event.kind, version: event.version, message: wordEvent(event, ROLLOUT_TERMS) })),
      writes: writes.flatMap(describe),
      weights,
      pods,
      cpu,
    })),
    peak: { atMs: peak.at - input.now, pods: peak.pods, cpu: peak.cpu },
    end: {
      atMs: at - input.now,
      phase,
      ...(active === undefined ? {} : { active }),
      ...(awaited === undefined ? {} : { waitingFor: wordAwaited(awaited, ROLLOUT_TERMS) }),
    },
  }
}

interface GroupOfVersion extends SimulatedGroup {
  /** Above `replicas`: it is autoscaled. */
  readonly max: number
}

/** The groups of the version that is asked for, at the least number of their replicas. */
function groupsOf({ spec, graph }: SimulatedApp): readonly GroupOfVersion[] {
  return resolveGroups(spec, graph).map(({ name, declared }) => {
    const { min = 1, max = min } = declared?.replicas ?? {}
    const isAutoscaled = max > min
    const resources = podRequests(declared?.resources ?? spec.resources ?? {})
    const beside = [spec.podTemplate, declared?.podTemplate].flatMap((template) => containersOf(template))
    const cpu = cpuOf(resources['cpu']) + cpuOfAll(beside.filter((container) => container.name !== APP_CONTAINER))
    return { name, replicas: isAutoscaled ? Math.max(1, min) : min, max, cpu }
  })
}

interface Container {
  readonly name?: string
  readonly resources?: { readonly requests?: Readonly<Record<string, string | number>> }
}
interface PodTemplate {
  readonly spec?: { readonly containers?: readonly Container[] }
}
interface Deployment {
  readonly metadata: { readonly labels?: Readonly<Record<string, string>> }
  readonly spec?: { readonly replicas?: number; readonly template?: PodTemplate }
}

/** What the Deployments of all live versions ask for now, autoscalers included. */
async function liveGroups(
  client: KubeClient,
  { namespace, name }: AppName,
): Promise<readonly (GroupOfVersion & { readonly version: string })[]> {
  const { body } = await client.call({
    path: resourcePath(KINDS.deployments, { namespace }),
    query: { labelSelector: `${LABELS.app}=${name},${LABELS.role}=weavelet` },
    what: `Deployments of WeaverApp "${namespace}/${name}"`,
  })
  const { items = [] } = body as { readonly items?: readonly Deployment[] } // a DeploymentList
  return items.flatMap(({ metadata: { labels = {} }, spec }) => {
    const [version, group] = [labels[LABELS.version], labels[LABELS.group]]
    if (version === undefined || group === undefined) return []
    const replicas = spec?.replicas ?? 1
    return [{ version, name: group, replicas, max: replicas, cpu: cpuOfAll(containersOf(spec?.template)) }]
  })
}

function containersOf(template: unknown): readonly Container[] {
  return (template as PodTemplate | undefined)?.spec?.containers ?? [] // a pod template, checked by the API server
}

function cpuOfAll(containers: readonly Container[]): number {
  return containers.reduce((sum, { resources }) => sum + cpuOf(resources?.requests?.['cpu']), 0)
}

function cpuOf(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : (parseQuantity(quantity) ?? 0)
}

function listenersOf(graph: GraphShape): readonly string[] {
  return graph.components.flatMap(({ listeners }) => listeners).sort()
}

/** Every live version as the operator last saw it. */
function versionsOf(found: WeaverApp | undefined, state: RolloutState | undefined): SimulationInput['versions'] {
  const gone = versionsLetGo(state)
  return Object.fromEntries(
    (found?.status?.versions ?? []).map(({ id, phase, weightDesired, weightObserved, inFlight }) => {
      const inForce = Math.round(weightObserved ?? weightDesired)
      const health = ['Ready', 'Draining', 'Drained'].includes(phase) ? 'up' : phase === 'Degraded' ? 'partly' : 'down'
      return [id, { health, inForce, inFlight: inFlight ?? (inForce > 0 ? 1 : 0), named: !gone.includes(id) }]
    }),
  )
}

/** How long the last version that got to its first step took to be ready, as far as history tells. */
function measuredStart(found: WeaverApp | undefined): { readonly startMs: number; readonly measured?: string } {
  const begun = new Map<string, number>()
  let measured: { readonly startMs: number; readonly measured?: string } = { startMs: START_MS }
  for (const { at, event, version = '' } of found?.status?.history ?? []) {
    const since = begun.get(version)
    if (event === 'RolloutStarted') begun.set(version, Date.parse(at))
    else if (since !== undefined && (event === 'StepStarted' || event === 'Promoted')) {
      measured = { startMs: Math.max(0, Date.parse(at) - since), measured: version }
      begun.delete(version)
    }
  }
  return measured
}

/** A write of the simulation as those that reach the API server. */
function writtenBy(
  write: SimulatedWrite,
  context: { readonly app: AppName; readonly objectsOf: (id: string) => readonly ObjectName[] },
): readonly Write[] {
  const { app, objectsOf } = context
  switch (write.kind) {
    case 'status':
      return [{ verb: 'status', objects: [{ kind: 'WeaverApp', name: app.name }] }]
    case 'create':
      return [{ verb: 'create', objects: objectsOf(write.version) }]
    case 'traffic':
      return [{ verb: 'proxies', objects: [] }]
    case 'remove': {
      const [record, ...others] = objectsOf(write.version)
      return [
        { verb: 'delete', objects: others.reverse() },
        { verb: 'retire', objects: record === undefined ? [] : [record] },
      ]
    }
  }
}

/** @throws WeaverError `WEAVER_CLI_USAGE` */
function faultOf({ group: named, step }: Fault, { spec, graph }: SimulatedApp, steps: number): Fault {
  const groups = resolveGroups(spec, graph)
  const group = groups.find(({ name, hosts }) => name === named || hosts.includes(named))
  if (group === undefined)
    throw cliError(
      'WEAVER_CLI_USAGE',
      `--fail ${named}@${step}: the application has no group or component "${named}"; it has ${groups.map(({ name }) => name).join(', ')}`,
    )
  if (step > steps) throw cliError('WEAVER_CLI_USAGE', `--fail ${named}@${step}: the rollout has ${steps} step${steps === 1 ? '' : 's'}`)
  return { group: group.name, step }
}
