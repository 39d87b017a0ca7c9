/** One replica of a group in a deployment of processes: how it is shown, and what its process is given. */
import { causeText, type Death, type Envelope } from '@weaver/deployer'
import { shortDeploymentId, type Bootstrap, type WeaverError } from '@weaver/sdk/contract'
import { cliError } from '../../errors/catalogue.js'
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
    /** The broker, as the group reaches it. */
    readonly nats: NonNullable<Bootstrap['nats']>
    /** By component. */
    readonly config: Readonly<Record<string, unknown>>
  },
): Bootstrap {
  const { replica, app, deploymentId, nats, config } = of
  return {
    version: 1,
    app,
    deploymentId,
    versionId: shortDeploymentId(deploymentId),
    group: group.name,
    replica,
    components: group.hosts,
    listeners: Object.fromEntries(group.listeners.map((name) => [name, { address: '127.0.0.1:0' }])),
    nats,
    // To each only what is meant for it.
    config: Object.fromEntries(Object.entries(config).filter(([name]) => group.hosts.includes(name))),
    shutdownGraceMs: GRACE_MS,
    ...(group.listeners.length === 0 ? {} : { preStopMs: PRE_STOP_MS }),
  }
}

/** @param machine where it runs, when that is not this one */
export function viewOf({ name, envelope, restarts, lastDeath }: Replica, machine?: string): ReplicaView {
  const { pid, state } = envelope
  return {
    replica: name,
    ...(machine === undefined ? {} : { machine }),
    ...(pid === undefined ? {} : { pid }),
    state: state.kind,
    restarts,
    ...(lastDeath === undefined ? {} : { lastDeath }),
  }
}

/** Why a process that ended, or was stopped, before it was ready ended the start of its deployment. */
export function startFailure({ group, name }: Pick<Replica, 'group' | 'name'>, death: Death | undefined, cause: unknown): WeaverError {
  const what = death === undefined ? 'was stopped' : causeText(death.cause)
  const said = death === undefined || death.lastEntries.length === 0 ? '' : '; what it said last is above'
  return cliError('WEAVER_CLI_CHILD_FAILED', `process ${name} of group "${group.name}" ${what} before it was ready${said}`, { cause })
}
