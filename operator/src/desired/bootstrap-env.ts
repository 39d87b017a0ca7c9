import { BOOTSTRAP_VERSION, type Bootstrap } from '@weaver/sdk/contract'
import { HEALTH_PORT, type PlannedGroup, type VersionPlan } from './version-plan.js'

/** Where the group's NATS credentials are mounted. */
export const CREDS_DIRECTORY = '/var/run/weaver/nats'
export const CREDS_KEY = 'user.creds'
/** Serve on while EndpointSlices and proxies take the pod out. */
const PRE_STOP_MS = 5_000
/** Of the pod's grace, for the process to end. */
const END_MS = 10_000

/**
 * The value of `WEAVER_BOOTSTRAP`. Kubernetes expands `$(POD_NAME)` in it and reads every `$$` as `$`, so each other `$` is doubled: a `$(HOME)` or a
 * `$$` in somebody's configuration arrives as written.
 */
export function bootstrapEnvValue(plan: VersionPlan, group: PlannedGroup, natsServers: readonly string[]): string {
  const config = plan.snapshot.spec.config ?? {}
  const bootstrap: Omit<Bootstrap, 'replica'> = {
    version: BOOTSTRAP_VERSION,
    app: plan.app.name,
    deploymentId: plan.deploymentId,
    versionId: plan.versionId,
    group: group.name,
    components: group.components,
    listeners: Object.fromEntries(group.listeners.map((l) => [l.name, { address: `0.0.0.0:${l.containerPort}` }])),
    nats: { servers: natsServers, credsFile: `${CREDS_DIRECTORY}/${CREDS_KEY}` },
    health: { address: `0.0.0.0:${HEALTH_PORT}` },
    // A component's configuration may hold secrets: it goes only where the component runs.
    config: Object.fromEntries(group.components.filter((c) => config[c] !== undefined).map((c) => [c, config[c]])),
    shutdownGraceMs: group.graceSeconds * 1_000 - PRE_STOP_MS - END_MS,
    preStopMs: PRE_STOP_MS,
  }
  return `{"replica":"$(POD_NAME)",${JSON.stringify(bootstrap).slice(1).replaceAll('$', '$$$$')}`
}
