/**
 * Creates and removes the objects of one version. Both are repeated until nothing is left to do, so
 * a crash between any two writes heals.
 *
 * Creating: broker account, then credentials, then what needs them. Removing is the reverse, in
 * stages that each wait for the one before:
 *   1 workloads, autoscalers, budgets   2 the pods have ended, or have had their grace   3 broker account   4 Secrets, Leases, Services, policy   5 the record.
 * The record goes last, or is marked as retired: until then the version is live and the rest of it
 * can be removed.
 */
import { FIELD_MANAGER, LABELS, leaderLeaseName, revisionName } from '@weaver/crds'
import { isKubeError, KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import type { Broker } from '../broker/broker.js'
import { identityOf } from '../desired/version-identity.js'
import { buildCredsSecret } from '../desired/creds-secret.js'
import { buildListenerService } from '../desired/listener-service.js'
import { buildAutoscaler, buildDisruptionBudget } from '../desired/scaling.js'
import { withDataHash, type AppIdentity } from '../desired/manifest.js'
import { buildVersionNetworkPolicy } from '../desired/version-network-policy.js'
import type { VersionPlan } from '../desired/version-plan.js'
import { buildWorkload, isAutoscaled } from '../desired/workload.js'
import { deleteOwn, isOwn } from '../kube/own-objects.js'
import type { SeenSince } from '../clock/seen-since.js'
import type { ChildApplier } from '../kube/child-applier.js'
import type { AppObjects, Workload } from './cluster-view.js'
import { isKept, retireRevision } from './known-versions.js'
import { brokerVersion } from './version-identity.js'

/**
 * A pod on a lost node never ends; its account is closed this long after its grace anyway, and that
 * cuts it off.
 */
const LOST_POD_MS = 30_000

export interface ChildrenDeps {
  readonly api: KubeApi
  readonly broker: Broker
  readonly applier: ChildApplier
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Since when a version has had no pods but terminating ones. */
  readonly ending: SeenSince
}

/** Makes all objects of a version match the plan. */
export async function ensureVersionChildren(
  deps: ChildrenDeps,
  plan: VersionPlan,
  objects: AppObjects,
  signal: AbortSignal,
): Promise<void> {
  const { api, broker, applier } = deps
  const { namespace } = plan.app
  const identity = identityOf(plan)
  // All of them before the first write: when one group of a version cannot start, nothing of the
  // version is created.
  const workloads = plan.groups.map((group) => ({ group, workload: buildWorkload(plan, group, broker.servers) }))
  const secretOf = (name: string) => objects.child(KINDS.secrets, name)
  const stale = plan.groups.filter((g) => !applier.isFresh(KINDS.secrets, { namespace, name: g.secretName }, secretOf(g.secretName)))
  // Every server must know the account before the first pod connects; credentials alone would be
  // refused.
  if (stale.length > 0) await broker.ensureVersion(brokerVersion(identity, plan.snapshot), signal)
  for (const group of stale) {
    const complete = async () => withDataHash(buildCredsSecret(plan, group, await broker.groupCredentials(identity, group.name)))
    await applier.ensure(KINDS.secrets, buildCredsSecret(plan, group), secretOf(group.secretName), { signal, complete })
  }
  const policy = buildVersionNetworkPolicy(plan)
  await applier.ensure(KINDS.networkPolicies, policy, objects.child(KINDS.networkPolicies, policy.metadata.name), { signal })
  for (const listener of plan.listeners)
    await applier.ensure(KINDS.services, buildListenerService(plan, listener), byName(objects.services, listener.serviceName), { signal })
  for (const { group, workload } of workloads) {
    const live = byName(objects.workloads, group.workloadName)
    if (isAutoscaled(group)) {
      if (live === undefined) await createAtMinimum(api, workload, { replicas: group.replicas.min, signal })
      else if (hasAppliedReplicas(live)) await handOverReplicas(api, live, { max: group.replicas.max, signal })
    }
    await applier.ensure(KINDS.deployments, workload, live, { signal })
    for (const [kind, manifest] of [
      [KINDS.horizontalPodAutoscalers, buildAutoscaler(plan, group)],
      [KINDS.podDisruptionBudgets, buildDisruptionBudget(plan, group)],
    ] as const) {
      const found = objects.child(kind, group.workloadName)
      if (manifest !== undefined) await applier.ensure(kind, manifest, found, { signal })
      else await applier.ensureAbsent(kind, { namespace, name: group.workloadName, owner: plan.app.uid }, found, { signal })
    }
  }
}

export type RemovalStage = 'pods' | 'done'

/**
 * Removes what is left of a version. `pods`: they are still terminating, call again. At most
 * `historyLimit` versions stay known.
 */
export async function removeVersionChildren(
  deps: ChildrenDeps,
  plan: VersionPlan,
  objects: AppObjects,
  { historyLimit, signal }: { readonly historyLimit: number; readonly signal: AbortSignal },
): Promise<RemovalStage> {
  const { api, broker, now, ending } = deps
  const { namespace, name: app } = plan.app
  const ofVersion = (o: KubeObject) => o.metadata.labels?.[LABELS.version] === plan.versionId
  for (const workload of objects.workloads.filter(ofVersion)) {
    if (workload.metadata.deletionTimestamp !== undefined) continue
    await removeChild(deps, KINDS.deployments, { object: workload, owner: plan.app.uid, signal })
  }
  const pods = objects.pods.filter((p) => ofVersion(p) && p.metadata.labels?.[LABELS.role] === 'weavelet')
  if (objects.workloads.some(ofVersion) || pods.some((p) => p.metadata.deletionTimestamp === undefined)) return 'pods'
  const graceMs = Math.max(...plan.groups.map((group) => group.graceSeconds)) * 1_000
  if (pods.length > 0 && ending.elapsedMs(plan.deploymentId) <= graceMs + LOST_POD_MS) return 'pods'
  ending.forget(plan.deploymentId)
  await broker.removeVersion(identityOf(plan), signal)
  const labelSelector = `${LABELS.app}=${app},${LABELS.version}=${plan.versionId}`
  for (const kind of [KINDS.horizontalPodAutoscalers, KINDS.podDisruptionBudgets, KINDS.networkPolicies, KINDS.services]) {
    const { items } = await api.list(kind, { namespace, labelSelector, signal })
    for (const object of items) await removeChild(deps, kind, { object, owner: plan.app.uid, signal })
  }
  // By name: the operator may not list Secrets.
  for (const group of plan.groups) await removeNamed(deps, KINDS.secrets, { app: plan.app, name: group.secretName, signal })
  for (const { name, leader } of plan.snapshot.graph.components)
    if (leader === 'version')
      await removeNamed(deps, KINDS.leases, { app: plan.app, name: leaderLeaseName(app, name, plan.versionId), signal })
  if (isKept(plan.snapshot, historyLimit))
    await retireRevision(api, plan.app, { snapshot: plan.snapshot, at: new Date(now()).toISOString(), signal })
  else await removeNamed(deps, KINDS.controllerRevisions, { app: plan.app, name: revisionName(app, plan.versionId), signal })
  return 'done'
}

/** An object that was just observed; one of others is left alone. */
async function removeChild(
  deps: ChildrenDeps,
  kind: ResourceKind,
  { object, owner, signal }: { readonly object: KubeObject; readonly owner: string; readonly signal: AbortSignal },
): Promise<void> {
  const { namespace = '', name, uid } = object.metadata
  if (!isOwn(owner, object)) return
  await deps.api.delete(kind, namespace, name, { signal, ...(uid === undefined ? {} : { uid }) })
  deps.applier.forget({ namespace, name, kind })
}

/** An object known by name alone. */
async function removeNamed(
  deps: ChildrenDeps,
  kind: ResourceKind,
  { app, name, signal }: { readonly app: AppIdentity; readonly name: string; readonly signal: AbortSignal },
): Promise<void> {
  const { namespace, uid: owner } = app
  await deleteOwn(deps.api, kind, { namespace, name, owner }, { signal })
  deps.applier.forget({ namespace, name, kind })
}

/**
 * Creates an autoscaled workload with its minimum of replicas. Under plain `create` no apply owns
 * the number; if an apply did, leaving it out of the next one would reset it to 1.
 */
async function createAtMinimum(
  api: KubeApi,
  workload: { readonly spec?: unknown } & KubeObject,
  options: { readonly replicas: number; readonly signal: AbortSignal },
): Promise<void> {
  const spec = { ...(workload.spec as object), replicas: Math.max(1, options.replicas) } // buildWorkload always gives a spec
  try {
    await api.create(KINDS.deployments, { ...workload, spec }, { signal: options.signal })
  } catch (error) {
    if (!isKubeError(error, 409)) throw error // there already: the cache lags
  }
}

/**
 * True while the number of replicas is one of the fields that our apply owns: leaving it out of the
 * next apply would reset it to 1.
 */
function hasAppliedReplicas(live: KubeObject): boolean {
  const fields = live.metadata.managedFields?.find((m) => m.manager === FIELD_MANAGER && m.operation === 'Apply')?.fieldsV1
  const spec = fields?.['f:spec'] as Readonly<Record<string, unknown>> | undefined // a set of field names, by the API's own format
  return spec?.['f:replicas'] !== undefined
}

/**
 * A group that gets an autoscaler keeps its replicas: after a plain patch no apply owns the number.
 * The patch must change it, as only changed fields are owned; one replica more for a moment loses
 * nothing.
 */
async function handOverReplicas(
  api: KubeApi,
  live: Workload,
  options: { readonly max: number; readonly signal: AbortSignal },
): Promise<void> {
  const replicas = Math.min(options.max, (live.spec?.replicas ?? 1) + 1)
  await api.patch(
    KINDS.deployments,
    live.metadata.namespace ?? '',
    live.metadata.name,
    { metadata: { uid: live.metadata.uid }, spec: { replicas } },
    { signal: options.signal },
  )
}

function byName<T extends KubeObject>(objects: readonly T[], name: string): T | undefined {
  return objects.find((o) => o.metadata.name === name)
}
