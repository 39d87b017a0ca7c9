/**
 * Writes and deletes the children of a WeaverApp, and nothing else. Names are derived, so an object
 * of another owner may already have one: server-side apply with force would take it over silently,
 * and deleting the app would then delete it. Every apply and every delete of a child goes through
 * here.
 *
 * I1  An object is the app's own when it has an owner reference with the app's uid, or is exactly
 *     what was applied for that uid. What is another's is neither written nor deleted;
 *     `NameTakenError` names it, its owner and the remedy.
 * I2  A write carries the observed uid, so the API server refuses it when another object took the
 *     name in between.
 * I3  An absent object is applied without force. An object that another client created between read
 *     and write is released again: an empty apply takes back exactly the fields that this manager
 *     owns.
 * I4  An object that its user gives to the app by annotation is switched in one write and then
 *     owned like any other: nothing of its former fields stays where it would change what the
 *     object does.
 */
import { ANNOTATIONS, FIELD_MANAGER } from '@weaver/crds'
import type { CallOptions, KubeApi, KubeObject, OwnerReference, ResourceKind } from '@weaver/kube'
import { isGivenTo, isLike, NameTakenError } from './name-taken.js'
import { replacementOf } from './replacement.js'

export interface ApplyOwnOptions extends CallOptions {
  /** The object as just read, or `'absent'`. It is read when this is missing or not ours. */
  readonly live?: KubeObject | 'absent'
  /**
   * Absent: an object that is given to the app may be taken now. Otherwise what has to be so first.
   */
  readonly adoptsOnce?: string
}

/** Whether an object belongs to the owner with this uid. */
export function isOwn(uid: string | undefined, object: Pick<KubeObject, 'metadata'> | undefined): boolean {
  return uid !== undefined && object?.metadata.ownerReferences?.some((o) => o.uid === uid) === true
}

/**
 * Applies a child; its controller reference says whose it is.
 * @throws NameTakenError the name belongs to an object of another owner.
 */
export async function applyOwn<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  wanted: KubeObject,
  options: ApplyOwnOptions = {},
): Promise<T> {
  const { live: seen, adoptsOnce, ...call } = options
  const { namespace = '', name } = wanted.metadata
  const owner = controllerOf(wanted)
  const isKnown = seen === 'absent' || (seen !== undefined && isOwn(owner.uid, seen))
  const live = isKnown ? seen : await api.get<KubeObject>(kind, namespace, name, call)
  if (live === undefined || live === 'absent') return applyAbsent<T>(api, kind, wanted, call)
  if (isOwn(owner.uid, live) || isAppliedFor(live, wanted)) return applyOver<T>(api, kind, { live, wanted }, call)
  if (!isGivenTo(live, owner.name) || !isLike(kind, live, wanted)) throw new NameTakenError(owner, kind, live)
  if (adoptsOnce !== undefined) throw new NameTakenError(owner, kind, live, adoptsOnce)
  return adopt<T>(api, kind, { live, wanted }, call)
}

/** Deletes the object if it is the owner's own. @returns true when it was there and own. */
export async function deleteOwn(
  api: KubeApi,
  kind: ResourceKind,
  which: { readonly namespace: string; readonly name: string; readonly owner: string },
  options: CallOptions = {},
): Promise<boolean> {
  const found = await api.get(kind, which.namespace, which.name, options)
  const uid = found?.metadata.uid
  if (uid === undefined || !isOwn(which.owner, found)) return false
  return api.delete(kind, which.namespace, which.name, { ...options, uid })
}

/** I2 */
function applyTo<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  { live, wanted }: { readonly live: KubeObject; readonly wanted: KubeObject },
  options: CallOptions,
): Promise<T> {
  const { uid } = live.metadata
  return api.apply<T>(kind, { ...wanted, metadata: { ...wanted.metadata, ...(uid === undefined ? {} : { uid }) } }, options)
}

/** Values that another put beside ours into a map that must be exactly ours are taken out. */
async function applyOver<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  { live, wanted }: { readonly live: KubeObject; readonly wanted: KubeObject },
  options: CallOptions,
): Promise<T> {
  const applied = await applyTo<T>(api, kind, { live, wanted }, options)
  const replacement = replacementOf(kind, applied, wanted)
  if (replacement === undefined) return applied
  const { namespace = '', name, resourceVersion } = applied.metadata
  return api.patch<T>(kind, namespace, name, { metadata: { resourceVersion }, ...replacement }, options)
}

/** I3 */
async function applyAbsent<T extends KubeObject>(api: KubeApi, kind: ResourceKind, wanted: KubeObject, options: CallOptions): Promise<T> {
  const applied = await api.apply<T>(kind, wanted, { ...options, force: false })
  const { namespace = '', name, uid, managedFields = [] } = applied.metadata
  if (managedFields.every((m) => m.manager === FIELD_MANAGER)) return applied
  const empty = { apiVersion: wanted.apiVersion, kind: wanted.kind, metadata: { namespace, name, ...(uid === undefined ? {} : { uid }) } }
  const released = await api.apply(kind, empty, options)
  throw new NameTakenError(controllerOf(wanted), kind, released)
}

/**
 * I4. First the fields that decide what the object does, in one write, so that a Service never
 * selects half of each; then ours; then the former owners of fields are forgotten, so that what we
 * later leave out goes away.
 */
async function adopt<T extends KubeObject>(
  api: KubeApi,
  kind: ResourceKind,
  { live, wanted }: { readonly live: KubeObject; readonly wanted: KubeObject },
  options: CallOptions,
): Promise<T> {
  const { namespace = '', name, resourceVersion } = live.metadata
  const replacement = replacementOf(kind, live, wanted)
  if (replacement !== undefined) await api.patch(kind, namespace, name, { metadata: { resourceVersion }, ...replacement }, options)
  const applied = await applyTo<T>(api, kind, { live, wanted }, options)
  const managedFields = applied.metadata.managedFields?.filter((m) => m.manager === FIELD_MANAGER && m.operation === 'Apply')
  const body = { metadata: { resourceVersion: applied.metadata.resourceVersion, managedFields } }
  return api.patch<T>(kind, namespace, name, body, options)
}

/**
 * The hash covers the owner's uid: only what was applied for this very app has it. A removed owner
 * reference is restored.
 */
function isAppliedFor(live: KubeObject, wanted: KubeObject): boolean {
  const hash = wanted.metadata.annotations?.[ANNOTATIONS.appliedHash]
  const isControlled = live.metadata.ownerReferences?.some((o) => o.controller === true) === true
  return hash !== undefined && live.metadata.annotations?.[ANNOTATIONS.appliedHash] === hash && !isControlled
}

function controllerOf(wanted: KubeObject): OwnerReference {
  const owner = wanted.metadata.ownerReferences?.find((o) => o.controller === true)
  if (owner === undefined) throw new TypeError(`${wanted.kind} "${wanted.metadata.name}" has no controller: it is not a child`)
  return owner
}
