import { hkdfSync } from 'node:crypto'
import type { KeyPair } from '@nats-io/nkeys'
import type { VersionIdentity } from '../desired/version-identity.js'
import { createNkey, NKEY_ROLE } from '@weaver/sdk/internal'

/**
 * The keys of a version, all derived from the operator's seed (HKDF-SHA256), so that only that one
 * secret is kept: the same identity has the same keys for ever, and everything can be made again
 * after every volume of the broker was lost.
 */
export interface VersionKeys {
  readonly account: KeyPair
  /**
   * The user of one colocation group, and the key that signs for it: the account says what users of
   * that signer may do.
   */
  group(name: string): KeyPair
  signer(group: string): KeyPair
  /** The operator's own user in the account. */
  readonly operator: KeyPair
}

export function deriveVersionKeys(operatorSeed: Uint8Array, identity: VersionIdentity): VersionKeys {
  const base = `${identity.appUid}/${identity.versionId}`
  const derive = (role: number, path: string): KeyPair =>
    createNkey(role, new Uint8Array(hkdfSync('sha256', operatorSeed, 'weaver.dev/nkeys/1', path, 32)))
  return {
    account: derive(NKEY_ROLE.account, `account/${base}`),
    group: (name) => derive(NKEY_ROLE.user, `group/${base}/${name}`),
    signer: (group) => derive(NKEY_ROLE.account, `signer/${base}/${group}`),
    operator: derive(NKEY_ROLE.user, `operator/${base}`),
  }
}
