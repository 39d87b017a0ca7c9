/**
 * Sends a child only when it must be sent. A rollout of twelve components passes here thousands of times; the API server should see a write only when
 * something is missing, was changed by somebody, or ought to change.
 *
 * I1  A child that is wanted and absent is applied, unless we have just done so and the cache lags.
 * I2  A child whose hash annotation differs from the wanted one is applied.
 * I3  A child of the right hash is applied again when it no longer says what we asked (somebody edited it), once per change of that object: what an admission
 *     plugin or the server's own normalisation turns into something else must not be fought for ever.
 */
import { ANNOTATIONS } from '@weaver/crds'
import type { Manifest } from '../desired/manifest.js'
import type { CallOptions, KubeApi, KubeObject, ResourceKind } from '../kube/kube-api.js'

/** How long an object that no cache watches is believed to be as we left it. */
const RECHECK_MS = 300_000
/** How long a cache may take to show our own write. */
const CACHE_LAG_MS = 3_000
/** Stands for the hash of an object that must not be. */
const ABSENT = ''

interface Remembered {
  readonly hash: string
  /** `generation`, or `resourceVersion` of kinds that have none, right after we applied. */
  readonly mark: string
  readonly at: number
}

export interface EnsureOptions extends CallOptions {
  /** Makes the manifest that is sent, where `wanted` leaves out what is costly or different each time. */
  readonly complete?: () => Promise<Manifest>
}
export interface ChildApplier {
  /**
   * Makes the child be as wanted.
   * @param live the object as a cache has it; `undefined`: absent; `'unwatched'`: no cache watches this kind, so it is read when that was long ago.
   * @returns true when something was sent.
   */
  ensure(kind: ResourceKind, wanted: Manifest, live: KubeObject | undefined | 'unwatched', options?: EnsureOptions): Promise<boolean>
  /** Makes sure that there is no such object; looks only when that was long ago. */
  ensureAbsent(kind: ResourceKind, namespace: string, name: string, options?: CallOptions): Promise<void>
  /** Whether a child of this very content was sent or seen lately; spares making a credential only to find that it is there. */
  isFresh(kind: ResourceKind, namespace: string, name: string): boolean
  /** Forgets an object that was deleted, or everything of an app. */
  forget(match: { readonly namespace: string; readonly name: string; readonly kind?: ResourceKind }): void
}

/** @param now epoch milliseconds */
export function createChildApplier(api: KubeApi, now: () => number): ChildApplier {
  const memory = new Map<string, Remembered>()
  const keyOf = (kind: ResourceKind, namespace: string, name: string) => `${kind.plural}/${namespace}/${name}`

  return {
    async ensure(kind, wanted, live, options = {}) {
      const key = keyOf(kind, wanted.metadata.namespace, wanted.metadata.name)
      const hash = wanted.metadata.annotations?.[ANNOTATIONS.appliedHash] ?? ''
      const remembered = memory.get(key)
      let found = live
      if (found === 'unwatched') {
        if (remembered?.hash === hash && now() - remembered.at < RECHECK_MS) return false
        found = await api.get(kind, wanted.metadata.namespace, wanted.metadata.name, options)
      }
      if (found !== undefined && found.metadata.annotations?.[ANNOTATIONS.appliedHash] === hash) {
        const isOurs = remembered?.hash === hash && remembered.mark === markOf(found)
        if (isOurs || covers(found, wanted)) {
          memory.set(key, { hash, mark: markOf(found), at: now() })
          return false
        }
      }
      // A cache that has not seen our own write yet is no reason to repeat it.
      if (found === undefined && remembered?.hash === hash && now() - remembered.at < CACHE_LAG_MS) return false
      const applied = await api.apply(kind, (await options.complete?.()) ?? wanted, options)
      memory.set(key, { hash, mark: markOf(applied), at: now() })
      return true
    },
    async ensureAbsent(kind, namespace, name, options = {}) {
      const key = keyOf(kind, namespace, name)
      const remembered = memory.get(key)
      if (remembered?.hash === ABSENT && now() - remembered.at < RECHECK_MS) return
      const found = await api.get(kind, namespace, name, options)
      if (found !== undefined) await api.delete(kind, namespace, name, options)
      memory.set(key, { hash: ABSENT, mark: '', at: now() })
    },
    isFresh(kind, namespace, name) {
      const remembered = memory.get(keyOf(kind, namespace, name))
      return remembered !== undefined && remembered.hash !== ABSENT && now() - remembered.at < RECHECK_MS
    },
    forget({ namespace, name, kind }) {
      if (kind !== undefined) memory.delete(keyOf(kind, namespace, name))
      else
        for (const key of memory.keys())
          if (key.split('/')[1] === namespace && key.split('/')[2]?.startsWith(`${name}-`) === true) memory.delete(key)
    },
  }
}

function markOf(object: KubeObject): string {
  return object.metadata.generation === undefined ? (object.metadata.resourceVersion ?? '') : String(object.metadata.generation)
}

/** True when the live value says everything that the wanted one says; what a server adds (defaults, status) is not looked at. */
export function covers(live: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) return Array.isArray(live) && live.length === wanted.length && wanted.every((w, i) => covers(live[i], w))
  if (typeof wanted === 'object' && wanted !== null)
    return (
      typeof live === 'object' && live !== null && Object.entries(wanted).every(([k, w]) => covers((live as Record<string, unknown>)[k], w))
    )
  return live === wanted
}
