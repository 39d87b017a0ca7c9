/**
 * NATS in operator mode: a version is an account, a colocation group a user in it. Accounts are
 * pushed to every server over the system account, and closed with the version, which ends all of
 * its connections.
 *
 * I1  An account ends by a newer claim that admits no client, not by `$SYS.REQ.CLAIMS.DELETE`: a
 *     server that was down then would return with the old claim and spread it to the others, which
 *     have nothing newer. Servers drop the closing claim by themselves after `CLOSED_FOR_S`.
 * I2  Nothing is sent while the connection is down: it would be buffered, and an outdated claim
 *     would go out at the reconnect.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { operatorError } from '../errors/catalogue.js'
import type { Logger } from '../log/logger.js'
import type { Broker, BrokerVersion } from './broker.js'
import { connectBroker, type BrokerConnection } from './nats-connection.js'
import { nkeyFromSeed } from '@weaver/sdk/internal'
import { encodeClosedAccount, encodeVersionAccount, groupCreds, operatorCreds } from './version-account.js'
import { deriveVersionKeys } from './version-keys.js'
import { WeaveletAsker } from './weavelet-asker.js'

const PUSH_WAIT_MS = 2_000
const PING_WAIT_MS = 300
const PUSH_AT_ONCE = 16
const PUSH_AGAIN_MS = { first: 500, most: 5_000 } as const
const REPLY = '_INBOX.weaver-operator'
/**
 * Longest time that a server may be down and still learn, when it is back, that an account was
 * closed. Each closed account occupies one file on each server for that time.
 */
const CLOSED_FOR_S = 7 * 24 * 3600

export interface JwtBrokerOptions {
  readonly servers: readonly string[]
  /** `operator.seed` of the Secret that keygen made. */
  readonly operatorSeed: string
  /** `system.creds` of it. */
  readonly systemCreds: string
  readonly log: Logger
}

/** Connects to the system account; retries while the broker is down. */
export async function startJwtBroker(options: JwtBrokerOptions): Promise<Broker> {
  const { servers, log } = options
  const seed = new TextEncoder().encode(options.operatorSeed.trim())
  const operator = nkeyFromSeed(options.operatorSeed.trim())
  const system = await connectBroker({ servers, creds: options.systemCreds, name: 'weaver-operator system', keepsTrying: true })
  const asker = new WeaveletAsker(servers, (identity) => operatorCreds(deriveVersionKeys(seed, identity)))

  const ensureVersion = async (version: BrokerVersion, signal?: AbortSignal): Promise<void> => {
    const what = `the account of deployment "${version.deploymentId}"`
    const check = (bytes: number): void => failIfTooLarge({ what, bytes, maxBytes: system.maxPayloadBytes, servers })
    const jwt = await encodeVersionAccount(version, deriveVersionKeys(seed, version), { operator, check })
    check(jwt.length)
    await tellServers(system, { servers, jwt, what, signal })
  }
  /**
   * Deployments whose accounts were closed: pushes in the background leave them closed, whatever
   * else still names them.
   */
  const closed = new Set<string>()
  let round = 0
  /** Rounds end with the connection, and when a newer one begins. */
  const startRound = (): (() => boolean) => {
    const own = (round += 1)
    return () => own !== round || system.isClosed
  }
  const broker: Broker = {
    isolation: 'account-per-version',
    servers,
    ensureVersion(version, signal) {
      closed.delete(version.deploymentId)
      return ensureVersion(version, signal)
    },
    groupCredentials: (identity, group) => groupCreds(deriveVersionKeys(seed, identity), group),
    async removeVersion(identity, signal) {
      closed.add(identity.deploymentId)
      await asker.forget(identity)
      // I1
      const jwt = await encodeClosedAccount(identity, { keys: deriveVersionKeys(seed, identity), operator, forS: CLOSED_FOR_S })
      await tellServers(system, {
        servers,
        jwt,
        what: `the end of the account of deployment "${identity.deploymentId}"`,
        signal,
      })
    },
    weavelets: (identity, ask) => asker.ask(identity, ask),
    metrics: (identity, question) => asker.metrics(identity, question),
    connectTo: async (identity) =>
      connectBroker({
        servers,
        creds: await operatorCreds(deriveVersionKeys(seed, identity)),
        name: 'weaver-operator control',
        keepsTrying: false,
        onError: (err) => log.warn('a subscription of the operator failed', { deploymentId: identity.deploymentId, err }),
      }),
    onReconnect(versions) {
      const push = (): void =>
        void pushUntilTaken({
          versions,
          ensureVersion,
          isClosed: ({ deploymentId }) => closed.has(deploymentId),
          isOver: startRound(),
          log,
        })
      system.onReconnect(push)
      push()
    },
    async close() {
      await asker.close()
      await system.close()
    },
  }
  return broker
}

/**
 * Pushes all accounts to the servers; a push that they do not accept, for instance while many start
 * at once, is logged and retried with back-off.
 */
async function pushUntilTaken(options: {
  readonly versions: () => readonly BrokerVersion[]
  readonly ensureVersion: (version: BrokerVersion) => Promise<void>
  /** A version that was closed must not be opened again. */
  readonly isClosed: (version: BrokerVersion) => boolean
  readonly isOver: () => boolean
  readonly log: Logger
}): Promise<void> {
  const { versions, ensureVersion, isClosed, isOver, log } = options
  let left = [...versions()]
  log.info('accounts are pushed to the broker', { accounts: left.length })
  for (let waitMs: number = PUSH_AGAIN_MS.first; left.length > 0 && !isOver(); waitMs = Math.min(waitMs * 2, PUSH_AGAIN_MS.most)) {
    const failed: BrokerVersion[] = []
    let reason: unknown
    const work = async (): Promise<void> => {
      for (let identity = left.pop(); identity !== undefined && !isOver(); identity = left.pop()) {
        if (isClosed(identity)) continue
        try {
          await ensureVersion(identity)
        } catch (error) {
          failed.push(identity)
          reason ??= error
        }
      }
    }
    await Promise.all(Array.from({ length: Math.min(PUSH_AT_ONCE, left.length) }, work))
    if (failed.length === 0) return
    log.warn('accounts could not be pushed; the push is retried', {
      accounts: failed.length,
      first: failed[0]?.deploymentId,
      waitMs,
      err: reason,
    })
    await pause(waitMs)
    const wanted = new Set(versions().map((identity) => identity.deploymentId))
    left = failed.filter((identity) => wanted.has(identity.deploymentId))
  }
}

/** @throws WeaverError `WEAVER_BROKER_ACCOUNT_TOO_LARGE`. */
function failIfTooLarge(claim: {
  readonly what: string
  readonly bytes: number
  readonly maxBytes: number
  readonly servers: readonly string[]
}): void {
  const { what, bytes, maxBytes, servers } = claim
  if (bytes <= maxBytes) return
  throw operatorError(
    'WEAVER_BROKER_ACCOUNT_TOO_LARGE',
    `${what} has at least ${bytes} bytes, and the broker at ${servers.join(', ')} takes messages of ${maxBytes}: each pair of groups that call each other adds to it. Put components that call each other into one group ("groups" of the WeaverApp), or raise max_payload of the broker`,
  )
}

/**
 * Gives a claim to every server and counts their answers.
 * @throws WeaverError `WEAVER_BROKER_PUSH` when a server that is up did not take it,
 * `WEAVER_BROKER_NOT_CONNECTED` (I2).
 */
async function tellServers(
  system: BrokerConnection,
  claim: { readonly servers: readonly string[]; readonly jwt: string; readonly what: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = claim
  const servers = (await system.ask('$SYS.REQ.SERVER.PING', '', { reply: REPLY, isEnough: () => false, waitMs: PING_WAIT_MS, signal }))
    .length
  if (servers === 0)
    throw operatorError(
      'WEAVER_BROKER_PUSH',
      `no server of the broker at ${claim.servers.join(', ')} answers, so none accepted ${claim.what}; the push is retried`,
    )
  let heard = 0
  const isEnough = (): boolean => (heard += 1) >= servers
  const answers = await system.ask('$SYS.REQ.CLAIMS.UPDATE', claim.jwt, { reply: REPLY, isEnough, waitMs: PUSH_WAIT_MS, signal })
  const refused = answers
    .map((text) => JSON.parse(text) as { readonly error?: { readonly description?: string }; readonly data?: { readonly code?: number } })
    .filter((answer) => answer.error !== undefined)
  const [first] = refused
  if (first !== undefined)
    throw operatorError(
      'WEAVER_BROKER_PUSH',
      `the broker refused ${claim.what}: ${first.error?.description ?? 'no reason given'}. Are the operator's seed and the servers' auth.conf of one keygen?`,
    )
  if (answers.length < servers)
    throw operatorError(
      'WEAVER_BROKER_PUSH',
      `${answers.length} of ${servers} servers of the broker accepted ${claim.what}; the push is retried`,
    )
}
