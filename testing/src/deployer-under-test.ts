/**
 * What the conformance suite (`deployer-conformance.ts`) asks of a deployer: an adapter of a few
 * lines, written by its author.
 */
import type { LogEntry } from '@weaver/sdk/contract'

/**
 * What a deployer can do beyond running the application in one process. A statement that needs more
 * is not asked of it.
 */
export type DeployerAbility =
  /** Components run in several processes. */
  | 'processes'
  /** It is told which components share one. */
  | 'colocate'
  /** Several processes of one component, with keys shared among them and one that leads. */
  | 'replicas'
  /** It starts a process again that has died. */
  | 'restart'
  /** What the components log can be read from it. */
  | 'logs'
  /** It has started the process of Main, too, so that `deployment()` is known there. */
  | 'main'

export interface ProbeOptions {
  /** By component: `{ 'probe/Back': { mark: 'a' } }`. */
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /**
   * Components that share a process; those that are not named have one each. Given only to one that
   * can `colocate`.
   * @default none
   */
  readonly colocate?: readonly (readonly string[])[]
  /** Of each component but Main. Given only to one that can do `replicas`. @default 1 */
  readonly replicas?: number
}

export interface DeployedProbe {
  /** Where the listener "probe" is reached, as the deployer tells it. */
  readonly url: string
  /**
   * The name that requests ask for, where several applications share the address.
   * @default that of `url`
   */
  readonly host?: string
  /** What has reached the deployer until now; also after the stop. For one that can do `logs`. */
  logs?(): Promise<readonly LogEntry[]>
  /** As its user stops it. Idempotent. @returns what went wrong with it; `undefined`: nothing */
  stop(): Promise<string | undefined>
}

export interface DeployerUnderTest {
  readonly can: readonly DeployerAbility[]
  /**
   * Resolves when the application is ready. Rejects, with the reason, when it cannot start; nothing
   * of it runs then.
   */
  deploy(options: ProbeOptions): Promise<DeployedProbe>
}
