/**
 * The configuration of a nats-server that a deployer runs by itself: an account for each
 * deployment, in it a user for each colocation group, and the deployer's. What a group may do is
 * what the graph says, by the rule that the operator's broker goes by (`groupPermissions` of the
 * contract). Pure.
 */
import { groupPermissions, type SubjectGroup, type SubjectLayout } from '@weaver/sdk/contract'

export interface NatsAccount {
  /** Names the account. What belongs to another one does not exist for its users. */
  readonly deploymentId: string
  readonly groups: readonly SubjectGroup[]
  /** Of the application's build. */
  readonly layout: SubjectLayout
  /** Passwords of the groups' users, by group, and of the deployer's. */
  readonly passwords: { readonly groups: ReadonlyMap<string, string>; readonly deployer: string }
}

export interface NatsServerOptions {
  readonly port: number
  readonly accounts: readonly NatsAccount[]
  /** Where it listens. @default 127.0.0.1 */
  readonly host?: string
  /** Paths of PEM files, as the server sees them. @default no TLS */
  readonly tls?: { readonly cert_file: string; readonly key_file: string }
  /** After how many seconds without a sign of a client its connection is over. @default that of the server, minutes */
  readonly clientLostS?: number
}

const LOOPBACK = '127.0.0.1'

/** No group has this name: those are DNS labels. */
const DEPLOYER = '_deployer'

/** Names of users are unique on a server, over all of its accounts. */
function userOf(deploymentId: string, group: string): string {
  return `${deploymentId}.${group}`
}

/**
 * @returns the text of the configuration file, JSON, which nats-server reads as it is. It holds
 * passwords.
 */
export function natsServerConfig({ port, accounts, host = LOOPBACK, tls, clientLostS }: NatsServerOptions): string {
  const entries = accounts.map(({ deploymentId, groups, layout, passwords }) => {
    const users = groups.map((group) => {
      const { publish, subscribe } = groupPermissions(deploymentId, group, { groups, layout })
      return {
        user: userOf(deploymentId, group.name),
        password: passwordOf(passwords.groups, group.name),
        permissions: { publish: { allow: publish }, subscribe: { allow: subscribe } },
      }
    })
    return [deploymentId, { users: [{ user: userOf(deploymentId, DEPLOYER), password: passwords.deployer }, ...users] }] as const
  })
  const pings = clientLostS === undefined ? {} : { ping_interval: `${Math.max(1, Math.floor(clientLostS / 2))}s`, ping_max: 1 }
  const settings = { host, port, ...(tls === undefined ? {} : { tls }), ...pings, accounts: Object.fromEntries(entries) }
  return JSON.stringify(settings, null, 1)
}

/**
 * Where the weavelets of a group find the broker, and as whom; without a group the deployer itself,
 * which may do everything inside of the account.
 */
export function natsUrlOf(
  { host = LOOPBACK, port }: Pick<NatsServerOptions, 'host' | 'port'>,
  { deploymentId, passwords }: NatsAccount,
  group?: string,
): string {
  const password = group === undefined ? passwords.deployer : passwordOf(passwords.groups, group)
  const at = host.includes(':') ? `[${host}]` : host
  return `nats://${encodeURIComponent(userOf(deploymentId, group ?? DEPLOYER))}:${encodeURIComponent(password)}@${at}:${port}`
}

function passwordOf(passwords: ReadonlyMap<string, string>, group: string): string {
  const found = passwords.get(group)
  if (found === undefined) throw new Error(`group "${group}" has no password`)
  return found
}
