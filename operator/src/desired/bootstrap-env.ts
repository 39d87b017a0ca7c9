import { BOOTSTRAP_ENV, BOOTSTRAP_VERSION, type Bootstrap } from '@weaver/sdk/contract'
import { operatorError } from '../errors/catalogue.js'
import { HEALTH_PORT, type PlannedGroup, type VersionPlan } from './version-plan.js'

/** Where the group's NATS credentials are mounted. */
export const CREDS_DIRECTORY = '/var/run/weaver/nats'
export const CREDS_KEY = 'user.creds'
/** The pod keeps serving this long while EndpointSlices and proxies remove it. */
const PRE_STOP_MS = 5_000
/** Of the pod's grace, for the process to end. */
const END_MS = 10_000
/**
 * Linux: the longest variable of an environment, its name and the byte at its end included
 * (MAX_ARG_STRLEN). A process with a longer one cannot be started.
 */
const MAX_VARIABLE_BYTES = 131_072
/** The longest name of a pod, which replaces `$(POD_NAME)` in it. */
const POD_NAME_BYTES = 63

/**
 * The value of `WEAVER_BOOTSTRAP`. Kubernetes expands `$(POD_NAME)` in it and reads every `$$` as
 * `$`, so each other `$` is doubled: a `$(HOME)` or a `$$` in an application's configuration
 * arrives as written.
 * @throws WeaverError `WEAVER_BOOTSTRAP_TOO_LARGE`: no process can be started with it.
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
    // A component's configuration may contain secrets: only processes that host the component get
    // it.
    config: Object.fromEntries(group.components.filter((c) => config[c] !== undefined).map((c) => [c, config[c]])),
    shutdownGraceMs: group.graceSeconds * 1_000 - PRE_STOP_MS - END_MS,
    preStopMs: PRE_STOP_MS,
  }
  const text = JSON.stringify(bootstrap).slice(1)
  const bytes = Buffer.byteLength(`${BOOTSTRAP_ENV}={"replica":"",${text}`) + POD_NAME_BYTES + 1
  if (bytes > MAX_VARIABLE_BYTES)
    throw operatorError(
      'WEAVER_BOOTSTRAP_TOO_LARGE',
      `group "${group.name}" cannot be started: what its pods are given (${BOOTSTRAP_ENV}) has ${bytes} bytes, and Linux takes ${MAX_VARIABLE_BYTES} in one variable of the environment. ${largestOf(bootstrap.config)}Put what is large into a file and name it in the configuration, or spread the components over more groups`,
    )
  return `{"replica":"$(POD_NAME)",${text.replaceAll('$', '$$$$')}`
}

/** The component whose configuration is the largest. */
function largestOf(config: Bootstrap['config']): string {
  const [first] = Object.entries(config)
    .map(([component, value]) => ({ component, bytes: Buffer.byteLength(JSON.stringify(value)) }))
    .sort((a, b) => b.bytes - a.bytes)
  return first === undefined ? '' : `The configuration of "${first.component}" has ${first.bytes} of them. `
}
