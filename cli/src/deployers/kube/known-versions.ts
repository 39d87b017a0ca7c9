/**
 * The versions of an application that the cluster knows: each has a ControllerRevision with the spec
 * that it was made from, which outlives its objects (docs/versions.md).
 */
import { ANNOTATIONS, LABELS, parseWeaverAppSpec, versionIdOf, type WeaverApp, type WeaverAppSpec } from '@weaver/crds'
import { KINDS, resourcePath } from '@weaver/kube'
import { cliError } from '../../errors/catalogue.js'
import type { KubeClient } from './kube-client.js'
import { CLI_FIELD_MANAGER, needApp } from './weaver-apps.js'

export interface KnownVersion {
  readonly id: string
  /** Ascending over the life of the application. */
  readonly revision: number
  readonly spec: WeaverAppSpec
  /** `sha256:…`; absent: unknown. */
  readonly digest?: string
  /** RFC 3339: when the last object of the version was deleted; absent: it is live. */
  readonly retiredAt?: string
}

/** What a spec says of every version: a rollback leaves it as it is. */
const IN_PLACE = ['rollout', 'traffic', 'suspend', 'revisionHistoryLimit'] as const

interface Revision {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>
    readonly ownerReferences?: readonly { readonly uid: string }[]
  }
  readonly revision: number
  readonly data?: { readonly versionId?: string; readonly spec?: WeaverAppSpec; readonly digest?: string }
}

/** The newest first. A record that this command cannot read is left out. */
export async function knownVersions(client: KubeClient, { namespace, name, uid }: WeaverApp['metadata']): Promise<readonly KnownVersion[]> {
  const { body } = await client.call({
    path: resourcePath(KINDS.controllerRevisions, { namespace }),
    query: { labelSelector: `${LABELS.app}=${name}` },
    what: `versions of WeaverApp "${namespace}/${name}"`,
  })
  const { items } = body as { readonly items: readonly Revision[] } // a ControllerRevisionList
  return items
    .flatMap(({ metadata, revision, data }): KnownVersion[] => {
      if (metadata.ownerReferences?.some((owner) => owner.uid === uid) !== true) return [] // of a former application of that name
      if (data?.versionId === undefined || data.spec === undefined) return []
      const retiredAt = metadata.annotations?.[ANNOTATIONS.retired]
      const { versionId: id, spec, digest } = data
      return [{ id, revision, spec, ...(digest === undefined ? {} : { digest }), ...(retiredAt === undefined ? {} : { retiredAt }) }]
    })
    .sort((a, b) => b.revision - a.revision)
}

/**
 * The version that a rollback goes to when nobody names one: the active one, where the spec asks for
 * another; else the one that was promoted before it.
 * @throws WeaverError `WEAVER_CLI_NO_VERSION`
 */
export function versionBefore(app: WeaverApp, known: readonly KnownVersion[]): KnownVersion {
  const { active, desired, burned = [], history = [] } = app.status ?? {}
  const promoted = [...history].reverse().flatMap(({ event, version }) => (event === 'Promoted' && version !== undefined ? [version] : []))
  const candidates = desired === active ? promoted.filter((id) => id !== active && !burned.includes(id)) : [active]
  const found = candidates.map((id) => known.find((v) => v.id === id)).find((v) => v !== undefined)
  if (found !== undefined) return found
  throw cliError('WEAVER_CLI_NO_VERSION', `no version is known that served before "${active ?? '(none)'}". ${listed(known)}`)
}

/** @param text an id, or the beginning of one. @throws WeaverError `WEAVER_CLI_NO_VERSION` */
export function versionNamed(text: string, known: readonly KnownVersion[]): KnownVersion {
  const found = known.filter(({ id }) => id.startsWith(text))
  const [first] = found
  if (first !== undefined && found.length === 1) return first
  throw cliError(
    'WEAVER_CLI_NO_VERSION',
    `${found.length === 0 ? 'no version is called' : 'several versions begin with'} "${text}". ${listed(known)}`,
  )
}

/**
 * Makes the spec ask for a version that it knows. What acts on all versions at once (rollout, traffic)
 * stays as it is, replicas of groups included.
 * @throws WeaverError `WEAVER_CLI_NO_VERSION` when the spec would be another version now, `WEAVER_CLI_KUBE_CONFLICT` when somebody else changes the spec at this moment
 */
export async function askForVersion(client: KubeClient, found: WeaverApp, version: KnownVersion): Promise<void> {
  const { namespace, name, generation } = found.metadata
  const kept = Object.fromEntries(IN_PLACE.flatMap((field) => (found.spec[field] === undefined ? [] : [[field, found.spec[field]]])))
  const spec = { ...version.spec, ...kept, groups: version.spec.groups.map((group) => withReplicas(group, found.spec.groups)) }
  const parsed = parseWeaverAppSpec(spec)
  if (!parsed.ok || versionIdOf(parsed.spec) !== version.id)
    throw cliError(
      'WEAVER_CLI_NO_VERSION',
      `version "${version.id}" was made by another release of Weaver, and its spec would make another version now; apply the manifest that it came from`,
    )
  // A new status is another resource version, too.
  for (let app = found, attempt = 1; ; app = await needApp(client, found.metadata), attempt++) {
    const written = app.metadata.generation === generation ? await replaceApp(client, { ...app, spec }) : undefined
    if (written !== undefined) return ownAsApplied(client, written)
    if (app.metadata.generation !== generation || attempt === ATTEMPTS)
      throw cliError('WEAVER_CLI_KUBE_CONFLICT', `WeaverApp "${namespace}/${name}" was changed meanwhile; look at it and try again`)
  }
}

const ATTEMPTS = 5

/** @returns `undefined` when it is no longer what was read */
async function replaceApp(client: KubeClient, app: OwnedApp): Promise<OwnedApp | undefined> {
  const { namespace, name } = app.metadata
  const { status, body } = await client.call({
    method: 'PUT',
    path: resourcePath(KINDS.weaverApps, { namespace, name }),
    query: { fieldManager: CLI_FIELD_MANAGER },
    body: app,
    accept: [409],
    what: `WeaverApp "${namespace}/${name}"`,
  })
  return status === 409 ? undefined : (body as OwnedApp) // the object as it is now
}

/** Who set which fields, as the API server keeps it. */
interface FieldsOf {
  readonly manager?: string
  readonly operation?: 'Apply' | 'Update'
  readonly subresource?: string
  readonly fieldsV1?: FieldSet
}
interface FieldSet {
  readonly [field: string]: FieldSet
}
type OwnedApp = WeaverApp & { readonly metadata: { readonly managedFields?: readonly FieldsOf[] } }

/**
 * Has the spec count as applied by this command: the next `kube deploy` is an apply, and takes away
 * only what an apply has set. Where that fails nothing is lost, and fields that the next manifest
 * lacks stay.
 */
async function ownAsApplied(client: KubeClient, app: OwnedApp): Promise<void> {
  const { managedFields = [] } = app.metadata
  const isOurs = (operation: string) => (entry: FieldsOf) =>
    entry.manager === CLI_FIELD_MANAGER && entry.operation === operation && entry.subresource === undefined
  const update = managedFields.find(isOurs('Update'))
  const { 'f:spec': spec, ...rest } = update?.fieldsV1 ?? {}
  if (update === undefined || spec === undefined) return
  const applied = managedFields.find(isOurs('Apply'))
  const others = managedFields.filter((entry) => entry !== update && entry !== applied)
  const fields = [
    ...others,
    ...(Object.keys(rest).length === 0 ? [] : [{ ...update, fieldsV1: rest }]),
    { ...update, operation: 'Apply' as const, fieldsV1: union(applied?.fieldsV1 ?? {}, { 'f:spec': spec }) },
  ]
  await replaceApp(client, { ...app, metadata: { ...app.metadata, managedFields: fields } })
}

function union(a: FieldSet, b: FieldSet): FieldSet {
  return Object.fromEntries(
    [...new Set([...Object.keys(a), ...Object.keys(b)])].map((field) => [field, union(a[field] ?? {}, b[field] ?? {})]),
  )
}

type Group = WeaverAppSpec['groups'][number]

function withReplicas(group: Group, now: WeaverApp['spec']['groups']): Group {
  const components = [...group.components].sort().join()
  const same = now?.find((g) => [...g.components].sort().join() === components)
  return same?.replicas === undefined ? group : ({ ...group, replicas: same.replicas } as Group) // checked by the API server
}

function listed(known: readonly KnownVersion[]): string {
  if (known.length === 0) return 'The cluster knows no version of it'
  return `Known are ${known.map(({ id }) => id).join(', ')}; \`weaver kube history\` shows them`
}
