import { ANNOTATIONS, revisionName } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'
import { appLabels, childMetadata, finishManifest, type AppIdentity, type Manifest } from './manifest.js'
import type { VersionSnapshot } from './version-snapshot.js'

/**
 * The record of a version: created before its first other object, and deleted or marked as retired
 * after its last, so every object of a version can be found and rebuilt from it.
 * @param revision ascending over the life of the app, higher each time the version is created.
 * @param retiredAt RFC 3339; absent: the version is live.
 */
export function buildVersionRevision(app: AppIdentity, snapshot: VersionSnapshot, revision: number, retiredAt?: string): Manifest {
  const metadata = childMetadata(app, revisionName(app.name, snapshot.versionId), appLabels(app, { version: snapshot.versionId }))
  return finishManifest(
    k8s.KubeControllerRevision.manifest({
      metadata: retiredAt === undefined ? metadata : { ...metadata, annotations: { [ANNOTATIONS.retired]: retiredAt } },
      revision,
      data: snapshot,
    }),
  )
}
