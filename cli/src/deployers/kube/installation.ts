// What is installed on a cluster to run applications: operators, brokers, the kind. Found by the labels that the charts put on them.
import { FIELD_MANAGER, LABELS } from '@weaver/crds'
import { KINDS, resourcePath, type ResourceKind } from '@weaver/kube'
import type { KubeClient } from './kube-client.js'

export interface Part {
  readonly kind: 'operator' | 'broker'
  readonly namespace: string
  readonly name: string
  /** `2/3`. */
  readonly ready: string
  readonly isReady: boolean
  /** Value of `app.kubernetes.io/instance`. */
  readonly instance: string
  /** The Helm release it belongs to; absent: something else installed it. */
  readonly release?: string
}
export interface Installation {
  readonly operators: readonly Part[]
  readonly brokers: readonly Part[]
  readonly hasCrd: boolean
}

const CRD_PATH = resourcePath(KINDS.customResourceDefinitions, { name: 'weaverapps.weaver.dev' })

interface Workload {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: { readonly replicas?: number }
  readonly status?: { readonly readyReplicas?: number }
}

export async function findInstallation(client: KubeClient): Promise<Installation> {
  const [operators, brokers, crd] = await Promise.all([
    partsOf(client, KINDS.deployments, 'operator'),
    partsOf(client, KINDS.statefulSets, 'broker'),
    client.call({ path: CRD_PATH, accept: [404], what: 'CustomResourceDefinition "weaverapps.weaver.dev"' }),
  ])
  return { operators, brokers, hasCrd: crd.status !== 404 }
}

async function partsOf(client: KubeClient, of: ResourceKind, kind: Part['kind']): Promise<readonly Part[]> {
  const component = kind === 'operator' ? 'operator' : 'nats'
  const { body } = await client.call({
    path: resourcePath(of),
    query: { labelSelector: `app.kubernetes.io/name=weaver,app.kubernetes.io/component=${component}` },
    what: `${of.plural} of all namespaces`,
  })
  const { items } = body as { readonly items: readonly Workload[] } // a list of the kind
  return items.map(({ metadata, spec, status }) => {
    const [ready, wanted] = [status?.readyReplicas ?? 0, spec.replicas ?? 1]
    const release = metadata.annotations?.['meta.helm.sh/release-name']
    return {
      kind,
      namespace: metadata.namespace,
      name: metadata.name,
      ready: `${ready}/${wanted}`,
      isReady: ready > 0,
      instance: metadata.labels?.['app.kubernetes.io/instance'] ?? '',
      ...(release === undefined ? {} : { release }),
    }
  })
}

/** What became of an object. */
export interface Leftover {
  /** `Secret "weaver/weaver-nats-auth"`. */
  readonly what: string
  /** Absent: it was deleted. */
  readonly keptBecause?: string
}

/**
 * Deletes what outlives the release of a broker: its keys and its volumes. A Secret that only has
 * the name of the keys is somebody else's and stays.
 */
export async function deleteBrokerLeftovers(client: KubeClient, broker: Part): Promise<readonly Leftover[]> {
  const { namespace } = broker
  const labelSelector = `app.kubernetes.io/name=weaver,app.kubernetes.io/instance=${broker.instance},app.kubernetes.io/component=nats`
  const { body } = await client.call({
    path: resourcePath(KINDS.persistentVolumeClaims, { namespace }),
    query: { labelSelector },
    what: 'PersistentVolumeClaims',
  })
  const { items } = body as { readonly items: readonly Workload[] } // a PersistentVolumeClaimList
  const keys = await readObject(client, KINDS.secrets, { namespace, name: `${broker.name}-auth` })
  const targets = [
    ...(keys === undefined ? [] : [[KINDS.secrets, keys] as const]),
    ...items.map(({ metadata }) => [KINDS.persistentVolumeClaims, metadata] as const),
  ]
  const done: Leftover[] = []
  for (const [kind, { name, uid, labels }] of targets) {
    const what = `${kind.kind} "${namespace}/${name}"`
    if (kind === KINDS.secrets && labels?.[LABELS.managedBy] !== FIELD_MANAGER) {
      done.push({ what, keptBecause: `it has no label ${LABELS.managedBy}=${FIELD_MANAGER}: something else made it` })
      continue
    }
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid } }
    const { status } = await client.call({
      method: 'DELETE',
      path: resourcePath(kind, { namespace, name }),
      body,
      accept: [404, 409],
      what,
    })
    if (status === 409) done.push({ what, keptBecause: 'it was made anew meanwhile' })
    else if (status !== 404) done.push({ what })
  }
  return done
}

type Metadata = Workload['metadata']

async function readObject(
  client: KubeClient,
  kind: ResourceKind,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<Metadata | undefined> {
  const path = resourcePath(kind, { namespace, name })
  const { status, body } = await client.call({ path, accept: [404], what: `${kind.kind} "${namespace}/${name}"` })
  return status === 404 ? undefined : (body as { readonly metadata: Metadata }).metadata // an object of the kind
}

export async function deleteCrd(client: KubeClient): Promise<void> {
  await client.call({ method: 'DELETE', path: CRD_PATH, accept: [404], what: 'CustomResourceDefinition "weaverapps.weaver.dev"' })
}
