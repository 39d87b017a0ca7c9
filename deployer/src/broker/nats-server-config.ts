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
export function natsServerConfig({ port, accounts }: { readonly port: number; readonly accounts: readonly NatsAccount[] }): string {
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
  return JSON.stringify({ host: '127.0.0.1', port, accounts: Object.fromEntries(entries) }, null, 1)
}

/**
 * Where the weavelets of a group find the broker, and as whom; without a group the deployer itself,
 * which may do everything inside of the account.
 */
export function natsUrlOf(port: number, { deploymentId, passwords }: NatsAccount, group?: string): string {
  const password = group === undefined ? passwords.deployer : passwordOf(passwords.groups, group)
  return `nats://${encodeURIComponent(userOf(deploymentId, group ?? DEPLOYER))}:${encodeURIComponent(password)}@127.0.0.1:${port}`
}

function passwordOf(passwords: ReadonlyMap<string, string>, group: string): string {
  const found = passwords.get(group)
  if (found === undefined) throw new Error(`group "${group}" has no password`)
  return found
}
