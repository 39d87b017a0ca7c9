// What is installed on a cluster to run applications: operators, brokers, the kind. Found by the labels that the charts put on them.
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

/** What outlives the release of a broker: its keys and its volumes. @returns what was deleted, `kind/name` */
export async function deleteBrokerLeftovers(client: KubeClient, broker: Part): Promise<readonly string[]> {
  const { namespace } = broker
  const labelSelector = `app.kubernetes.io/name=weaver,app.kubernetes.io/instance=${broker.instance},app.kubernetes.io/component=nats`
  const { body } = await client.call({
    path: resourcePath(KINDS.persistentVolumeClaims, { namespace }),
    query: { labelSelector },
    what: 'PersistentVolumeClaims',
  })
  const { items } = body as { readonly items: readonly Workload[] } // a PersistentVolumeClaimList
  const targets = [
    [KINDS.secrets, `${broker.name}-auth`] as const,
    ...items.map(({ metadata }) => [KINDS.persistentVolumeClaims, metadata.name] as const),
  ]
  const gone: string[] = []
  for (const [kind, name] of targets) {
    const what = `${kind.kind} "${namespace}/${name}"`
    const { status } = await client.call({ method: 'DELETE', path: resourcePath(kind, { namespace, name }), accept: [404], what })
    if (status !== 404) gone.push(what)
  }
  return gone
}

export async function deleteCrd(client: KubeClient): Promise<void> {
  await client.call({ method: 'DELETE', path: CRD_PATH, accept: [404], what: 'CustomResourceDefinition "weaverapps.weaver.dev"' })
}
