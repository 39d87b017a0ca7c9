/** One replica of a group in a deployment of processes: how it is shown, and what its process is given. */
import type { Envelope } from '@weaver/deployer'
import { shortDeploymentId, type Bootstrap } from '@weaver/sdk/contract'
import type { ReplicaView } from './deployment-view.js'
import type { ProcessGroup } from './process-groups.js'

export interface Replica {
  readonly group: ProcessGroup
  readonly name: string
  readonly envelope: Envelope
  restarts: number
  lastDeath: ReplicaView['lastDeath']
}

/** Time for what is in flight at a stop. */
export const GRACE_MS = 10_000
/** Long enough for the word that listeners close to be heard, and for proxies to turn away. */
const PRE_STOP_MS = 300

export function bootstrapOf(
  group: ProcessGroup,
  of: {
    readonly replica: string
    readonly app: string
    readonly deploymentId: string
    /** Of the broker, for the group. */
    readonly natsUrl: string
    /** By component. */
    readonly config: Readonly<Record<string, unknown>>
  },
): Bootstrap {
  const { replica, app, deploymentId, natsUrl, config } = of
  return {
    version: 1,
    app,
    deploymentId,
    versionId: shortDeploymentId(deploymentId),
    group: group.name,
    replica,
    components: group.hosts,
    listeners: Object.fromEntries(group.listeners.map((name) => [name, { address: '127.0.0.1:0' }])),
    nats: { servers: [natsUrl] },
    // To each only what is meant for it.
    config: Object.fromEntries(Object.entries(config).filter(([name]) => group.hosts.includes(name))),
    shutdownGraceMs: GRACE_MS,
    ...(group.listeners.length === 0 ? {} : { preStopMs: PRE_STOP_MS }),
  }
}

export function viewOf({ name, envelope, restarts, lastDeath }: Replica): ReplicaView {
  const { pid, state } = envelope
  return {
    replica: name,
    ...(pid === undefined ? {} : { pid }),
    state: state.kind,
    restarts,
    ...(lastDeath === undefined ? {} : { lastDeath }),
  }
}
