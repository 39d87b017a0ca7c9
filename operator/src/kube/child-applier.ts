/**
 * Sends a child only when needed. A rollout of twelve components gets here thousands of times; the
 * API server should see a write only when something is missing, was edited, or has to change.
 *
 * I1  A child that is wanted and absent is applied; a cache may lag, so the object is read before.
 * I2  A child whose hash annotation differs from the wanted one is applied.
 * I3  A child with the right hash is applied again when it no longer matches what we asked for (it
 *     was edited), once per change of that object: what an admission plugin or the server's own
 *     normalisation turns into something else must not be fought for ever.
 * I4  Only the app's own objects are written (`kube/own-objects.ts`).
 */
import { ANNOTATIONS } from '@weaver/crds'
import { type CallOptions, type KubeApi, type KubeObject, PARTIAL_METADATA, type ResourceKind } from '@weaver/kube'
import { isDataIntact, type Manifest } from '../desired/manifest.js'
import { applyOwn, deleteOwn, isOwn } from './own-objects.js'
import { replacementOf, says } from './replacement.js'

/** How long an object that no cache watches is believed to be as we left it. */
const RECHECK_MS = 300_000

interface Remembered {
  readonly hash: string
  /** `generation`, or `resourceVersion` of kinds that have none, right after we applied. */
  readonly mark: string
  readonly at: number
}

/**
 * A child as a cache has it; `undefined`: absent; `'unwatched'`: no cache watches it, so it is read
 * when the last read was long ago. A cache may hold the metadata alone (`PartialObjectMetadata`):
 * then the object is read when it changed.
 */
export type LiveChild = KubeObject | undefined | 'unwatched'

export interface EnsureOptions extends CallOptions {
  /**
   * Builds the manifest to send, when `wanted` leaves out what is costly or different each time.
   */
  readonly complete?: () => Promise<Manifest>
  /** What has to be so before an object that is given to the app is taken over; see `applyOwn`. */
  readonly adoptsOnce?: string
}
export interface ChildApplier {
  /**
   * Makes the child be as wanted.
   * @param live the object as a cache has it.
   * @returns true when something was sent.
   * @throws NameTakenError the name belongs to an object of another owner.
   */
  ensure(kind: ResourceKind, wanted: Manifest, live: LiveChild, options?: EnsureOptions): Promise<boolean>
  /** Makes sure that the owner has no such object. */
  ensureAbsent(
    kind: ResourceKind,
    which: { readonly namespace: string; readonly name: string; readonly owner: string },
    live: LiveChild,
    options?: CallOptions,
  ): Promise<void>
  /**
   * Whether a child was sent or seen recently and has not changed since; avoids issuing a
   * credential that exists already.
   */
  isFresh(kind: ResourceKind, which: { readonly namespace: string; readonly name: string }, live: LiveChild): boolean
  /** Forgets an object that was deleted, or everything of an app. */
  forget(match: { readonly namespace: string; readonly name: string; readonly kind?: ResourceKind }): void
}

/** @param now milliseconds of a clock that nobody sets */
export function createChildApplier(api: KubeApi, now: () => number): ChildApplier {
  const memory = new Map<string, Remembered>()
  const keyOf = (kind: ResourceKind, namespace: string, name: string) => `${kind.plural}/${namespace}/${name}`

  return {
    async ensure(kind, wanted, live, options = {}) {
      const { complete, ...call } = options
      const { namespace, name } = wanted.metadata
      const key = keyOf(kind, namespace, name)
      const hash = wanted.metadata.annotations?.[ANNOTATIONS.appliedHash] ?? ''
      const remembered = memory.get(key)
      if (live === 'unwatched' && remembered?.hash === hash && now() - remembered.at < RECHECK_MS) return false
      const isKept = (object: KubeObject) => remembered?.hash === hash && remembered.mark === markOf(object) // I3
      let found = live === 'unwatched' ? undefined : live
      // A cache may not have seen our own write yet (I1), and one of metadata does not show what
      // else was changed.
      if (found === undefined || (isPartial(found) && !isKept(found))) found = await api.get(kind, namespace, name, call)
      if (found?.metadata.annotations?.[ANNOTATIONS.appliedHash] === hash && isMarked(found, wanted))
        if (isKept(found) || isAsWanted(kind, found, wanted)) {
          memory.set(key, { hash, mark: markOf(found), at: now() })
          return false
        }
      const applied = await applyOwn(api, kind, (await complete?.()) ?? wanted, { ...call, live: found ?? 'absent' })
      memory.set(key, { hash, mark: markOf(applied), at: now() })
      return true
    },
    async ensureAbsent(kind, { namespace, name, owner }, live, options = {}) {
      if (live === undefined) return
      await deleteOwn(api, kind, { namespace, name, owner }, options)
      memory.delete(keyOf(kind, namespace, name))
    },
    isFresh(kind, { namespace, name }, live) {
      const remembered = memory.get(keyOf(kind, namespace, name))
      if (remembered === undefined || now() - remembered.at >= RECHECK_MS) return false
      return live === 'unwatched' || (live !== undefined && remembered.mark === markOf(live))
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

/** Metadata is compared each time: an edit of it changes no `generation`. */
function isMarked({ metadata }: KubeObject, { metadata: wanted }: Manifest): boolean {
  const isOwned = wanted.ownerReferences.every(({ uid }) => isOwn(uid, { metadata }))
  return isOwned && says(metadata.labels ?? {}, wanted.labels) && says(metadata.annotations ?? {}, wanted.annotations ?? {})
}

function isPartial(object: KubeObject): boolean {
  return object.kind === PARTIAL_METADATA
}

function isAsWanted(kind: ResourceKind, found: KubeObject, wanted: Manifest): boolean {
  return says(found, wanted) && replacementOf(kind, found, wanted) === undefined && isDataIntact(found)
}
