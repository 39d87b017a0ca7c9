// What is installed on a cluster to run applications: operators, brokers, the kind. Found by the labels that the charts put on them.
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

const CRD_PATH = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/weaverapps.weaver.dev'

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
    partsOf(client, 'deployments', 'operator'),
    partsOf(client, 'statefulsets', 'broker'),
    client.call({ path: CRD_PATH, accept: [404], what: 'CustomResourceDefinition "weaverapps.weaver.dev"' }),
  ])
  return { operators, brokers, hasCrd: crd.status !== 404 }
}

async function partsOf(client: KubeClient, plural: string, kind: Part['kind']): Promise<readonly Part[]> {
  const component = kind === 'operator' ? 'operator' : 'nats'
  const { body } = await client.call({
    path: `/apis/apps/v1/${plural}`,
    query: { labelSelector: `app.kubernetes.io/name=weaver,app.kubernetes.io/component=${component}` },
    what: `${plural} of all namespaces`,
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
  const core = `/api/v1/namespaces/${encodeURIComponent(broker.namespace)}`
  const labelSelector = `app.kubernetes.io/name=weaver,app.kubernetes.io/instance=${broker.instance},app.kubernetes.io/component=nats`
  const { body } = await client.call({ path: `${core}/persistentvolumeclaims`, query: { labelSelector }, what: 'PersistentVolumeClaims' })
  const { items } = body as { readonly items: readonly Workload[] } // a PersistentVolumeClaimList
  const targets = [
    ['secrets', 'Secret', `${broker.name}-auth`] as const,
    ...items.map(({ metadata }) => ['persistentvolumeclaims', 'PersistentVolumeClaim', metadata.name] as const),
  ]
  const gone: string[] = []
  for (const [plural, kind, name] of targets) {
    const path = `${core}/${plural}/${encodeURIComponent(name)}`
    const { status } = await client.call({ method: 'DELETE', path, accept: [404], what: `${kind} "${broker.namespace}/${name}"` })
    if (status !== 404) gone.push(`${kind} "${broker.namespace}/${name}"`)
  }
  return gone
}

export async function deleteCrd(client: KubeClient): Promise<void> {
  await client.call({ method: 'DELETE', path: CRD_PATH, accept: [404], what: 'CustomResourceDefinition "weaverapps.weaver.dev"' })
}
