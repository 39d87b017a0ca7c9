import {
  checkAgainstGraph,
  describePodName,
  formatProblem,
  LABELS,
  parseWeaverAppSpec,
  rolloutSettings,
  type WeaverAppSpec,
} from '@weaver/crds'
import { reasonOf } from '@weaver/sdk/contract'
import { isNamespaceTerminating, isRefusal, type KubeApi } from '@weaver/kube'
import { describeVersion, forgetDescription, type DescribeStep } from '../describe/describe-version.js'
import { DESCRIBE_ROLE } from '../desired/describe-pod.js'
import type { SeenSince } from '../clock/seen-since.js'
import type { AppIdentity } from '../desired/manifest.js'
import type { VersionSnapshot } from '../desired/version-snapshot.js'
import { isNameTaken } from '../kube/name-taken.js'
import { rolloutPolicy, type RolloutPolicy, type RolloutState } from '@weaver/rollout'
import type { PassFindings } from '../status/app-conditions.js'
import type { AppObjects, Revision } from './cluster-view.js'
import { isRetired, reviveRevision, versionOf } from './known-versions.js'
import { findRevision, readSnapshots, storeSnapshot } from './live-versions.js'
import { refusedPods } from './refused-pods.js'
import type { PlacedVersion } from './version.js'
import { versionOfSpec } from './version-of-spec.js'

const REFUSED_RETRY_MS = 15_000

/** What the spec asks for, as far as it is known. */
export interface DesiredVersion {
  /** Absent when the spec is invalid. */
  readonly id?: string
  /** Absent when the spec is invalid. */
  readonly spec?: WeaverAppSpec
  /** Every live version, the desired one included once it is described. */
  readonly snapshots: readonly VersionSnapshot[]
  /** True when the engine may get the id: its objects can be created, or it failed before. */
  readonly isKnown: boolean
  readonly specProblems: readonly string[]
  readonly describe?: NonNullable<PassFindings['describe']>
  readonly requeueAfterMs?: number
}

export interface DesiredInput {
  readonly app: AppIdentity
  readonly rawSpec: unknown
  readonly objects: AppObjects
  readonly snapshots: readonly VersionSnapshot[]
  /** The engine's state, including versions that failed and must not be retried. */
  readonly state: RolloutState | undefined
  readonly isFrozen: boolean
  /** For how long describe pods have been seen failed, by uid. */
  readonly failedDescriptions: SeenSince
  readonly signal: AbortSignal
}

/** Finds out which version the spec asks for, and describes it when it is new. */
export async function findDesiredVersion(api: KubeApi, input: DesiredInput): Promise<DesiredVersion> {
  const { app, objects, signal } = input
  const parsed = parseWeaverAppSpec(input.rawSpec)
  if (!parsed.ok) return { snapshots: input.snapshots, isKnown: false, specProblems: parsed.issues.map(formatProblem) }
  const spec = parsed.spec
  const retired = objects.revisions.filter((r) => isRetired(r) && r.metadata.deletionTimestamp === undefined)
  const id = askedVersion(spec, { ...input, retired })
  const base = { id, spec, snapshots: input.snapshots, specProblems: [] as readonly string[] }
  if (input.state?.failed.includes(id) === true || input.state?.burned?.includes(id) === true) return { ...base, isKnown: true }
  let snapshot = input.snapshots.find((s) => s.versionId === id)
  if (input.isFrozen && snapshot === undefined) return { ...base, isKnown: false }
  if (snapshot === undefined) {
    const found = retired.find((r) => versionOf(r) === id) ?? (await findRevision(api, app, { versionId: id, signal }))
    const {
      snapshots: [record],
      problems,
    } = readSnapshots(found === undefined ? [] : [found])
    // Another release may be able to read it. Its data cannot be overwritten, so describing the
    // image again is no use.
    if (problems.length > 0)
      return {
        ...base,
        isKnown: false,
        describe: { ok: false, reason: 'WorkFailed', message: problems.map((p) => p.message).join('; ') },
        requeueAfterMs: REFUSED_RETRY_MS,
      }
    if (found !== undefined && record !== undefined && isRetired(found)) {
      // Before the version is live again: it may not run while the spec contradicts its graph.
      const described = againstGraph(spec, record.spec.image, record.graph)
      if (!described.isKnown) return { ...base, ...described }
      // The engine must first see that its objects are gone; it then treats the version as new.
      if (input.state?.removing?.includes(id) === true) return { ...base, isKnown: true }
      await reviveRevision(api, app, { snapshot: record, all: objects.revisions, signal })
    }
    snapshot = record
  }
  const podName = describePodName(app.name, id)
  const pod = objects.pods.find((p) => p.metadata.name === podName)
  if (snapshot === undefined) {
    const step = await describeVersion(api, { app, versionId: id, spec, pod, failed: input.failedDescriptions, signal }).catch(
      (error: unknown): DescribeStep => {
        if (signal.aborted) throw error
        if (isNamespaceTerminating(error))
          return { state: 'waiting', message: 'the namespace is being deleted', requeueAfterMs: REFUSED_RETRY_MS }
        // Refused by quota, admission or validation: the user must see it, so the pass must reach
        // the writing of the status.
        if (isNameTaken(error)) return { state: 'failed', reason: 'NameTaken', message: error.message, requeueAfterMs: REFUSED_RETRY_MS }
        const message = `the describe pod of image "${spec.image}": ${reasonOf(error)}`
        return { state: 'failed', reason: 'DescribeFailed', message, requeueAfterMs: REFUSED_RETRY_MS }
      },
    )
    if (step.state !== 'done')
      return {
        ...base,
        isKnown: false,
        describe: { ok: false, reason: step.state === 'failed' ? step.reason : (step.trouble ?? 'Describing'), message: step.message },
        requeueAfterMs: step.requeueAfterMs,
      }
    const described = againstGraph(spec, spec.image, step.result.graph)
    // Not stored: the pod remains the record until the spec is corrected and asks for another
    // version.
    if (!described.isKnown) return { ...base, ...described }
    const refused = await refusedPods(api, { app, spec, versionId: id, described: step.result, signal })
    if (refused.length > 0) return { ...base, ...described, isKnown: false, specProblems: refused }
    try {
      snapshot = await storeSnapshot(api, app, { versionId: id, spec, described: step.result, revisions: objects.revisions, signal })
    } catch (error) {
      const describe = unstored(error, id)
      if (describe === undefined) throw error
      return { ...base, isKnown: false, describe, requeueAfterMs: REFUSED_RETRY_MS }
    }
  }
  const snapshots = input.snapshots.some((s) => s.versionId === id) ? input.snapshots : [...input.snapshots, snapshot]
  await forgetDescriptions(api, { app, objects, signal })
  // Fields that change no pod, like the port of a listener, may still contradict the graph.
  return { ...base, snapshots, ...againstGraph(spec, snapshot.spec.image, snapshot.graph) }
}

/** What the image contains, and whether the spec fits it. */
function againstGraph(
  spec: WeaverAppSpec,
  image: string,
  graph: VersionSnapshot['graph'],
): Pick<DesiredVersion, 'isKnown' | 'specProblems' | 'describe'> {
  const issues = checkAgainstGraph(spec, graph)
  const count = `${graph.components.length} component${graph.components.length === 1 ? '' : 's'}`
  return {
    isKnown: issues.length === 0,
    specProblems: issues.map(formatProblem),
    describe: { ok: true, reason: 'Described', message: `image "${image}" holds ${count}` },
  }
}

/**
 * Retired records are read only when no live version matches: most passes need none, and each
 * contains a graph.
 */
function askedVersion(
  spec: WeaverAppSpec,
  { snapshots, state, retired }: Pick<DesiredInput, 'snapshots' | 'state'> & { readonly retired: readonly Revision[] },
): string {
  const id = versionOfSpec(spec, { snapshots, state })
  const isSettled = retired.length === 0 || state?.failed.includes(id) === true || snapshots.some((s) => s.versionId === id)
  return isSettled ? id : versionOfSpec(spec, { snapshots: readSnapshots(retired).snapshots, state })
}

/**
 * The finding for a record that the API server refuses because of its size, a quota or a policy;
 * none for a failure that may pass by itself.
 */
function unstored(error: unknown, id: string): NonNullable<PassFindings['describe']> | undefined {
  if (isNameTaken(error)) return { ok: false, reason: 'NameTaken', message: error.message }
  if (!isRefusal(error)) return undefined
  const message = `the record of version "${id}", its spec and its component graph, was not stored: ${error.message}`
  return { ok: false, reason: 'WorkFailed', message }
}

/** Describe pods whose result is stored, or whose version is no longer asked for. */
async function forgetDescriptions(
  api: KubeApi,
  which: { readonly app: AppIdentity; readonly objects: AppObjects; readonly signal: AbortSignal },
): Promise<void> {
  for (const { metadata } of which.objects.pods) {
    const version = metadata.labels?.[LABELS.version]
    if (metadata.labels?.[LABELS.role] !== DESCRIBE_ROLE || metadata.deletionTimestamp !== undefined || version === undefined) continue
    await forgetDescription(api, { app: which.app, versionId: version, signal: which.signal })
  }
}

/**
 * The rollout settings of the spec. Of a live version when the spec is unusable: those of its making, which may lack
 * what was set in place since, so nothing that is retained goes by them.
 */
export function policyOf(desired: Pick<DesiredVersion, 'spec'>, versions: readonly PlacedVersion[]): RolloutPolicy | undefined {
  if (desired.spec !== undefined) return rolloutPolicy(rolloutSettings(desired.spec.rollout))
  const spec = versions.at(-1)?.plan.snapshot.spec
  return spec === undefined ? undefined : { ...rolloutPolicy(rolloutSettings(spec.rollout)), retain: 'unknown' }
}
