/**
 * What the pods of two versions have counted of each method, for the analysis of a rollout. It is
 * asked of the pods themselves, over the broker, and bounded whatever they say: so many pods, and
 * only the methods of the component graph.
 */
import { METHODS } from 'node:http'
import { methodCounters, type MethodCounters } from '@weaver/deployer'
import type { AnalysisTask, VersionReadings } from '@weaver/rollout'
import type { ComponentGraph, WeaveletMetrics } from '@weaver/sdk/contract'
import type { Broker } from '../broker/broker.js'
import { identityOf } from '../desired/version-identity.js'
import type { PlacedVersion } from './version.js'

/** Pods of a version that are asked: the first of every group, however many, then the second ones, and so on. */
const MAX_PODS = 64
/** Of a listener. */
const HTTP_METHODS: ReadonlySet<string> = new Set([...METHODS, 'other'])
const MAX_BUCKETS = 100
/**
 * Groups of a version that must answer. Of the active one those that run: when it is unwell, it must
 * not hold up what mends it.
 */
type Groups = 'all' | 'running'

/**
 * @throws Error when a version is not there, or of one of its groups no pod answers: without it,
 * what it counts would be taken for nothing
 */
export async function readCounters(
  broker: Pick<Broker, 'metrics'>,
  versions: readonly PlacedVersion[],
  { active, preview }: AnalysisTask,
): Promise<VersionReadings> {
  const read = async (id: string, of: Groups): Promise<readonly MethodCounters[]> => {
    const version = versions.find(({ plan }) => plan.versionId === id)
    if (version === undefined) throw new Error(`version "${id}" is not there`)
    return readVersion(broker, version, of)
  }
  const [ofActive, ofPreview] = await Promise.all([read(active, 'running'), read(preview, 'all')])
  return { active: ofActive, preview: ofPreview }
}

async function readVersion(
  broker: Pick<Broker, 'metrics'>,
  { plan, observed }: PlacedVersion,
  of: Groups,
): Promise<readonly MethodCounters[]> {
  const replicas = podsToAsk(Object.values(observed.readyPodsOf))
  const isKnown = knownMethods(plan.snapshot.graph)
  const counted = (await broker.metrics(identityOf(plan), { replicas })).flatMap((answer) => {
    const found = countersOf(answer)
    return found === undefined ? [] : [{ ...found, methods: found.methods.filter(isKnown) }]
  })
  const heard = new Set(counted.map(({ replica }) => replica))
  for (const [group, pods] of Object.entries(observed.readyPodsOf)) {
    if (pods.some((pod) => heard.has(pod)) || (pods.length === 0 && of === 'running')) continue
    const what = pods.length === 0 ? 'is ready' : 'answers when asked what it has counted'
    throw new Error(`version "${plan.versionId}": no pod of group "${group}" ${what}`)
  }
  return counted
}

/** `undefined` for an answer that is not what it says it is. */
function countersOf(answer: WeaveletMetrics): MethodCounters | undefined {
  try {
    return methodCounters(answer)
  } catch {
    return undefined
  }
}

/** One of each group before a second one of any; the same ones every time while they live. */
export function podsToAsk(groups: readonly (readonly string[])[]): readonly string[] {
  const sorted = groups.map((pods) => pods.toSorted())
  const most = Math.max(0, ...sorted.map(({ length }) => length))
  return Array.from({ length: most }, (_, i) => sorted.flatMap((pods) => pods[i] ?? []))
    .flat()
    .slice(0, Math.max(MAX_PODS, groups.length))
}

/** Everything else is none of the application's methods, and would be kept for the whole step. */
function knownMethods(graph: ComponentGraph): (counted: MethodCounters['methods'][number]) => boolean {
  const methods = new Map(graph.components.map(({ name, methods: all }) => [name, new Set(all.map((method) => method.name))]))
  const listeners = new Set(graph.components.flatMap((component) => component.listeners.map((name) => `listener ${name}`)))
  return ({ caller, component, method, calls, errors, latency }) =>
    (caller === undefined || caller === '' || methods.has(caller)) &&
    (methods.get(component)?.has(method) ?? (listeners.has(component) && HTTP_METHODS.has(method))) &&
    Number.isFinite(calls + errors) &&
    (latency === undefined || latency.buckets.length <= MAX_BUCKETS)
}
