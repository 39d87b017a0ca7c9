/**
 * The grammar of every NATS subject that Weaver uses. All of them lie inside the account of one version.
 *
 *     wv.<deploymentId>.c.<component>             calls to a component, queue group `q`
 *     wv.<deploymentId>.c.<component>.<replica>   calls to one replica (routed calls)
 *     wv.<deploymentId>.c.<component>._all        its callers tell or ask every replica: who gives up, who has a call
 *     wv.<deploymentId>.c.<component>._r-<replica> they ask one replica, until the last of its calls is answered
 *     wv.<deploymentId>.c.<component>._here       a replica tells its callers that it begins to serve
 *     wv.<deploymentId>.i.<replica>.>             inbox of one weavelet: answers and what belongs to its calls
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
export function inboxPrefix(deploymentId: string, replica: string): string {
  return `wv.${subjectToken(deploymentId)}.i.${subjectToken(replica)}`
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

/**
 * What the broker user of one colocation group may do: serve the components it hosts, call those its components refer to, answer, and talk
 * to the deployer. Nothing else exists for it.
 */
export function groupPermissions(
  deploymentId: string,
  group: { readonly hosts: readonly string[]; readonly calls: readonly string[] },
): { readonly publish: readonly string[]; readonly subscribe: readonly string[] } {
  const d = `wv.${subjectToken(deploymentId)}`
  return {
    publish: [
      ...group.calls.flatMap((c) => [callSubject(deploymentId, c), `${callSubject(deploymentId, c)}.*`]),
      ...group.hosts.filter((c) => !group.calls.includes(c)).map((c) => arrivalSubject(deploymentId, c)),
      ...group.hosts.map((c) => leaderSubject(deploymentId, c)),
      `${d}.i.>`,
      eventSubject(deploymentId),
      logSubject(deploymentId),
    ].sort(),
    subscribe: [
      ...group.hosts.flatMap((c) => [callSubject(deploymentId, c), `${callSubject(deploymentId, c)}.*`]),
      ...group.calls.filter((c) => !group.hosts.includes(c)).map((c) => arrivalSubject(deploymentId, c)),
      `${d}.i.>`,
      `${d}.ctl.>`,
    ].sort(),
  }
}
