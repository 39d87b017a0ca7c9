/**
 * The grammar of every NATS subject that Weaver uses. All of them are within the account of one
 * version.
 *
 *     wv.<deploymentId>.c.<component>              calls to a component, queue group `q`
 *     wv.<deploymentId>.c.<component>.<replica>    calls to one replica (routed calls)
 *     wv.<deploymentId>.c.<component>._all         callers ask every replica: who has this call?
 *     wv.<deploymentId>.c.<component>._r-<replica> callers ask one replica, about calls it has
 *     wv.<deploymentId>.c.<component>._here        a replica tells its callers that it serves
 *     wv.<deploymentId>.i.<group>.<replica>.>      inbox of a weavelet: answers, parts of calls
 *     wv.<deploymentId>.i._deployer.<name>.>       inbox of the deployer; not a DNS label, as the
 *                                                  names of groups are
 *     wv.<deploymentId>.ctl.all                    the deployer asks every weavelet (control.ts)
 *     wv.<deploymentId>.ctl.<replica>              the deployer asks one weavelet
 *     wv.<deploymentId>.evt                        weavelets notify the deployer
 *     wv.<deploymentId>.lead.<component>           candidates ask for a lease (leader.ts)
 *     wv.<deploymentId>.log                        log entries, if the deployer asked for them
 *
 * A token may contain any printable character but `.`, `*`, `>` and white space. Component names
 * contain `/`, which is allowed, and are otherwise escaped: each other character outside
 * `[A-Za-z0-9_/-]` becomes `=`, its hex code point and `=`.
 */
export const CALL_QUEUE = 'q'

/**
 * Version of this grammar. `weaver generate` writes it into the graph, and a deployer that issues
 * broker users follows it: an image built by an older release keeps the permissions that its SDK
 * needs.
 *
 * 1  inboxes were `i.<replica>.>`, so the broker could not distinguish those of different groups
 * 2  inboxes contain the group
 */
export const SUBJECT_LAYOUT = 2
export type SubjectLayout = 1 | typeof SUBJECT_LAYOUT
const DEPLOYER_GROUP = '_deployer'

export function subjectToken(name: string): string {
  return name.replace(/[^A-Za-z0-9_/-]/gu, (c) => `=${c.codePointAt(0)?.toString(16)}=`)
}
export function callSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.c.${subjectToken(component)}`
}
export function replicaCallSubject(deploymentId: string, component: string, replica: string): string {
  return `${callSubject(deploymentId, component)}.${subjectToken(replica)}`
}
export function everyReplicaSubject(deploymentId: string, component: string): string {
  return `${callSubject(deploymentId, component)}._all`
}
export function replicaQuerySubject(deploymentId: string, component: string, replica: string): string {
  return `${callSubject(deploymentId, component)}._r-${subjectToken(replica)}`
}
export function arrivalSubject(deploymentId: string, component: string): string {
  return `${callSubject(deploymentId, component)}._here`
}
export function inboxPrefix(deploymentId: string, group: string, replica: string): string {
  return `${groupInbox(deploymentId, group)}.${subjectToken(replica)}`
}
/** The inbox prefix of one connection of the deployer; `name` distinguishes its connections. */
export function deployerInboxPrefix(deploymentId: string, name: string): string {
  return inboxPrefix(deploymentId, DEPLOYER_GROUP, name)
}
function groupInbox(deploymentId: string, group: string): string {
  return `wv.${subjectToken(deploymentId)}.i.${subjectToken(group)}`
}
export function controlAllSubject(deploymentId: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.all`
}
export function controlSubject(deploymentId: string, replica: string): string {
  return `wv.${subjectToken(deploymentId)}.ctl.${subjectToken(replica)}`
}
export function eventSubject(deploymentId: string): string {
  return `wv.${subjectToken(deploymentId)}.evt`
}
/** The subject on which candidates for the leadership of a component ask. */
export function leaderSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.lead.${subjectToken(component)}`
}
export function logSubject(deploymentId: string): string {
  return `wv.${subjectToken(deploymentId)}.log`
}

export interface SubjectGroup {
  readonly name: string
  /** Components that the group hosts, and components that those refer to. */
  readonly hosts: readonly string[]
  readonly calls: readonly string[]
}
export interface GroupPermissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/**
 * Permissions of one colocation group's broker user: serve the components that it hosts, call those
 * that they refer to, read its own inboxes, write into the inboxes of groups that it calls or that
 * call it, and talk to the deployer. Nothing else.
 * @param groups all groups of the version
 */
export function groupPermissions(
  deploymentId: string,
  group: SubjectGroup,
  { groups, layout }: { readonly groups: readonly SubjectGroup[]; readonly layout: SubjectLayout },
): GroupPermissions {
  const everyInbox = `wv.${subjectToken(deploymentId)}.i.>`
  const inboxOf = (name: string): string => `${groupInbox(deploymentId, name)}.>`
  const peers = groups.filter((other) => other.name !== group.name && (isCaller(group, other) || isCaller(other, group)))
  return {
    publish: [
      ...group.calls.flatMap((c) => [callSubject(deploymentId, c), `${callSubject(deploymentId, c)}.*`]),
      ...group.hosts.filter((c) => !group.calls.includes(c)).map((c) => arrivalSubject(deploymentId, c)),
      ...group.hosts.map((c) => leaderSubject(deploymentId, c)),
      // Includes the group itself: its replicas introduce themselves to each other.
      ...(layout === 1 ? [everyInbox] : [group.name, DEPLOYER_GROUP, ...peers.map(({ name }) => name)].map(inboxOf)),
      eventSubject(deploymentId),
      logSubject(deploymentId),
    ].sort(),
    subscribe: [
      ...group.hosts.flatMap((c) => [callSubject(deploymentId, c), `${callSubject(deploymentId, c)}.*`]),
      ...group.calls.filter((c) => !group.hosts.includes(c)).map((c) => arrivalSubject(deploymentId, c)),
      layout === 1 ? everyInbox : inboxOf(group.name),
      `wv.${subjectToken(deploymentId)}.ctl.>`,
    ].sort(),
  }
}

function isCaller(caller: SubjectGroup, callee: SubjectGroup): boolean {
  return caller.calls.some((component) => callee.hosts.includes(component))
}
