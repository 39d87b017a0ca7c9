import { deploymentId, LABELS, WEAVER_APP_KIND } from '@weaver/crds'
import type { VersionIdentity } from '../broker/broker.js'
import type { KubeObject } from '../kube/kube-api.js'

/** Who a version is on the broker, told from its ControllerRevision alone; `undefined` for an object that is none of ours. */
export function identityOfRevision(revision: KubeObject): VersionIdentity | undefined {
  const app = revision.metadata.labels?.[LABELS.app]
  const versionId = revision.metadata.labels?.[LABELS.version]
  const owner = revision.metadata.ownerReferences?.find((o) => o.kind === WEAVER_APP_KIND && o.controller === true)
  if (app === undefined || versionId === undefined || owner === undefined) return undefined
  return { appUid: owner.uid, versionId, deploymentId: deploymentId({ name: app, uid: owner.uid }, versionId) }
}
