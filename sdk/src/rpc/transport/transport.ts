import type { WeaverError } from '../../contract/errors.js'
import type { MoveSteps } from './broker-move.js'

/**
 * The port to the broker. Only connect-nats.ts, nats-transport.ts and nats-refusal.ts import a
 * client library.
 */
export interface IncomingMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply: string | undefined
  /**
   * The broker's report that there are no responders on the requested subject; the message itself
   * is empty.
   */
  readonly isNoResponders: boolean
}

export interface Subscription {
  /** Stops receiving; resolves when everything that had arrived was passed to the handler. */
  drain(): Promise<void>
  unsubscribe(): void
}

export interface Transport {
  readonly isConnected: boolean
  /**
   * Whether new calls may be sent: not without a connection, and not shortly before a move to
   * another server of the broker.
   */
  readonly takesCalls: boolean
  /** The connection was given up for one to another server. Nothing in flight is lost yet. */
  readonly isCrossing: boolean
  /**
   * Prefix of this process's inboxes, without the final dot: the broker allows it to read no
   * others.
   */
  readonly inbox: string
  /**
   * Until when replicas may be reconnecting: a server of the broker has just gone, with its
   * connections. By `processNow()`; 0 if no such event is known.
   */
  readonly unsettledUntil: number
  /** Maximum size of a message in bytes. */
  readonly maxPayloadBytes: number
  /**
   * Passes a message to the broker; it is in flight, not delivered.
   * @throws RemoteCallError `WEAVER_RPC_DISCONNECTED` without a connection, unless moving between
   * two servers: the client would silently lose it.
   */
  publish(subject: string, data: Uint8Array, reply?: string): void
  /**
   * Registers steps to complete before the connection moves to another server of the broker. The
   * move waits for them, within limits.
   */
  onMove(steps: MoveSteps): void
  subscribe(subject: string, handler: (message: IncomingMessage) => void, options?: { readonly queue?: string }): Subscription
  /** Resolves when the broker has received everything sent before. */
  flush(): Promise<void>
  /** Called whenever the connection is lost or restored. */
  onConnection(listener: (isConnected: boolean) => void): void
  /**
   * Resolves when the connection is closed for good and not by `close()`, or the broker does not
   * allow a subscription. Neither is recoverable: the process must end with this error. Never
   * rejects.
   */
  readonly lost: Promise<WeaverError>
  close(): Promise<void>
}
