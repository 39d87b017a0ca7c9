import type { VersionPlan } from './version-plan.js'

/**
 * The identity of a version on the broker. Two versions never share an account, so nothing of one
 * exists for the other.
 */
export interface VersionIdentity {
  /**
   * UID of the WeaverApp: two apps of one name in two namespaces, or one after the other, differ.
   */
  readonly appUid: string
  readonly versionId: string
  readonly deploymentId: string
}

export function identityOf({ app, versionId, deploymentId }: VersionPlan): VersionIdentity {
  return { appUid: app.uid, versionId, deploymentId }
}
