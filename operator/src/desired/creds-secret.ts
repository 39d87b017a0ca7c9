import { ANNOTATIONS } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'
import { CREDS_KEY } from './bootstrap-env.js'
import { appLabels, childMetadata, finishManifest, manifestHash, type Manifest } from './manifest.js'
import type { PlannedGroup, VersionPlan } from './version-plan.js'

/**
 * The broker credentials of one group of one version; they are valid only inside the version's
 * account. Without `creds` it is what an existing Secret is compared with: a credentials file
 * contains its time of issue, so only its user shows whether the stored one is right.
 */
export function buildCredsSecret(plan: VersionPlan, group: PlannedGroup, creds?: string): Manifest {
  const metadata = childMetadata(plan.app, group.secretName, appLabels(plan.app, { version: plan.versionId, group: group.name }))
  // Of a signing key: users whose JWT lists their permissions, as older releases issued them, are
  // replaced.
  const issuedFor = manifestHash({ deploymentId: plan.deploymentId, group: group.name, permissions: 'of the signing key' })
  const secret = finishManifest(
    k8s.KubeSecret.manifest({ metadata: { ...metadata, annotations: { [ANNOTATIONS.issuedFor]: issuedFor } }, type: 'Opaque' }),
  )
  return creds === undefined ? secret : { ...secret, data: { [CREDS_KEY]: Buffer.from(creds).toString('base64') } }
}
