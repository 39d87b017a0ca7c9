/**
 * The grammar of every NATS subject that Weaver uses. All of them lie inside the account of one version.
 *
 *     wv.<deploymentId>.c.<component>             calls to a component, queue group `q`
 *     wv.<deploymentId>.c.<component>.<replica>   calls to one replica (routed calls)
 *     wv.<deploymentId>.c.<component>._all        its callers tell or ask every replica: who gives up, who has a call
 *     wv.<deploymentId>.c.<component>._r-<replica> they ask one replica, until the last of its calls is answered
 *     wv.<deploymentId>.c.<component>._here       a replica tells its callers that it begins to serve
 *     wv.<deploymentId>.i.<group>.<replica>.>     inbox of one weavelet: answers and what belongs to its calls
 *     wv.<deploymentId>.i._deployer.<name>.>      inbox of the deployer; no group has this name, since group names are DNS labels
 *     wv.<deploymentId>.ctl.all                   the deployer asks every weavelet (see control.ts)
 *     wv.<deploymentId>.ctl.<replica>             the deployer asks one weavelet
 *     wv.<deploymentId>.evt                       weavelets tell the deployer
 *     wv.<deploymentId>.lead.<component>          candidates for the leadership of a component ask the deployer (see leader.ts)
 *     wv.<deploymentId>.log                       log entries, where the deployer asked for them (see logs.ts)
 *
 * A token may hold any printable character but `.`, `*`, `>` and white space; component names hold `/`, which is allowed, and are otherwise
 * escaped: each other character outside `[A-Za-z0-9_/-]` becomes `=` and its hex code point and `=`.
 */
export const CALL_QUEUE = 'q'

/**
 * Version of this grammar. `weaver generate` writes it into the graph, and a deployer that issues broker users goes by it: an image that was built by an older
 * release keeps the permissions that its SDK needs.
 *
 * 1  inboxes were `i.<replica>.>`, so the broker could not tell those of one group from those of another
 * 2  inboxes carry the group
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
/** Of one connection of the deployer; `name` tells it from its other ones. */
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
/** Where candidates for the leadership of a component ask. */
export function leaderSubject(deploymentId: string, component: string): string {
  return `wv.${subjectToken(deploymentId)}.lead.${subjectToken(component)}`
}
export function logSubject(deploymentId: string): string {
  return `wv.${subjectToken(deploymentId)}.log`
}

export interface SubjectGroup {
  readonly name: string
  /** Components hosted by the group, and components those refer to. */
  readonly hosts: readonly string[]
  readonly calls: readonly string[]
}
export interface GroupPermissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/**
 * What the broker user of one colocation group may do: serve the components it hosts, call those its components refer to, hear what is sent to its own inboxes,
 * write into those of the groups that it calls or that call it, and talk to the deployer. Nothing else exists for it.
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
      // The group itself is among them: its replicas introduce themselves to each other.
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
