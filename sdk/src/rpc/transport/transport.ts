import type { WeaverError } from '../../contract/errors.js'
import type { MoveSteps } from './broker-move.js'

/** The port to the broker. Only connect-nats.ts, nats-transport.ts and nats-refusal.ts import a client library. */
export interface IncomingMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly reply: string | undefined
  /** The broker's word that nobody listens on the subject that was asked; the message itself is empty. */
  readonly isNoResponders: boolean
}

export interface Subscription {
  /** Stops receiving; resolves when everything that had arrived was handed to the handler. */
  drain(): Promise<void>
  unsubscribe(): void
}

export interface Transport {
  readonly isConnected: boolean
  /** Whether new calls may be sent: not without a connection, and not shortly before it is exchanged for one to another server of the broker. */
  readonly takesCalls: boolean
  /** The connection was given up for one to another server. Nothing that is under way is lost yet. */
  readonly isCrossing: boolean
  /** What the inboxes of this process begin with, without a dot at the end: the broker lets it hear no others. */
  readonly inbox: string
  /**
   * Until when replicas may be on their way back: a server of the broker has just gone, with the connections of those that it had. The time of
   * `processNow()`; 0 where nothing is known of such a thing.
   */
  readonly unsettledUntil: number
  /** Largest message in bytes. */
  readonly maxPayloadBytes: number
  /**
   * Hands a message to the broker; it is on its way, not arrived.
   * @throws RemoteCallError `WEAVER_RPC_DISCONNECTED` while there is no connection, unless it is between two servers: the client would lose it silently.
   */
  publish(subject: string, data: Uint8Array, reply?: string): void
  /** What is to be done before the connection moves to another server of the broker. It waits for that, within limits. */
  onMove(steps: MoveSteps): void
  subscribe(subject: string, handler: (message: IncomingMessage) => void, options?: { readonly queue?: string }): Subscription
  /** Resolves when the broker has seen everything that was sent before. */
  flush(): Promise<void>
  /** Told of each loss and each return of the connection. */
  onConnection(listener: (isConnected: boolean) => void): void
  /**
   * Resolves when the connection is closed for good and not by `close()`, or the broker does not allow a
   * subscription. Nothing brings them back: the process is to end with this error. Never rejects.
   */
  readonly lost: Promise<WeaverError>
  close(): Promise<void>
}
