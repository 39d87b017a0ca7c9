import { randomBytes } from 'node:crypto'
import { defaultNatsLimits, encodeAccount, encodeOperator, encodeUser, fmtCreds } from '@nats-io/jwt'
import { createNkey, NKEY_ROLE } from '@weaver/sdk/internal'

/**
 * What the broker and the operator share: the content of the Secret that the chart's hook makes.
 */
export interface BrokerAuth {
  /** Signs accounts; every version's keys are derived from it. Only the operator reads it. */
  readonly 'operator.seed': string
  /** The operator's user in the system account. */
  readonly 'system.creds': string
  /** What the servers' configuration includes: operator, system account, full resolver. */
  readonly 'auth.conf': string
  /**
   * The password of routes between servers: a client that opens a route is a server of the cluster,
   * and receives every account.
   */
  readonly 'route.password': string
}

/**
 * Unlimited limits. `encodeAccount(…, {})` alone would allow no connection at all, and the server
 * would only log why.
 */
export const UNLIMITED = { ...defaultNatsLimits(), conn: -1, leaf: -1, imports: -1, exports: -1, wildcards: true } as const

/** Folder, in the broker's pods, where servers keep the accounts pushed to them. */
const RESOLVER_FOLDER = '/data/jwt'

export async function createBrokerAuth(options: { readonly resolverFolder?: string } = {}): Promise<BrokerAuth> {
  const operator = createNkey(NKEY_ROLE.operator)
  const system = createNkey(NKEY_ROLE.account)
  const user = createNkey(NKEY_ROLE.user)
  const systemJwt = await encodeAccount('system', system, { limits: UNLIMITED }, { signer: operator })
  const operatorJwt = await encodeOperator('weaver', operator, { system_account: system.getPublicKey() })
  const userJwt = await encodeUser('weaver-operator', user, system, {})
  const id = system.getPublicKey()
  return {
    'operator.seed': new TextDecoder().decode(operator.getSeed()),
    'system.creds': new TextDecoder().decode(fmtCreds(userJwt, user)),
    'auth.conf': [
      `operator: ${operatorJwt}`,
      `system_account: ${id}`,
      `resolver: { type: full, dir: "${options.resolverFolder ?? RESOLVER_FOLDER}", allow_delete: true, interval: "5s", limit: 10000 }`,
      `resolver_preload: { ${id}: ${systemJwt} }`,
      '',
    ].join('\n'),
    // It begins with a letter: the servers' configuration would take some hexadecimal digits for a
    // number.
    'route.password': `r${randomBytes(24).toString('hex')}`,
  }
}
