import { deploymentId, LABELS, resolveGroups, WEAVER_APP_KIND } from '@weaver/crds'
import { isWeaverError } from '@weaver/sdk/contract'
import type { KubeObject } from '@weaver/kube'
import type { BrokerVersion } from '../broker/broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import { parseSnapshot, type VersionSnapshot } from '../desired/version-snapshot.js'
import type { Revision } from './cluster-view.js'

/**
 * The identity of a version on the broker, from its ControllerRevision alone; `undefined` for an
 * object that is not ours.
 */
export function identityOfRevision(revision: KubeObject): VersionIdentity | undefined {
  const app = revision.metadata.labels?.[LABELS.app]
  const versionId = revision.metadata.labels?.[LABELS.version]
  const owner = revision.metadata.ownerReferences?.find((o) => o.kind === WEAVER_APP_KIND && o.controller === true)
  if (app === undefined || versionId === undefined || owner === undefined) return undefined
  return { appUid: owner.uid, versionId, deploymentId: deploymentId({ name: app, uid: owner.uid }, versionId) }
}

/**
 * What the broker must know of a version, from its snapshot alone: the current spec does not change
 * it.
 */
export function brokerVersion(identity: VersionIdentity, { spec, graph }: Pick<VersionSnapshot, 'spec' | 'graph'>): BrokerVersion {
  const groups = resolveGroups(spec, graph).map(({ name, hosts, calls }) => ({ name, hosts, calls }))
  return { ...identity, groups, layout: graph.subjects ?? 1 }
}

/**
 * `undefined` also for a snapshot that cannot be read (each pass reports it): an account without
 * its groups would cut them off.
 */
export function brokerVersionOfRevision(revision: Revision): BrokerVersion | undefined {
  const identity = identityOfRevision(revision)
  if (identity === undefined) return undefined
  try {
    return brokerVersion(identity, parseSnapshot(revision.data))
  } catch (error) {
    if (!isWeaverError(error)) throw error
    return undefined
  }
}
