import type { ControllerPort } from '@weaver/deployer'
import type { SubjectGroup, SubjectLayout, WeaveletMetrics, WeaveletStatus } from '@weaver/sdk/contract'
import type { VersionIdentity } from '../desired/version-identity.js'

export type BrokerGroup = SubjectGroup
/**
 * Everything that the broker must know of a version. It never changes as long as the version
 * exists.
 */
export interface BrokerVersion extends VersionIdentity {
  readonly groups: readonly BrokerGroup[]
  readonly layout: SubjectLayout
}
/** A connection into a version, with the rights of its deployer. */
export interface VersionConnection extends ControllerPort {
  readonly isClosed: boolean
  /** Resolves when it is closed for good. */
  readonly closed: Promise<void>
  /** Resolves when its server is about to stop and close it. */
  readonly leaving: Promise<void>
  /** After each reconnect: what was sent to or by this connection meanwhile is lost. */
  onReconnect(listener: () => void): void
  /** Resolves when the server has processed what was sent, subscriptions included. */
  flush(): Promise<void>
  close(): Promise<void>
}
export interface WeaveletQuestion {
  readonly expect: readonly string[]
  readonly waitMs?: number
  readonly goodbye?: boolean
  readonly signal?: AbortSignal
}
export interface MetricsQuestion {
  /** Names of the replicas that are asked. */
  readonly replicas: readonly string[]
  /** For all of them. @default 5 seconds */
  readonly waitMs?: number
}
/** The port to the broker's control plane. */
export interface Broker {
  /**
   * How versions are isolated: by an account each, or (a broker without operator mode) by the names
   * of their subjects in one shared account.
   */
  readonly isolation: 'account-per-version' | 'shared-account'
  /** URLs that weavelets dial. */
  readonly servers: readonly string[]
  /**
   * Pushes the version's account to every server; idempotent. Resolves when all servers that are up
   * have confirmed; others get it when they are back.
   */
  ensureVersion(version: BrokerVersion, signal?: AbortSignal): Promise<void>
  /**
   * The `.creds` file of one group's user, the same for the same identity; the caller stores it in
   * a Secret. Its permissions are in the account, so it is of no use before `ensureVersion`.
   */
  groupCredentials(identity: VersionIdentity, group: string): Promise<string>
  /**
   * Closes the account: all clients of that version are cut off at once and refused from then on,
   * also by a server that is down now. Idempotent; `ensureVersion` opens it again.
   */
  removeVersion(identity: VersionIdentity, signal?: AbortSignal): Promise<void>
  /**
   * Asks every weavelet of the version; resolves after `waitMs` or when the replicas of `expect`,
   * by name, have answered. Other replicas that answered are included. With `goodbye` they also ask
   * their clients to leave.
   */
  weavelets(identity: VersionIdentity, options: WeaveletQuestion): Promise<readonly WeaveletStatus[]>
  /**
   * The metrics of these replicas of the version, few at a time. One that does not answer in time,
   * refuses, or answers with more than a few megabytes is left out.
   */
  metrics(identity: VersionIdentity, options: MetricsQuestion): Promise<readonly WeaveletMetrics[]>
  /**
   * Connects into a version, for as long as the caller needs it. Fails while the broker does not
   * know the version.
   */
  connectTo(identity: VersionIdentity): Promise<VersionConnection>
  /**
   * Pushes all versions that must exist to the servers, now and after every reconnect; those that a
   * server did not accept are retried.
   */
  onReconnect(versions: () => readonly BrokerVersion[]): void
  close(): Promise<void>
}
