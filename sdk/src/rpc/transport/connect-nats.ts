/**
 * Connects to a broker, and configures how the client library restores a lost connection.
 * nats-transport.ts uses the connection.
 */
import { readFileSync } from 'node:fs'
import { connect, type JwtAuth, type UserPass } from '@nats-io/transport-node'
import type { NatsTls } from '../../contract/bootstrap.js'
import { reasonOf, WeaverError } from '../../contract/errors.js'
import { processNow } from '../../context/process-clock.js'
import type { Logger } from '../../telemetry/logger.js'
import { refusalOf } from './nats-refusal.js'
import { answerOf } from './nkey.js'
import { NatsTransport, type DialState, type NatsTransportOptions } from './nats-transport.js'
import { reconnectDelayMs, RECONNECT_MS, retryDelayMs } from './retry-delay.js'
import { shown, userInfoOf, withoutUser } from './nats-urls.js'
import type { Transport } from './transport.js'

/** Interval of log entries while there is no connection yet. */
const TELL_MS = 10_000
/**
 * A user that no broker with authentication accepts. Without a name the process could pass as a
 * user that the broker admits without credentials.
 */
const NOBODY = { user: 'weaver-credentials-unreadable', pass: '' }

/**
 * Connects, retrying until it succeeds or the time is over.
 * @throws WeaverError `WEAVER_NATS_CONNECT` with the last reason; `WEAVER_NATS_REFUSED` when the
 * broker rejects these credentials; the signal's reason when it aborts.
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
      // The library cannot cancel an attempt.
      connecting.then((transport) => transport.close()).catch(() => undefined) // nothing waits for it any more
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
      await new Promise((resolve) => setTimeout(resolve, retryDelayMs(afterMs)))
    }
  }
}

/**
 * All servers of a broker have the same users.
 * @throws WeaverError `WEAVER_NATS_CONNECT` if the user is ambiguous
 */
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

/** Further possible causes, for messages. */
function checks(options: NatsTransportOptions): string {
  const { caFile, certFile } = tlsOf(options) ?? {}
  const own = userInfoOf(options.servers).length > 0 ? 'that it knows the user in its URL' : 'and the credentials in (none given)'
  const creds = options.credsFile === undefined ? own : `and the credentials in ${options.credsFile}`
  if (tlsOf(options) === undefined) return creds
  return `that its certificate is for this host name and signed by ${caFile ?? 'an authority that Node knows (no caFile is given)'}${certFile === undefined ? '' : `, that it accepts ${certFile}`}, ${creds}`
}

/**
 * A `tls:` URL also requires TLS: the library would fall back to plain text if the broker offers
 * none.
 */
function tlsOf({ tls, servers }: NatsTransportOptions): NatsTls | undefined {
  return tls ?? (servers.some((server) => server.startsWith('tls:')) ? {} : undefined)
}

async function dial(options: NatsTransportOptions): Promise<Transport> {
  const { credsFile, log } = options
  const tls = tlsOf(options)
  const [user] = userInfoOf(options.servers)
  const jitterMs = (tls === undefined ? 1 : 2) * RECONNECT_MS
  const state: DialState = { isFirst: true, refused: undefined, unreadable: undefined }
  const nc = await connect({
    servers: withoutUser(options.servers),
    ...user,
    ...(tls === undefined ? {} : { tls }),
    name: options.name,
    inboxPrefix: options.inboxPrefix,
    ...(credsFile === undefined ? {} : { authenticator: (nonce?: string) => authenticate({ credsFile, nonce, state, log }) }),
    reconnectDelayHandler: () => reconnectDelayMs(state.refused, processNow()) + Math.random() * jitterMs,
    maxReconnectAttempts: -1,
    timeout: 5_000,
    pingInterval: 10_000,
    noAsyncTraces: true,
    ignoreAuthErrorAbort: true,
  })
  state.isFirst = false
  return new NatsTransport(nc, state, options)
}

/**
 * Signs the broker's challenge. The client library closes for good if this throws, and a file may
 * be missing for a moment while it is replaced: the reconnect then uses a user that is refused, and
 * is retried.
 */
function authenticate(attempt: {
  readonly credsFile: string
  readonly nonce: string | undefined
  readonly state: DialState
  readonly log: Logger
}): JwtAuth | UserPass {
  const { credsFile, nonce, state, log } = attempt
  try {
    const signed = answerOf(readFileSync(credsFile, 'utf8'), nonce)
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
