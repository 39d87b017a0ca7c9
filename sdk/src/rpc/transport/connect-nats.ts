/** The way to a broker: the first connection, and how the client library gets a lost one back. What happens on it: nats-transport.ts. */
import { readFileSync } from 'node:fs'
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import type { NatsTls } from '../../contract/bootstrap.js'
import { reasonOf, WeaverError } from '../../contract/errors.js'
import { processNow } from '../../context/process-clock.js'
import type { Logger } from '../../telemetry/logger.js'
import { refusalOf } from './nats-refusal.js'
import { NatsTransport, type DialState, type NatsTransportOptions } from './nats-transport.js'
import { shown, userInfoOf, withoutUser } from './nats-urls.js'
import type { Transport } from './transport.js'

const RETRY_MS = 250
/** How often it is told that there is no connection yet. */
const TELL_MS = 10_000
/** Between two attempts to get a lost connection back. A broker must be found again in tens of milliseconds, and its clients must not all come at once. */
const RECONNECT_MS = 30
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
  return new NatsTransport(nc, state, options)
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
