import { revisionName } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type AppIdentity, type Manifest } from './manifest.js'
import type { VersionSnapshot } from './version-snapshot.js'

/**
 * The record of a version: made before its first other object and deleted after its last, so whatever of a version exists can be found and rebuilt from it.
 * @param revision ascending over the life of the app, for people who read `kubectl get controllerrevisions`.
 */
export function buildVersionRevision(app: AppIdentity, snapshot: VersionSnapshot, revision: number): Manifest {
  return finishManifest(
    k8s.KubeControllerRevision.manifest({
      metadata: childMetadata(app, revisionName(app.name, snapshot.versionId), appLabels(app, { version: snapshot.versionId })),
      revision,
      data: snapshot,
    }),
  )
}
