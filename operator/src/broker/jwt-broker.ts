/**
 * NATS in operator mode: a version is an account, a colocation group a user in it. Accounts are pushed to every server over the system account, and closed with
 * the version, which ends all of its connections.
 *
 * I1  An account ends by a newer claim that admits nobody, not by `$SYS.REQ.CLAIMS.DELETE`: a server that was down then would come back with the old claim and
 *     give it to all the others, who have nothing newer to hold against it. Servers drop the closing claim by themselves after `CLOSED_FOR_S`.
 * I2  Nothing is sent while the connection is down: it would be buffered, and a claim that is out of date would go out at the reconnect.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { encodeAccount, encodeUser, fmtCreds } from '@nats-io/jwt'
import { fromSeed } from '@nats-io/nkeys'
import { groupPermissions, WeaverError } from '@weaver/sdk/contract'
import type { Logger } from '../log.js'
import type { Broker, BrokerGroup, VersionIdentity } from './broker.js'
import { UNLIMITED } from './keygen.js'
import { connectBroker, type BrokerConnection } from './nats-connection.js'
import { deriveVersionKeys, type VersionKeys } from './version-keys.js'
import { WeaveletAsker } from './weavelet-asker.js'

const PUSH_WAIT_MS = 2_000
const PING_WAIT_MS = 300
const PUSH_AT_ONCE = 16
const PUSH_AGAIN_MS = { first: 500, most: 5_000 } as const
const REPLY = '_INBOX.weaver-operator'
/** Longest time that a server may be away and still learn, when it is back, that an account was closed. Each closed account takes one file on each server so long. */
const CLOSED_FOR_S = 7 * 24 * 3600
/** Users whose claim is older than this are refused; in seconds since 1970, the year 9999. */
const ALL_TIME_S = 253_402_300_799

export interface JwtBrokerOptions {
  readonly servers: readonly string[]
  /** `operator.seed` of the Secret that keygen made. */
  readonly operatorSeed: string
  /** `system.creds` of it. */
  readonly systemCreds: string
  readonly log: Logger
}

/** Connects to the system account, and keeps trying while the broker is not up. */
export async function startJwtBroker(options: JwtBrokerOptions): Promise<Broker> {
  const { servers, log } = options
  const seed = new TextEncoder().encode(options.operatorSeed.trim())
  const operator = fromSeed(seed)
  const system = await connectBroker({ servers, creds: options.systemCreds, name: 'weaver-operator system', keepsTrying: true })
  const asker = new WeaveletAsker(servers, async (identity) => credsOf(deriveVersionKeys(seed, identity), 'operator'))

  const ensureVersion = async (identity: VersionIdentity, signal?: AbortSignal): Promise<void> => {
    const { account } = deriveVersionKeys(seed, identity)
    const jwt = await encodeAccount(identity.deploymentId, account, { limits: UNLIMITED }, { signer: operator })
    await tellServers(system, {
      servers,
      jwt,
      what: `the account of deployment "${identity.deploymentId}"`,
      signal,
    })
  }
  /** Deployments whose accounts were closed: what is pushed in the background leaves them closed, whatever else still names them. */
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
    ensureVersion(identity, signal) {
      closed.delete(identity.deploymentId)
      return ensureVersion(identity, signal)
    },
    async groupCredentials(identity, group) {
      return credsOf(deriveVersionKeys(seed, identity), group, groupPermissions(identity.deploymentId, group))
    },
    async removeVersion(identity, signal) {
      closed.add(identity.deploymentId)
      await asker.forget(identity)
      const { account } = deriveVersionKeys(seed, identity)
      // I1
      const jwt = await encodeAccount(
        identity.deploymentId,
        account,
        { limits: UNLIMITED, revocations: { '*': ALL_TIME_S } },
        { signer: operator, exp: Math.floor(Date.now() / 1000) + CLOSED_FOR_S },
      )
      await tellServers(system, {
        servers,
        jwt,
        what: `the end of the account of deployment "${identity.deploymentId}"`,
        signal,
      })
    },
    weavelets: (identity, ask) => asker.ask(identity, ask),
    connectTo: async (identity) =>
      connectBroker({
        servers,
        creds: await credsOf(deriveVersionKeys(seed, identity), 'operator'),
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

/** Makes all accounts known to the servers; what they do not take, while many start at once, is told and tried again, less and less often. */
async function pushUntilTaken(options: {
  readonly versions: () => readonly VersionIdentity[]
  readonly ensureVersion: (identity: VersionIdentity) => Promise<void>
  /** A version that was closed must not be opened again. */
  readonly isClosed: (identity: VersionIdentity) => boolean
  readonly isOver: () => boolean
  readonly log: Logger
}): Promise<void> {
  const { versions, ensureVersion, isClosed, isOver, log } = options
  let left = [...versions()]
  log.info('accounts are pushed to the broker', { accounts: left.length })
  for (let waitMs: number = PUSH_AGAIN_MS.first; left.length > 0 && !isOver(); waitMs = Math.min(waitMs * 2, PUSH_AGAIN_MS.most)) {
    const failed: VersionIdentity[] = []
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
    log.warn('accounts could not be pushed; it is tried again', {
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

/** A `.creds` file. The JWT's time of issue differs from call to call; the key, and what it may do, do not. */
async function credsOf(
  keys: VersionKeys,
  group: BrokerGroup | 'operator',
  permissions?: { readonly publish: readonly string[]; readonly subscribe: readonly string[] },
): Promise<string> {
  const [name, user] = group === 'operator' ? ['operator', keys.operator] : [group.name, keys.group(group.name)]
  const allowed = permissions === undefined ? {} : { pub: { allow: [...permissions.publish] }, sub: { allow: [...permissions.subscribe] } }
  const jwt = await encodeUser(name, user, keys.account, { ...allowed, subs: -1, data: -1, payload: -1 })
  return new TextDecoder().decode(fmtCreds(jwt, user))
}

/**
 * Gives a claim to every server and counts their answers.
 * @throws WeaverError `WEAVER_BROKER_PUSH` when a server that is up did not take it, `WEAVER_BROKER_NOT_CONNECTED` (I2).
 */
async function tellServers(
  system: BrokerConnection,
  claim: { readonly servers: readonly string[]; readonly jwt: string; readonly what: string; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { signal } = claim
  const servers = (await system.ask('$SYS.REQ.SERVER.PING', '', { reply: REPLY, isEnough: () => false, waitMs: PING_WAIT_MS, signal }))
    .length
  if (servers === 0)
    throw new WeaverError(
      'WEAVER_BROKER_PUSH',
      `no server of the broker at ${claim.servers.join(', ')} answers, so none took ${claim.what}; it is tried again`,
    )
  let heard = 0
  const isEnough = (): boolean => (heard += 1) >= servers
  const answers = await system.ask('$SYS.REQ.CLAIMS.UPDATE', claim.jwt, { reply: REPLY, isEnough, waitMs: PUSH_WAIT_MS, signal })
  const refused = answers
    .map((text) => JSON.parse(text) as { readonly error?: { readonly description?: string }; readonly data?: { readonly code?: number } })
    .filter((answer) => answer.error !== undefined)
  const [first] = refused
  if (first !== undefined)
    throw new WeaverError(
      'WEAVER_BROKER_PUSH',
      `the broker refused ${claim.what}: ${first.error?.description ?? 'no reason given'}. Are the operator's seed and the servers' auth.conf of one keygen?`,
    )
  if (answers.length < servers)
    throw new WeaverError(
      'WEAVER_BROKER_PUSH',
      `${answers.length} of ${servers} servers of the broker took ${claim.what}; it is tried again`,
    )
}
