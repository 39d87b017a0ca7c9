/**
 * What the broker gets for a version: the JWT of its account, and the `.creds` files of its users.
 *
 * A group's permissions are in the account, as the template of the group's own signing key, and the
 * user's JWT only names that key. A user's JWT is part of its CONNECT, which must fit into the
 * broker's control line (4 KiB); one that listed its subjects exceeded that at a dozen components.
 * The account goes as a message, whose limit is `max_payload`.
 *
 * I1  A version's templates never change: a server closes all connections of a key whose template
 *     has changed.
 */
import { encodeAccount, encodeUser, fmtCreds, newScopedSigner } from '@nats-io/jwt'
import type { KeyPair } from '@nats-io/nkeys'
import { groupPermissions } from '@weaver/sdk/contract'
import type { BrokerVersion } from './broker.js'
import type { VersionIdentity } from '../desired/version-identity.js'
import { UNLIMITED } from './keygen.js'
import type { VersionKeys } from './version-keys.js'

/**
 * In templates, the broker puts the account's name here: the deployment id, which may be three
 * times as long.
 */
const ACCOUNT_NAME = '{{account-name()}}'
/** Of what limits a user by count or size, nothing. */
const NO_LIMITS = { subs: -1, data: -1, payload: -1 } as const
/** Users whose claim is older than this are refused; in seconds since 1970, the year 9999. */
const ALL_TIME_S = 253_402_300_799

/**
 * The JWT of the account of a running version. Signing time grows with its size, so what is too
 * large is refused before.
 * @param options.check is called with its minimum size in bytes
 */
export async function encodeVersionAccount(
  version: BrokerVersion,
  keys: VersionKeys,
  { operator, check }: { readonly operator: KeyPair; readonly check: (bytes: number) => void },
): Promise<string> {
  const { deploymentId, groups, layout } = version
  const own = `wv.${deploymentId}.`
  const template = (subjects: readonly string[]): { readonly allow: string[] } => ({
    allow: subjects.map((subject) => (subject.startsWith(own) ? `wv.${ACCOUNT_NAME}.${subject.slice(own.length)}` : subject)),
  })
  const signers = groups.map((group) => {
    const { publish, subscribe } = groupPermissions(deploymentId, group, { groups, layout })
    return newScopedSigner(keys.signer(group.name), group.name, { pub: template(publish), sub: template(subscribe), ...NO_LIMITS })
  })
  // Base64 of a JSON that has them in it.
  check(Math.ceil((JSON.stringify(signers).length * 4) / 3))
  return encodeAccount(deploymentId, keys.account, { limits: UNLIMITED, signing_keys: signers }, { signer: operator })
}

/** The JWT of an account that admits no client; servers forget it after `forS` seconds. */
export function encodeClosedAccount(
  { deploymentId }: VersionIdentity,
  { keys, operator, forS }: { readonly keys: VersionKeys; readonly operator: KeyPair; readonly forS: number },
): Promise<string> {
  return encodeAccount(
    deploymentId,
    keys.account,
    { limits: UNLIMITED, revocations: { '*': ALL_TIME_S } },
    { signer: operator, exp: Math.floor(Date.now() / 1000) + forS },
  )
}

/**
 * The `.creds` file of a group's user. The JWT's time of issue differs from call to call; the key
 * and its permissions do not.
 */
export async function groupCreds(keys: VersionKeys, group: string): Promise<string> {
  const user = keys.group(group)
  const issuer = { issuer_account: keys.account.getPublicKey() }
  return credsFile(await encodeUser(group, user, keys.signer(group), issuer, { scopedUser: true }), user)
}

/** The `.creds` file of the operator's own user, which may do everything inside the account. */
export async function operatorCreds(keys: VersionKeys): Promise<string> {
  return credsFile(await encodeUser('operator', keys.operator, keys.account, NO_LIMITS), keys.operator)
}

function credsFile(jwt: string, user: KeyPair): string {
  return new TextDecoder().decode(fmtCreds(jwt, user))
}
