import { createHash } from 'node:crypto'
import { ANNOTATIONS, canonicalJson, LABELS, MANAGED_BY } from '@weaver/crds'
import { k8s } from 'cdk8s-plus-27'

/** A Kubernetes object as built in this folder: plain JSON without `undefined`. */
export interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly labels: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences: readonly k8s.OwnerReference[]
  }
  readonly [field: string]: unknown
}

/** The WeaverApp as its children see it. */
export interface AppIdentity {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface ManifestLabels {
  readonly role?: string
  readonly version?: string
  readonly group?: string
  readonly listener?: string
}

export function appLabels(app: AppIdentity, more: ManifestLabels = {}): Record<string, string> {
  return {
    [LABELS.app]: app.name,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.name]: app.name,
    [LABELS.instance]: app.name,
    ...(more.version === undefined ? {} : { [LABELS.version]: more.version }),
    ...(more.group === undefined ? {} : { [LABELS.group]: more.group }),
    ...(more.listener === undefined ? {} : { [LABELS.listener]: more.listener }),
    ...(more.role === undefined ? {} : { [LABELS.role]: more.role }),
  }
}

/** Metadata of a child: owned by the app as its controller, so that deleting the app deletes it. */
export function childMetadata(app: AppIdentity, name: string, labels: Record<string, string>): k8s.ObjectMeta {
  return {
    name,
    namespace: app.namespace,
    labels,
    ownerReferences: [
      { apiVersion: app.apiVersion, kind: app.kind, name: app.name, uid: app.uid, controller: true, blockOwnerDeletion: true },
    ],
  }
}

/**
 * Takes the constructs library's output, leaves out `undefined` and emptied containers (an empty
 * list under server-side apply claims the field; only `emptyDir: {}` means something), and adds the
 * hash by which an unchanged child is recognised without sending it.
 */
export function finishManifest(raw: unknown): Manifest {
  const clean = strip(raw) as Manifest // strip keeps the shape of an object that has a name
  const annotations = { ...clean.metadata.annotations, [ANNOTATIONS.appliedHash]: manifestHash(clean) }
  return { ...clean, metadata: { ...clean.metadata, annotations } }
}

/**
 * 16 hex digits over the canonical JSON: the same for the same content whatever the order of keys.
 */
export function manifestHash(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex').slice(0, 16)
}

/**
 * Adds the hash of a Secret's data, by which an edit is recognised even when the data is generated
 * each time. The hashed data has the entropy of a key.
 */
export function withDataHash(secret: Manifest): Manifest {
  const annotations = { ...secret.metadata.annotations, [ANNOTATIONS.dataHash]: manifestHash(secret['data']) }
  return { ...secret, metadata: { ...secret.metadata, annotations } }
}

/** False when the data of an object does not match its hash. */
export function isDataIntact(object: {
  readonly data?: unknown
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
}): boolean {
  const stamped = object.metadata.annotations?.[ANNOTATIONS.dataHash]
  return stamped === undefined || stamped === manifestHash(object['data'] ?? {})
}

function strip(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(strip)
  if (!isRecord(value)) return value
  const out: Record<string, unknown> = {}
  for (const [k, v] of Object.entries(value)) {
    // A snapshot is the app's own data: an empty list in it is meaningful.
    const stripped = k === 'data' ? v : strip(v)
    const emptied =
      (Array.isArray(stripped) && stripped.length === 0) || (isRecord(stripped) && Object.keys(stripped).length === 0 && k !== 'emptyDir')
    if (stripped !== undefined && stripped !== null && !emptied) out[k] = stripped
  }
  return out
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
