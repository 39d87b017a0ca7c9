import { k8s } from 'cdk8s-plus-27'
import { CREDS_KEY } from './bootstrap-env.js'
import { appLabels, childMetadata, finishManifest, type Manifest } from './manifest.js'
import type { PlannedGroup, VersionPlan } from './version-plan.js'

/** The broker credentials of one group of one version; they reach nothing outside the version's account. */
export function buildCredsSecret(plan: VersionPlan, group: PlannedGroup, creds: string): Manifest {
  return finishManifest(
    k8s.KubeSecret.manifest({
      metadata: childMetadata(plan.app, group.secretName, appLabels(plan.app, { version: plan.versionId, group: group.name })),
      type: 'Opaque',
      data: { [CREDS_KEY]: Buffer.from(creds).toString('base64') },
    }),
  )
}
