/** `Transport` over the npm package `nats`. No other file of the SDK imports it. */
import { readFileSync } from 'node:fs'
import { connect, credsAuthenticator, DebugEvents, Events, type Msg, type NatsConnection } from 'nats'
import type { NatsTls } from '../contract/bootstrap.js'
import { WeaverError } from '../contract/errors.js'
import type { Logger } from '../telemetry/logger.js'
import { RemoteCallError } from './remote-call-error.js'
import type { IncomingMessage, Transport } from './transport.js'

export interface NatsTransportOptions {
  /** URLs: `nats://host:port`, or `tls://host:port`, to which nothing is said before the connection is encrypted. */
  readonly servers: readonly string[]
  /** Path of a `.creds` file, read at every (re)connect so that it may be rotated. */
  readonly credsFile?: string
  /** Given, even empty, a broker without TLS is refused. The files are read at every (re)connect. */
  readonly tls?: NatsTls | undefined
  /** Shown in the broker's list of connections. */
  readonly name: string
  readonly inboxPrefix: string
  readonly log: Logger
  /** How long to try to connect before giving up, in milliseconds. The identity of a new version may arrive a moment after its pods. @default 60000 */
  readonly connectTimeoutMs?: number
  readonly signal?: AbortSignal
}

const RETRY_MS = 250
const NO_RESPONDERS = 503

/**
 * Connects, and tries again until it works or the time is over.
 * @throws WeaverError `WEAVER_NATS_CONNECT` with the last reason.
 */
export async function connectNats(options: NatsTransportOptions): Promise<Transport> {
  const limit = Date.now() + (options.connectTimeoutMs ?? 60_000)
  for (let attempt = 1; ; attempt++) {
    try {
      return createNatsTransport(await dial(options), options.log)
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      if (options.signal?.aborted === true || Date.now() > limit)
        throw new WeaverError(
          'WEAVER_NATS_CONNECT',
          `no connection to NATS at ${shown(options.servers).join(', ')}: ${reason}. Check that the broker runs, ${checks(options)}.`,
          { cause },
        )
      if (attempt === 1 || attempt % 20 === 0) options.log.info('waiting for NATS', { servers: shown(options.servers), reason })
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** URLs as they may be told: without user and password. */
function shown(servers: readonly string[]): readonly string[] {
  return servers.map((server) => server.replace(/^([a-z]+:\/\/)?[^/]*@/, '$1***@'))
}

/** What else may be wrong. */
function checks(options: NatsTransportOptions): string {
  const { caFile, certFile } = tlsOf(options) ?? {}
  const creds = `and the credentials in ${options.credsFile ?? '(none given)'}`
  if (tlsOf(options) === undefined) return creds
  return `that its certificate is for this host name and signed by ${caFile ?? 'an authority that Node knows (no caFile is given)'}${certFile === undefined ? '' : `, that it accepts ${certFile}`}, ${creds}`
}

/** A URL with `tls:` alone means it too: the library would fall back to plain text where the broker offers no TLS. */
function tlsOf({ tls, servers }: NatsTransportOptions): NatsTls | undefined {
  return tls ?? (servers.some((server) => server.startsWith('tls:')) ? {} : undefined)
}

async function dial(options: NatsTransportOptions): Promise<NatsConnection> {
  const { credsFile } = options
  const tls = tlsOf(options)
  return connect({
    servers: [...options.servers],
    ...(tls === undefined ? {} : { tls }),
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    ...(credsFile === undefined ? {} : { authenticator: (nonce?: string) => credsAuthenticator(readFileSync(credsFile))(nonce) }),
    // A lost broker must be back in tens of milliseconds, and its clients must not all come at once.
    reconnectTimeWait: 30,
    reconnectJitter: 30,
    reconnectJitterTLS: 60,
    maxReconnectAttempts: -1,
    timeout: 5_000,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
  })
}

/** Subjects are text that the library decodes when it is asked: an answer is told by its number, so nobody asks. */
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

function createNatsTransport(nc: NatsConnection, log: Logger): Transport {
  const listeners = new Set<(isConnected: boolean) => void>()
  let isConnected = true
  const changed = (now: boolean): void => {
    if (now === isConnected) return
    isConnected = now
    for (const listener of listeners) listener(now)
  }
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === Events.Disconnect || status.type === DebugEvents.StaleConnection) changed(false)
      else if (status.type === Events.Reconnect) {
        if (!nc.isDraining()) changed(true) // one that is being closed takes no subscription
      } else if (status.type === Events.Error)
        log.warn('the broker refused something', { reason: String(status.data), detail: status.permissionContext })
    }
  })()
  void nc.closed().then((error) => {
    changed(false)
    if (error !== undefined) log.error('the connection to the broker is closed for good', { err: error })
  })
  return {
    get isConnected() {
      return isConnected && !nc.isClosed()
    },
    get maxPayloadBytes() {
      return nc.info?.max_payload ?? 1_048_576
    },
    publish(subject, data, reply) {
      if (!isConnected)
        throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'there is no connection to the broker at the moment', { mayHaveRun: false })
      try {
        nc.publish(subject, data, reply === undefined ? undefined : { reply })
      } catch (cause) {
        throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'the connection to the broker is closing', { mayHaveRun: false, cause })
      }
    },
    subscribe(subject, handler, subscribeOptions = {}) {
      const subscription = nc.subscribe(subject, {
        ...subscribeOptions,
        callback: (error, message) => {
          if (error !== null) {
            log.error('a subscription failed', { subject, err: error })
            return
          }
          try {
            handler(new NatsMessage(message))
          } catch (err) {
            // The client library reads the socket in this very loop and would stop reading for good.
            log.error('a message could not be handled', { subject, err })
          }
        },
      })
      return { drain: () => subscription.drain(), unsubscribe: () => subscription.unsubscribe() }
    },
    flush: () => nc.flush(),
    onConnection: (listener) => void listeners.add(listener),
    async close() {
      if (nc.isClosed()) return
      await nc.drain().catch((err: unknown) => log.warn('the connection to the broker is closed without a drain', { err }))
      // Without a broker the library's drain resolves and leaves it looking for one for ever.
      if (!nc.isClosed()) await nc.close()
    },
  }
}
