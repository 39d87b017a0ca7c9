import type { Bootstrap } from '../contract/bootstrap.js'

/** What a process knows about its deployment. */
export interface Deployment {
  readonly app: string
  readonly deploymentId: string
  /** Short id of the version, as shown to users. */
  readonly versionId: string
  readonly group: string
  readonly replica: string
  /** Whether the whole application runs in this process, without a deployer. */
  readonly isSingle: boolean
}

let current: Deployment = { app: '', deploymentId: '', versionId: '', group: '', replica: '', isSingle: true }

/** The deployment of this process. Before `run()` all ids are empty. */
export function deployment(): Deployment {
  return current
}

/** Called by the composition root only. */
export function setDeployment(found: Deployment): void {
  current = found
}

export function deploymentOf(bootstrap: Bootstrap): Deployment {
  const { app, deploymentId, versionId, group, replica } = bootstrap
  return { app, deploymentId, versionId, group, replica, isSingle: false }
}
