/** What the processes of a deployment run on: this machine, or others. The port that {@link ProcessDeployment} starts things by. */
import type { EnvelopeEvent, StartProcess } from '@weaver/deployer'
import type { Bootstrap, SubjectLayout } from '@weaver/sdk/contract'
import type { MachineView } from './deployment-view.js'
import type { ProcessGroup } from './process-groups.js'

export interface BrokerOf {
  readonly deploymentId: string
  readonly groups: readonly ProcessGroup[]
  readonly layout: SubjectLayout
  readonly onEvent: (event: EnvelopeEvent) => void
}

export interface DeploymentBroker {
  /** Where the weavelets of a group find it, and as whom; without a group the deployer. Holds a password. */
  natsOf(group?: string): NonNullable<Bootstrap['nats']>
  /** Without the password, for people. */
  readonly shown: string
  /** Of the process that was started on this machine; and a part of its command line. */
  readonly process: { readonly pid: number | undefined; readonly commandHas: string } | undefined
  close(): Promise<void>
}

export interface ProcessSite {
  /** Before anything is started on it. Stopped by {@link close}, which may come meanwhile. */
  open?(): Promise<void>
  startBroker(of: BrokerOf): Promise<DeploymentBroker>
  /** How the processes of a replica are started, one after the other. @default on this machine */
  starterOf?(replica: string, group: string): StartProcess
  /** The machine of the process that runs now. @default there is only this one */
  machineOf?(replica: string): string | undefined
  readonly machines?: readonly MachineView[]
  /** After everything on it has been stopped. Idempotent. */
  close?(): Promise<void>
}
