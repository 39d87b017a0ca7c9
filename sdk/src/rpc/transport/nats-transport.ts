/**
 * `Transport` over NATS's own client, `@nats-io/transport-node`: handles a connection made by
 * connect-nats.ts.
 */
import { readFileSync } from 'node:fs'
import { errors, type Msg, type NatsConnection, type Status } from '@nats-io/transport-node'
import type { NatsTls } from '../../contract/bootstrap.js'
import { reasonOf, WeaverError } from '../../contract/errors.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError } from '../../errors/remote-call-error.js'
import type { Logger } from '../../telemetry/logger.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { BrokerMove, type MoveLimits, type MoveSteps } from './broker-move.js'
import { HandlerFailures, isOfTheSender } from './handler-failures.js'
import type { Refused } from './retry-delay.js'
import { shown, userInfoOf } from './nats-urls.js'
import type { IncomingMessage, Subscription, Transport } from './transport.js'

export interface NatsTransportOptions {
  /** URLs: `nats://host:port`, or `tls://host:port`, which is encrypted from the first byte. */
  readonly servers: readonly string[]
  /**
   * Path of a `.creds` file, read at every (re)connect so that it can be rotated. If it cannot be
   * read, the attempt fails like any other.
   */
  readonly credsFile?: string
  /**
   * If given, even empty, a broker without TLS is rejected. The files are read at every
   * (re)connect.
   */
  readonly tls?: NatsTls | undefined
  /** Shown in the broker's list of connections. */
  readonly name: string
  readonly inboxPrefix: string
  readonly log: Logger
  /**
   * How long to try to connect, in milliseconds. The identity of a new version may arrive a moment
   * after its pods.
   * @default 60000
   */
  readonly connectTimeoutMs?: number
  /** For a move from a stopping server to another one. */
  readonly move?: MoveLimits | undefined
  readonly signal?: AbortSignal
}

const NO_RESPONDERS = 503
/** Interval of log entries while the broker rejects the process. */
const TELL_REFUSED_MS = 30_000
/**
 * How long processes of a lost broker server may take to find another one: the dead server's names
 * and addresses are still announced for a while.
 */
const UNSETTLED_MS = 5_000

/** The outcomes of attempts to connect since the last successful one. */
export interface DialState {
  /** There was no connection yet: the waiting caller receives the reason of each failure. */
  isFirst: boolean
  /** Attempts that the broker rejected, times by `processNow()`; absent: it rejected none. */
  refused: (Refused & { readonly toldMs: number }) | undefined
  /** Why the credentials could not be read, once logged. */
  unreadable: string | undefined
}

export class NatsTransport implements Transport {
  readonly inbox: string
  readonly lost: Promise<WeaverError>
  readonly #nc: NatsConnection
  readonly #state: DialState
  readonly #options: NatsTransportOptions
  readonly #listeners = new Set<(isConnected: boolean) => void>()
  readonly #damaged: DamagedFrames
  readonly #failures: HandlerFailures
  readonly #move: BrokerMove
  #isConnected = true
  #isClosing = false
  #unsettledUntil = 0
  /** The servers named by the server. The client's own list keeps forever what it was given. */
  #servers: readonly string[]
  /** Called if a subscription is not allowed. */
  #forbid: (error: WeaverError) => void = () => undefined

  constructor(nc: NatsConnection, state: DialState, options: NatsTransportOptions) {
    const { inboxPrefix, log, move } = options
    this.inbox = inboxPrefix
    this.#nc = nc
    this.#state = state
    this.#options = options
    this.#damaged = new DamagedFrames(log, { message: 'a message cannot be understood', kind: 'other' })
    this.#failures = new HandlerFailures(log)
    this.#servers = nc.info?.connect_urls ?? []
    this.#move = new BrokerMove(
      {
        onCrossing: () => this.#changed(false),
        flush: () => nc.flush(),
        reconnect: () => void nc.reconnect(),
        onStranded: (lost) => {
          log.warn('no other server of the broker is reached yet; trying again', { lost })
          this.#tell()
        },
      },
      move,
    )
    const forbidden = new Promise<WeaverError>((resolve) => (this.#forbid = resolve))
    this.lost = Promise.race([this.#closed(), forbidden])
    void this.#follow()
  }

  get isConnected(): boolean {
    return this.#isConnected && !this.#nc.isClosed()
  }

  get takesCalls(): boolean {
    return this.#isConnected && this.#move.takesCalls
  }

  get isCrossing(): boolean {
    return this.#move.isCrossing
  }

  get unsettledUntil(): number {
    return this.#unsettledUntil
  }

  get maxPayloadBytes(): number {
    return this.#nc.info?.max_payload ?? 1_048_576
  }

  publish(subject: string, data: Uint8Array, reply?: string): void {
    if (!this.#isConnected) {
      if (this.#move.hold(subject, data, reply)) return
      throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'there is no connection to the broker at the moment', { mayHaveRun: false })
    }
    try {
      this.#send(subject, data, reply)
    } catch (cause) {
      throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'the connection to the broker is closing', { mayHaveRun: false, cause })
    }
  }

  subscribe(subject: string, handler: (message: IncomingMessage) => void, options: { readonly queue?: string } = {}): Subscription {
    const subscription = this.#nc.subscribe(subject, {
      ...options,
      callback: (error, message) => {
        if (error !== null) return this.#onSubscriptionFailed(subject, error)
        try {
          handler(new NatsMessage(message))
        } catch (err) {
          // The client library reads the socket in this very loop and would stop reading for good.
          if (isOfTheSender(err)) this.#damaged.add({ subject, reason: reasonOf(err), err })
          else this.#failures.add({ subject, err })
        }
      },
    })
    return { drain: () => subscription.drain(), unsubscribe: () => subscription.unsubscribe() }
  }

  flush(): Promise<void> {
    return this.#nc.flush()
  }

  onConnection(listener: (isConnected: boolean) => void): void {
    this.#listeners.add(listener)
  }

  onMove(steps: MoveSteps): void {
    this.#move.add(steps)
  }

  async close(): Promise<void> {
    const nc = this.#nc
    this.#isClosing = true
    await this.#move.crossed()
    this.#giveMoveUp()
    if (nc.isClosed()) return
    await nc.drain().catch((err: unknown) => this.#options.log.warn('the connection to the broker is closed without a drain', { err }))
    // Without a broker the library's drain resolves, but leaves it searching forever.
    if (!nc.isClosed()) await nc.close()
  }

  #send(subject: string, data: Uint8Array, reply: string | undefined): void {
    this.#nc.publish(subject, data, reply === undefined ? undefined : { reply })
  }

  async #follow(): Promise<void> {
    for await (const status of this.#nc.status()) this.#onStatus(status)
  }

  #onStatus(status: Status): void {
    switch (status.type) {
      case 'disconnect':
      case 'staleConnection':
        this.#move.onDisconnected()
        return this.#changed(false)
      case 'reconnect':
        return this.#onReconnected()
      case 'ldm':
        return this.#onLameDuck(status.server)
      case 'update':
        return this.#onServers(this.#nc.info?.connect_urls ?? [])
      case 'error':
        return this.#onRefused(status.error)
    }
  }

  #onReconnected(): void {
    this.#state.refused = undefined
    if (this.#nc.isDraining()) return this.#giveMoveUp() // a closing connection accepts no subscription
    for (const { subject, data, reply } of this.#move.end()) this.#send(subject, data, reply)
    this.#changed(true)
  }

  #onLameDuck(server: string): void {
    const { log } = this.#options
    if (this.#isClosing || !this.#isConnected) return
    // The servers that it has a route to, without itself. If servers do not announce that, nothing
    // tells whether another one is up.
    if ((this.#nc.info?.connect_urls ?? []).length === 0)
      return log.info('a server of the broker is about to stop and names no other; it is used until it does', { server })
    log.info('a server of the broker is about to stop; moving to another one', { server })
    void this.#move.begin()
  }

  #onServers(named: readonly string[]): void {
    if (this.#servers.some((server) => !named.includes(server))) this.#unsettle()
    this.#servers = named
  }

  #onRefused(error: Error): void {
    const { credsFile, log } = this.#options
    const { message: reason } = error
    if (error instanceof errors.PermissionViolationError && error.operation === 'subscription') return // its subscription has the error, too
    if (this.#isConnected) return log.warn('the broker refused something', { reason })
    const now = processNow()
    const { sinceMs = now, toldMs = -Infinity, times = 0 } = this.#state.refused ?? {}
    const isTold = now - toldMs < TELL_REFUSED_MS
    this.#state.refused = { sinceMs, toldMs: isTold ? toldMs : now, times: times + 1 }
    if (!isTold) log.warn('the broker refuses the connection; trying again', { reason, credsFile })
  }

  /** The client library has closed the subscription, and does not reopen it. */
  #onSubscriptionFailed(subject: string, error: Error): void {
    if (error instanceof errors.PermissionViolationError && !this.#isClosing) this.#forbid(forbiddenError(subject, error, this.#options))
    else this.#options.log.error('a subscription failed', { subject, err: error })
  }

  #changed(isConnected: boolean): void {
    if (isConnected === this.#isConnected) return
    this.#unsettle()
    this.#isConnected = isConnected
    this.#tell()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#isConnected)
  }

  #unsettle(): void {
    this.#unsettledUntil = processNow() + UNSETTLED_MS
  }

  /** There will be no next connection. */
  #giveMoveUp(): void {
    const lost = this.#move.end().length
    if (lost > 0)
      this.#options.log.warn('the connection to the broker is closed before another one is there; what was held for that is lost', { lost })
  }

  /** Resolves when the connection is closed for good, and not by `close()`. */
  async #closed(): Promise<WeaverError> {
    const reason = await this.#nc.closed()
    this.#giveMoveUp()
    this.#changed(false)
    if (this.#isClosing) return new Promise<never>(() => undefined)
    return new WeaverError(
      'WEAVER_NATS_LOST',
      `the connection to NATS at ${shown(this.#options.servers).join(', ')} is closed for good: ${reason?.message ?? 'the client library gives no reason'}. No call can reach this process any more, so it ends; its deployer starts another one`,
      { cause: reason },
    )
  }
}

/**
 * The library decodes subjects to text on request: an answer is identified by its number, so no
 * request is made.
 */
class NatsMessage implements IncomingMessage {
  readonly #message: Msg
  readonly data: Uint8Array

  constructor(message: Msg) {
    this.#message = message
    this.data = message.data
  }

  get subject(): string {
    return this.#message.subject
  }

  get reply(): string | undefined {
    const { reply } = this.#message
    return reply === undefined || reply === '' ? undefined : reply
  }

  get isNoResponders(): boolean {
    return this.data.length === 0 && this.#message.headers?.code === NO_RESPONDERS
  }
}

/** The user as known to the broker, for messages. */
function userOf({ servers, credsFile }: NatsTransportOptions): string {
  const [user] = userInfoOf(servers)
  if (user !== undefined) return 'user' in user ? `user "${user.user}"` : 'the token in its URL'
  if (credsFile === undefined) return 'a user without credentials'
  try {
    const [, claims = ''] = /^[\w-]+\.([\w-]+)\.[\w-]*$/m.exec(readFileSync(credsFile, 'utf8')) ?? []
    const { name } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly name?: unknown }
    if (typeof name === 'string') return `user "${name}" of ${credsFile}`
  } catch {
    // The file may be gone, or hold another kind of credentials: its path says enough.
  }
  return `the user of ${credsFile}`
}

function forbiddenError(subject: string, cause: Error, options: NatsTransportOptions): WeaverError {
  return new WeaverError(
    'WEAVER_NATS_FORBIDDEN',
    `the broker at ${shown(options.servers).join(', ')} does not let ${userOf(options)} subscribe to "${subject}". What is sent there does not reach this process, so it ends; check the permissions of the user`,
    { cause, details: { subject } },
  )
}
