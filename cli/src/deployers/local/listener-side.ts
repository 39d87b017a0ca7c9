import type { WeaveletStatus } from '@weaver/sdk/contract'

/** What stands before the listeners of a deployment, and is told which processes serve them. */
export interface ListenerSide {
  /** Before anything of the deployment is started. @throws WeaverError, and nothing is left open then */
  open(): Promise<void>
  /** Where users reach a listener. */
  addressOf(name: string): string
  /** How many processes are behind it. */
  backendsOf(name: string): number
  /** This process serves from now on. */
  add(replica: string, pid: number, status: WeaveletStatus): void
  /** No process of this replica does. */
  remove(replica: string): void
  /** Takes nothing more; resolves when what was in flight has been answered, or cut after `graceMs`. */
  close(graceMs: number): Promise<void>
}
