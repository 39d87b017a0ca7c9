// Whether an operator manages the cluster's applications. Their status cannot tell: it stays as the
// operator last wrote it.
import { KINDS, resourcePath } from '@weaver/kube'
import { formatAge } from '../../print/table.js'
import type { KubeClient } from './kube-client.js'

/** The name of the operator's Lease in whatever namespace it runs. */
const LEASE_NAME = 'weaver-operator'
/**
 * A leader renews every two seconds, and another takes over within 15; the rest allows for a busy
 * cluster.
 */
const STALE_MS = 60_000

export type OperatorPresence =
  /** For example when the user may not read Leases of all namespaces. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'present' }
  /** @property lastSeenMs age of the last renewal; absent if there never was one */
  | { readonly kind: 'absent'; readonly lastSeenMs?: number; readonly lease?: string }

interface Lease {
  readonly metadata: { readonly name: string; readonly namespace: string }
  readonly spec?: { readonly renewTime?: string }
}

export async function operatorPresence(client: KubeClient): Promise<OperatorPresence> {
  const answer = await client
    .call({ path: resourcePath(KINDS.leases), query: { fieldSelector: `metadata.name=${LEASE_NAME}` }, what: 'Leases' })
    .catch(() => undefined) // only a hint depends on it; the command's main request reports what is wrong with the cluster
  if (answer === undefined) return { kind: 'unknown' }
  const { body, at } = answer
  const { items } = body as { readonly items: readonly Lease[] } // a LeaseList
  const [last] = items
    .map(({ metadata, spec }) => ({ lease: `${metadata.namespace}/${metadata.name}`, renewed: Date.parse(spec?.renewTime ?? '') || 0 }))
    .sort((a, b) => b.renewed - a.renewed)
  if (last === undefined) return { kind: 'absent' }
  const lastSeenMs = at - last.renewed
  return lastSeenMs < STALE_MS ? { kind: 'present' } : { kind: 'absent', lastSeenMs, lease: last.lease }
}

/**
 * The warning for readers of an application's status; `undefined` if there is an operator, or it is
 * unknown.
 */
export function absenceLine(presence: OperatorPresence): string | undefined {
  if (presence.kind !== 'absent') return undefined
  const seen =
    presence.lastSeenMs === undefined
      ? 'no operator has been seen on this cluster'
      : `no operator has been seen for ${formatAge(presence.lastSeenMs)} (Lease "${presence.lease ?? ''}")`
  return `${seen}: the status is what it last wrote. Applications that run serve on; nothing is rolled out, repaired or deleted until an operator is back`
}
