/**
 * Every name of a Kubernetes object that Weaver makes.
 *
 * Grammar: parts joined by `-`, in lower case, of `[a-z0-9-]`, starting with a letter and ending
 * with a letter or digit: a DNS-1035 label, which is what a Service needs, the strictest of the
 * kinds used. Limit: 63 characters, the limit of a label value and of a Service. Truncation: a
 * longer name keeps its last part when that is a version id (so that people can still read it), and
 * the tail of the rest is replaced by `-` and 6 characters of a hash of the whole name; two long
 * names that differ anywhere stay different. Escaping: none; names are built, never parsed. Labels
 * say what an object belongs to.
 *
 * Parts may contain `-` themselves: app `a` with listener `b-c` and app `a-b` with listener `c` in
 * one namespace want the same stable Service. Whoever applies must see from the owner reference
 * that it is another's, and say so.
 */
import { shortHash } from './hash.js'

const MAX_NAME = 63
const HASH_LENGTH = 6
/** Limit of a group's and a listener's name, `dnsLabel` in weaver-app.ts. */
const MAX_PART = 40

/**
 * The name of a version for pods and broker; unique in a cluster, because a broker may serve apps
 * of one name in several namespaces.
 */
export function deploymentId(app: { readonly name: string; readonly uid: string }, versionId: string): string {
  return withSuffix([app.name], `${versionId}-${shortHash(app.uid, HASH_LENGTH)}`)
}

/** NetworkPolicy of a version. */
export function networkPolicyName(app: string, versionId: string): string {
  return withSuffix([app], versionId)
}

/** ControllerRevision that holds the snapshot of a version. */
export function revisionName(app: string, versionId: string): string {
  return withSuffix([app], versionId)
}

/** Deployment, HorizontalPodAutoscaler and PodDisruptionBudget of one group of one version. */
export function workloadName(app: string, group: string, versionId: string): string {
  return withSuffix([app, group], versionId)
}

/** Secret with the NATS credentials of one group of one version. */
export function workloadSecretName(app: string, group: string, versionId: string): string {
  return withSuffix([app, group], `${versionId}-nats`)
}

/** Lease of a leader component: of one version, or of all of them. */
export function leaderLeaseName(app: string, component: string, versionId?: string): string {
  const suffix = `leader-${shortHash(component, HASH_LENGTH)}`
  return withSuffix([app, dnsLabel(component)], versionId === undefined ? suffix : `${suffix}-${versionId}`)
}

/** Service of one listener of one version; its selector never changes. */
export function listenerServiceName(app: string, listener: string, versionId: string): string {
  return withSuffix([app, listener], versionId)
}

/** The Service of a listener that users dial, whatever the version. */
export function stableServiceName(app: string, listener: string): string {
  return limited(joined([app, listener]))
}

/** Deployment, ConfigMap, NetworkPolicy and PodDisruptionBudget of the app's proxy. */
export function proxyName(app: string): string {
  return withSuffix([app], 'proxy')
}

/** Secret with the certificates by which operator and proxy know each other. */
export function proxySecretName(app: string): string {
  return withSuffix([app], 'proxy-tls')
}

/** Pod that prints the component graph of a version. */
export function describePodName(app: string, versionId: string): string {
  return withSuffix([app], `${versionId}-describe`)
}

/**
 * Name of the group that a component gets when no group names it: its last path segment as a DNS
 * label (`httpserver/Reverser` → `reverser`, `weaver/Main` → `main`), at most 40 characters. When
 * that is taken, a hash of the component's whole name is added, so the result does not depend on
 * the other components, only on whether the plain name is free.
 * @param taken names of groups that exist already; go through components in the graph's order
 * (sorted) for the same result everywhere.
 */
export function componentGroupName(component: string, taken: Iterable<string> = []): string {
  const segment = component.slice(component.lastIndexOf('/') + 1)
  const plain = dnsLabel(segment)
  const isShort = plain.length <= MAX_PART
  if (isShort && ![...taken].includes(plain)) return plain
  const hash = shortHash(component, HASH_LENGTH)
  return `${trimmed(plain.slice(0, MAX_PART - HASH_LENGTH - 1))}-${hash}`
}

function dnsLabel(text: string): string {
  const label = trimmed(text.toLowerCase().replace(/[^a-z0-9]+/g, '-')).replace(/^-+/, '')
  if (label === '') return 'component'
  return /^[a-z]/.test(label) ? label : `c-${label}`
}

function joined(parts: readonly string[]): string {
  const name = parts.join('-')
  // Names of WeaverApps, groups and listeners are DNS labels by the CRD's schema; this guards
  // against other callers.
  return /^[a-z]([-a-z0-9]*[a-z0-9])?$/.test(name) ? name : `${dnsLabel(name)}-${shortHash(name, HASH_LENGTH)}`
}

function withSuffix(parts: readonly string[], suffix: string): string {
  return `${limited(joined(parts), { max: MAX_NAME - suffix.length - 1, salt: suffix })}-${suffix}`
}

function limited(name: string, { max = MAX_NAME, salt = '' } = {}): string {
  if (name.length <= max) return name
  return `${trimmed(name.slice(0, max - HASH_LENGTH - 1))}-${shortHash(`${name} ${salt}`, HASH_LENGTH)}`
}

function trimmed(text: string): string {
  return text.replace(/-+$/, '')
}
