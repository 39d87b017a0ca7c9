/**
 * Plays the controllers and the kubelet that an API server alone does not have: Deployment controller, kubelet, EndpointSlice controller, and garbage
 * collector, in one `tick` each. Differs from the real ones: everything happens at once when `tick` is called, a pod becomes what `behaviour` says without
 * running anything, no probe is asked, the describe pod's log is made from `images`, and pods of a deleted workload end without grace.
 */
import { ANNOTATIONS, LABELS } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { createHash } from 'node:crypto'
import { KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import { containerOf, type Pod } from '../describe/pod-view.js'
import { DESCRIBE_CONTAINER, DESCRIBE_ROLE } from '../desired/describe-pod.js'
import { APP_CONTAINER } from '../desired/workload.js'
import type { Workload } from '../reconcile/cluster-view.js'

/** What pulling an image gives; `undefined` graph: no Weaver image. */
export interface PlayedImage {
  readonly graph?: ComponentGraph
  /** Hex without `sha256:`; absent: imported into the node. */
  readonly digest?: string
}
export interface ClusterPlayer {
  readonly images: Map<string, PlayedImage>
  /** Fate of a workload's pods, by its name. @default always `ready` */
  behaviour: (workload: string) => 'ready' | 'crash' | 'starting'
  /** What a process that crashes leaves in its log. @default `cannot reach the database` */
  lastWords: string
  /** One round of every controller. */
  tick(): Promise<void>
  /** What the describe pod printed. */
  logOf(pod: string): string
  /** Objects of these kinds in the namespace, as `Kind/name`, sorted. */
  inventory(): Promise<string[]>
}

const OWNED: readonly ResourceKind[] = [
  KINDS.deployments,
  KINDS.pods,
  KINDS.services,
  KINDS.secrets,
  KINDS.endpointSlices,
  KINDS.controllerRevisions,
  KINDS.networkPolicies,
  KINDS.horizontalPodAutoscalers,
  KINDS.podDisruptionBudgets,
]

/** @param api a client with every right, not the one whose writes are counted */
export function createClusterPlayer(api: KubeApi, namespace: string): ClusterPlayer {
  const logs = new Map<string, string>()
  let address = 1
  const addresses = new Map<string, string>()
  const player: ClusterPlayer = {
    images: new Map(),
    behaviour: () => 'ready',
    lastWords: 'cannot reach the database',
    logOf: (pod) => logs.get(pod) ?? '',
    async tick() {
      await collectGarbage()
      for (const workload of await list<Workload>(KINDS.deployments)) await playWorkload(workload)
      for (const pod of await list<Pod>(KINDS.pods)) if (pod.metadata.labels?.[LABELS.role] === DESCRIBE_ROLE) await playDescribe(pod)
      for (const service of await list(KINDS.services)) await playService(service)
    },
    async inventory() {
      const all = await Promise.all(OWNED.map((kind) => list(kind)))
      return all.flatMap((items, i) => items.map((o) => `${OWNED[i]?.kind}/${o.metadata.name}`)).sort()
    },
  }
  return player

  async function list<T extends KubeObject>(kind: ResourceKind): Promise<readonly T[]> {
    return (await api.list<T>(kind, { namespace })).items
  }

  async function collectGarbage(): Promise<void> {
    const all = await Promise.all([KINDS.weaverApps, ...OWNED].map((kind) => list(kind)))
    const alive = new Set(all.flat().map((o) => o.metadata.uid))
    for (const [i, kind] of OWNED.entries())
      for (const object of all[i + 1] ?? []) {
        const owners = object.metadata.ownerReferences ?? []
        if (owners.length > 0 && !owners.some((o) => alive.has(o.uid))) await api.delete(kind, namespace, object.metadata.name)
      }
  }

  async function playWorkload(workload: Workload): Promise<void> {
    const spec = workload.spec as {
      readonly replicas?: number
      readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: unknown }
    } // the API server checked it
    const wanted = spec.replicas ?? 1
    const fate = player.behaviour(workload.metadata.name)
    const pods = (await list<Pod>(KINDS.pods)).filter((p) => p.metadata.ownerReferences?.some((o) => o.uid === workload.metadata.uid))
    for (let i = pods.length; i < wanted; i += 1) {
      const name = `${workload.metadata.name}-${i}`.slice(-63)
      const owner = {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        name: workload.metadata.name,
        uid: workload.metadata.uid ?? '',
        controller: true,
      }
      await api.create(KINDS.pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels: spec.template.metadata.labels, ownerReferences: [owner] },
        spec: spec.template.spec,
      })
    }
    for (const pod of pods.slice(wanted)) await api.delete(KINDS.pods, namespace, pod.metadata.name)
    for (const pod of (await list<Pod>(KINDS.pods)).filter((p) => p.metadata.ownerReferences?.some((o) => o.uid === workload.metadata.uid)))
      await playPod(pod, fate)
    const ready = fate === 'ready' ? wanted : 0
    const status = {
      observedGeneration: workload.metadata.generation ?? 0,
      replicas: wanted,
      updatedReplicas: wanted,
      readyReplicas: ready,
      availableReplicas: ready,
    }
    if (
      workload.status?.observedGeneration === status.observedGeneration &&
      workload.status.readyReplicas === ready &&
      (ready > 0 || workload.status.replicas === wanted)
    )
      return
    await api.replaceStatus(KINDS.deployments, { ...workload, status })
  }

  async function playPod(pod: Pod, fate: ReturnType<ClusterPlayer['behaviour']>): Promise<void> {
    const state =
      fate === 'crash'
        ? {
            restartCount: 4,
            ready: false,
            started: false,
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
            lastState: { terminated: { exitCode: 1, reason: 'Error', message: player.lastWords } },
          }
        : { restartCount: 0, ready: fate === 'ready', started: true, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }
    if (containerOf(pod, APP_CONTAINER)?.ready === state.ready && containerOf(pod, APP_CONTAINER)?.restartCount === state.restartCount)
      return
    const ip = addresses.get(pod.metadata.name) ?? `10.0.${address >> 8}.${(address++ & 255) + 1}`
    addresses.set(pod.metadata.name, ip)
    await setPodStatus(pod, {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: fate === 'ready' ? 'True' : 'False' }],
      containerStatuses: [{ name: APP_CONTAINER, image: 'i', imageID: 'i', ...state }],
    })
  }

  async function playDescribe(pod: Pod): Promise<void> {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return
    const image = (pod.spec as { readonly containers?: readonly { readonly image?: string }[] }).containers?.[0]?.image ?? '' // as read from the API server
    const played = player.images.get(image)
    const base = { name: DESCRIBE_CONTAINER, image, ready: false, restartCount: 0 }
    if (played === undefined) {
      await setPodStatus(pod, {
        phase: 'Pending',
        containerStatuses: [
          {
            ...base,
            imageID: '',
            state: { waiting: { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}": not found` } },
          },
        ],
      })
      return
    }
    const imageID =
      played.digest === undefined ? `sha256:${'0'.repeat(64)}` : `${image.slice(0, image.lastIndexOf(':'))}@sha256:${played.digest}`
    const isGood = played.graph !== undefined
    if (isGood) logs.set(pod.metadata.name, describeOutput(played.graph))
    const terminated = {
      exitCode: isGood ? 0 : 1,
      reason: isGood ? 'Completed' : 'Error',
      message: isGood ? '' : "Error: ENOENT: no such file or directory, open '/weaver/graph.json'",
    }
    await setPodStatus(pod, { phase: isGood ? 'Succeeded' : 'Failed', containerStatuses: [{ ...base, imageID, state: { terminated } }] })
  }

  async function setPodStatus(pod: Pod, status: object): Promise<void> {
    await api.replaceStatus(KINDS.pods, { ...pod, status })
  }

  async function playService(service: KubeObject): Promise<void> {
    const spec = service['spec'] as {
      readonly selector?: Record<string, string>
      readonly ports?: readonly { readonly port?: number; readonly targetPort?: number | string }[]
    } // as read from the API server
    if (spec.selector === undefined) return
    const port = spec.ports?.[0]
    const pods = (await list<Pod>(KINDS.pods)).filter((p) =>
      Object.entries(spec.selector ?? {}).every(([k, v]) => p.metadata.labels?.[k] === v),
    )
    const isReady = (p: Pod) => p.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true
    const endpoints = pods
      .filter((p) => p.status?.podIP !== undefined)
      .map((p) => ({
        addresses: [p.status?.podIP ?? ''],
        conditions: { ready: isReady(p), serving: isReady(p), terminating: false },
        targetRef: { kind: 'Pod', name: p.metadata.name, uid: p.metadata.uid, namespace },
      }))
    const hash = createHash('sha256').update(JSON.stringify(endpoints)).digest('hex').slice(0, 16)
    const name = `${service.metadata.name}-x`
    const existing = await api.get(KINDS.endpointSlices, namespace, name)
    if (existing?.metadata.annotations?.[ANNOTATIONS.appliedHash] === hash) return
    await api.apply(KINDS.endpointSlices, {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name,
        namespace,
        labels: { ...service.metadata.labels, 'kubernetes.io/service-name': service.metadata.name },
        annotations: { [ANNOTATIONS.appliedHash]: hash },
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Service', name: service.metadata.name, uid: service.metadata.uid ?? '', controller: true },
        ],
      },
      addressType: 'IPv4',
      endpoints,
      // A port by name is that of some container; nobody here dials it.
      ports: [{ name: 'listener', port: typeof port?.targetPort === 'number' ? port.targetPort : (port?.port ?? 0), protocol: 'TCP' }],
    })
  }
}

/** The line that the describe pod's program prints for a graph. */
function describeOutput(graph: ComponentGraph | undefined): string {
  const bytes = Buffer.from(JSON.stringify(graph))
  return `weaver-graph ${bytes.length} ${createHash('sha256').update(bytes).digest('hex')} ${bytes.toString('base64')}\n`
}
