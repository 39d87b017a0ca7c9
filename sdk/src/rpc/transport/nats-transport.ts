/** `Transport` over the npm package `nats`. No other file of the SDK imports it. */
import { readFileSync } from 'node:fs'
import { connect, credsAuthenticator, DebugEvents, ErrorCode, Events, type Msg, type NatsConnection, type NatsError } from 'nats'
import type { NatsTls } from '../../contract/bootstrap.js'
import { reasonOf, WeaverError } from '../../contract/errors.js'
import type { Logger } from '../../telemetry/logger.js'
import { BrokerMove, type MoveLimits } from './broker-move.js'
import { DamagedFrames } from '../wire/damaged-frames.js'
import { HandlerFailures, isOfTheSender } from './handler-failures.js'
import { refusalOf } from './nats-refusal.js'
import { shown, userInfoOf, withoutUser } from './nats-urls.js'
import { processNow } from '../../context/process-clock.js'
import { RemoteCallError } from '../../errors/remote-call-error.js'
import type { IncomingMessage, Transport } from './transport.js'

export interface NatsTransportOptions {
  /** URLs: `nats://host:port`, or `tls://host:port`, to which nothing is said before the connection is encrypted. */
  readonly servers: readonly string[]
  /** Path of a `.creds` file, read at every (re)connect so that it may be rotated. One that cannot be read is a failed attempt like any other. */
  readonly credsFile?: string
  /** Given, even empty, a broker without TLS is refused. The files are read at every (re)connect. */
  readonly tls?: NatsTls | undefined
  /** Shown in the broker's list of connections. */
  readonly name: string
  readonly inboxPrefix: string
  readonly log: Logger
  /** How long to try to connect before giving up, in milliseconds. The identity of a new version may arrive a moment after its pods. @default 60000 */
  readonly connectTimeoutMs?: number
  /** Of the way from a server that is about to stop to another one. */
  readonly move?: MoveLimits | undefined
  readonly signal?: AbortSignal
}

const RETRY_MS = 250
/** How often it is told that there is no connection yet. */
const TELL_MS = 10_000
const NO_RESPONDERS = 503
/** Between two attempts to get a lost connection back. A broker must be found again in tens of milliseconds, and its clients must not all come at once. */
const RECONNECT_MS = 30
/** A process that the broker refuses is logged again after so many attempts: about every half minute. */
const REFUSALS_PER_LINE = 120
/** So long the processes that a server of the broker had may take to find another one: names and addresses of the one that died are still told for a while. */
const UNSETTLED_MS = 5_000
/** Nobody's: no broker that asks who connects accepts it. A user without a name would be taken for one that the broker lets in without credentials. */
const NOBODY = { user: 'weaver-credentials-unreadable', pass: '' }

/**
 * Connects, and tries again until it works or the time is over.
 * @throws WeaverError `WEAVER_NATS_CONNECT` with the last reason; `WEAVER_NATS_REFUSED` when the broker will not take these credentials; the reason of the signal, when that fires.
 */
export async function connectNats(options: NatsTransportOptions): Promise<Transport> {
  const { signal } = options
  checkUserInfo(options)
  if (signal === undefined) return connectInTime(options)
  signal.throwIfAborted()
  const connecting = connectInTime(options)
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason as Error) // of an AbortController of the SDK
      // The library cannot be told to give an attempt up.
      connecting.then((transport) => transport.close()).catch(() => undefined) // nobody waits for it any more
    }
    signal.addEventListener('abort', onAbort, { once: true })
    connecting.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject)
  })
}

async function connectInTime(options: NatsTransportOptions): Promise<Transport> {
  const started = processNow()
  const limitMs = options.connectTimeoutMs ?? 60_000
  let tellAtMs = 0
  for (let attempt = 1; ; attempt++) {
    try {
      return await dial(options)
    } catch (cause) {
      const reason = reasonOf(cause)
      const afterMs = processNow() - started
      const refusal =
        options.signal?.aborted === true ? undefined : refusalOf(options, { cause, afterMs, at: shown(options.servers).join(', ') })
      if (refusal !== undefined) throw refusal
      if (options.signal?.aborted === true || afterMs > limitMs)
        throw new WeaverError(
          'WEAVER_NATS_CONNECT',
          `no connection to NATS at ${shown(options.servers).join(', ')}: ${reason}. Check that the broker runs, ${checks(options)}.`,
          { cause },
        )
      if (afterMs >= tellAtMs) {
        const tell = attempt === 1 ? options.log.info : options.log.warn
        tell('waiting for NATS', { servers: shown(options.servers), reason })
        tellAtMs = afterMs + TELL_MS
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }
}

/** The servers of a broker are one broker. @throws WeaverError `WEAVER_NATS_CONNECT` where it is not clear who connects */
function checkUserInfo({ servers, credsFile }: NatsTransportOptions): void {
  const users = userInfoOf(servers).length
  const problem =
    users > 1
      ? 'they name different users; give all of them the same'
      : users === 1 && credsFile !== undefined
        ? `they name a user, and there are credentials in ${credsFile}; give one of the two`
        : undefined
  if (problem !== undefined) throw new WeaverError('WEAVER_NATS_CONNECT', `the URLs of NATS at ${shown(servers).join(', ')}: ${problem}`)
}

/** Who this process is to the broker, for messages. */
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

function forbiddenError(subject: string, cause: NatsError, options: NatsTransportOptions): WeaverError {
  return new WeaverError(
    'WEAVER_NATS_FORBIDDEN',
    `the broker at ${shown(options.servers).join(', ')} does not let ${userOf(options)} subscribe to "${subject}". What is sent there does not reach this process, so it ends; check the permissions of the user`,
    { cause, details: { subject } },
  )
}

/** What else may be wrong. */
function checks(options: NatsTransportOptions): string {
  const { caFile, certFile } = tlsOf(options) ?? {}
  const own = userInfoOf(options.servers).length > 0 ? 'that it knows the user in its URL' : 'and the credentials in (none given)'
  const creds = options.credsFile === undefined ? own : `and the credentials in ${options.credsFile}`
  if (tlsOf(options) === undefined) return creds
  return `that its certificate is for this host name and signed by ${caFile ?? 'an authority that Node knows (no caFile is given)'}${certFile === undefined ? '' : `, that it accepts ${certFile}`}, ${creds}`
}

/** A URL with `tls:` alone means it too: the library would fall back to plain text where the broker offers no TLS. */
function tlsOf({ tls, servers }: NatsTransportOptions): NatsTls | undefined {
  return tls ?? (servers.some((server) => server.startsWith('tls:')) ? {} : undefined)
}

async function dial(options: NatsTransportOptions): Promise<Transport> {
  const { credsFile, log } = options
  const tls = tlsOf(options)
  const [user] = userInfoOf(options.servers)
  const jitterMs = (tls === undefined ? 1 : 2) * RECONNECT_MS
  const state: DialState = { isFirst: true, refusals: 0, unreadable: undefined }
  const nc = await connect({
    servers: withoutUser(options.servers),
    ...user,
    ...(tls === undefined ? {} : { tls }),
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    ...(credsFile === undefined ? {} : { authenticator: (nonce?: string) => authenticate({ credsFile, nonce, state, log }) }),
    reconnectDelayHandler: () => Math.min(RECONNECT_MS * 2 ** state.refusals, RETRY_MS) + Math.random() * jitterMs,
    maxReconnectAttempts: -1,
    timeout: 5_000,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
  })
  state.isFirst = false
  return createNatsTransport(nc, state, options)
}

/** What the attempts to connect have met since the last one that succeeded. */
interface DialState {
  /** There was no connection yet: whoever waits for it gets the reason of each failure. */
  isFirst: boolean
  /** Attempts that the broker refused. */
  refusals: number
  /** Why the credentials could not be read, where it is logged. */
  unreadable: string | undefined
}

/**
 * Signs what the broker asks. The client library closes for good when this throws, and a file may be gone for the moment in which it is replaced: a reconnect
 * goes on as nobody, is refused, and is tried again.
 */
function authenticate(attempt: {
  readonly credsFile: string
  readonly nonce: string | undefined
  readonly state: DialState
  readonly log: Logger
}): ReturnType<ReturnType<typeof credsAuthenticator>> {
  const { credsFile, nonce, state, log } = attempt
  try {
    const signed = credsAuthenticator(readFileSync(credsFile))(nonce)
    state.unreadable = undefined
    return signed
  } catch (err) {
    if (state.isFirst) throw err
    const reason = reasonOf(err)
    if (reason !== state.unreadable) log.warn('the credentials for the broker cannot be read; trying again', { credsFile, err })
    state.unreadable = reason
    return NOBODY
  }
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

function createNatsTransport(nc: NatsConnection, state: DialState, options: NatsTransportOptions): Transport {
  const { inboxPrefix, log } = options
  const listeners = new Set<(isConnected: boolean) => void>()
  const damaged = new DamagedFrames(log, { message: 'a message cannot be understood', kind: 'other' })
  const failures = new HandlerFailures(log)
  let isConnected = true
  let isClosing = false
  let unsettledUntil = 0
  /** Those that the server names. The client's own list keeps for ever what it was given. */
  let servers: readonly string[] = nc.info?.connect_urls ?? []
  const unsettle = (): void => void (unsettledUntil = processNow() + UNSETTLED_MS)
  const changed = (now: boolean): void => {
    if (now === isConnected) return
    unsettle()
    isConnected = now
    tell()
  }
  const tell = (): void => {
    for (const listener of listeners) listener(isConnected)
  }
  const move = new BrokerMove(
    {
      onCrossing: () => changed(false),
      flush: () => nc.flush(),
      reconnect: () => void nc.reconnect(),
      onStranded(lost) {
        log.warn('no other server of the broker is reached yet; trying again', { lost })
        tell()
      },
    },
    options.move,
  )
  /** Nothing brings the next connection any more. */
  const giveMoveUp = (): void => {
    const lost = move.end().length
    if (lost > 0) log.warn('the connection to the broker is closed before another one is there; what was held for that is lost', { lost })
  }
  const send = (subject: string, data: Uint8Array, reply: string | undefined): void =>
    nc.publish(subject, data, reply === undefined ? undefined : { reply })
  const arrived = (): void => {
    state.refusals = 0
    if (nc.isDraining()) return giveMoveUp() // one that is being closed takes no subscription
    for (const { subject, data, reply } of move.end()) send(subject, data, reply)
    changed(true)
  }
  const leave = (server: unknown): void => {
    if (isClosing || !isConnected) return
    // Those that it has a route to, and not itself. Where servers keep that to themselves, nothing tells whether another one is up.
    if ((nc.info?.connect_urls ?? []).length === 0)
      return log.info('a server of the broker is about to stop and names no other; it is used until it does', { server })
    log.info('a server of the broker is about to stop; moving to another one', { server })
    void move.begin()
  }
  const refused = (reason: string, detail: NatsError['permissionContext']): void => {
    if (detail?.operation === 'subscription') return // its subscription has the error, too
    if (isConnected) return void log.warn('the broker refused something', { reason, detail })
    if (state.refusals++ % REFUSALS_PER_LINE === 0)
      log.warn('the broker refuses the connection; trying again', { reason, credsFile: options.credsFile })
  }
  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === Events.Disconnect || status.type === DebugEvents.StaleConnection) {
        move.onDisconnected()
        changed(false)
      } else if (status.type === Events.Reconnect) arrived()
      else if (status.type === Events.LDM) leave(status.data)
      else if (status.type === Events.Update) {
        const named = nc.info?.connect_urls ?? []
        if (servers.some((server) => !named.includes(server))) unsettle()
        servers = named
      } else if (status.type === Events.Error) refused(String(status.data), status.permissionContext as NatsError['permissionContext'])
    }
  })()
  let forbid: (error: WeaverError) => void
  const forbidden = new Promise<WeaverError>((resolve) => (forbid = resolve))
  const closed = nc.closed().then((reason) => {
    giveMoveUp()
    changed(false)
    if (isClosing) return new Promise<never>(() => undefined)
    return new WeaverError(
      'WEAVER_NATS_LOST',
      `the connection to NATS at ${shown(options.servers).join(', ')} is closed for good: ${reason?.message ?? 'the client library gives no reason'}. No call can reach this process any more, so it ends; its deployer starts another one`,
      { cause: reason },
    )
  })
  return {
    get isConnected() {
      return isConnected && !nc.isClosed()
    },
    get takesCalls() {
      return isConnected && move.takesCalls
    },
    get isCrossing() {
      return move.isCrossing
    },
    get unsettledUntil() {
      return unsettledUntil
    },
    inbox: inboxPrefix,
    get maxPayloadBytes() {
      return nc.info?.max_payload ?? 1_048_576
    },
    publish(subject, data, reply) {
      if (!isConnected) {
        if (move.hold(subject, data, reply)) return
        throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'there is no connection to the broker at the moment', { mayHaveRun: false })
      }
      try {
        send(subject, data, reply)
      } catch (cause) {
        throw new RemoteCallError('WEAVER_RPC_DISCONNECTED', 'the connection to the broker is closing', { mayHaveRun: false, cause })
      }
    },
    subscribe(subject, handler, subscribeOptions = {}) {
      const subscription = nc.subscribe(subject, {
        ...subscribeOptions,
        callback: (error, message) => {
          if (error !== null) {
            // The client library has closed it by now, and does not open it again.
            if (error.code === ErrorCode.PermissionsViolation && !isClosing) forbid(forbiddenError(subject, error, options))
            else log.error('a subscription failed', { subject, err: error })
            return
          }
          try {
            handler(new NatsMessage(message))
          } catch (err) {
            // The client library reads the socket in this very loop and would stop reading for good.
            if (isOfTheSender(err)) damaged.add({ subject, reason: reasonOf(err), err })
            else failures.add({ subject, err })
          }
        },
      })
      return { drain: () => subscription.drain(), unsubscribe: () => subscription.unsubscribe() }
    },
    flush: () => nc.flush(),
    onConnection: (listener) => void listeners.add(listener),
    onMove: (steps) => move.add(steps),
    lost: Promise.race([closed, forbidden]),
    async close() {
      isClosing = true
      await move.crossed()
      giveMoveUp()
      if (nc.isClosed()) return
      await nc.drain().catch((err: unknown) => log.warn('the connection to the broker is closed without a drain', { err }))
      // Without a broker the library's drain resolves and leaves it looking for one for ever.
      if (!nc.isClosed()) await nc.close()
    },
  }
}
