/**
 * One WeaverApp in a namespace of its own on a real API server, with a reconciler and everything around it, in made-up time. No controllers and no kubelet run
 * there: `cluster-player` plays them. Broker and traffic driver are fakes at the border.
 */
import type { WeaverApp, WeaverAppSpecInput, WeaverAppStatus } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { KINDS, type KubeApi, type KubeObject } from '@weaver/kube'
import { createAppControl, type AppControl } from '../control/app-control.js'
import { createLogger } from '../log/logger.js'
import type { AppEvent } from '../reconcile/pass-status.js'
import { createAppReconciler, type AppReconciler } from '../reconcile/reconcile-app.js'
import type { ApiServer } from './api-server.js'
import type { RolloutEnd } from '../reconcile/rollout-end.js'
import { createClusterPlayer, type ClusterPlayer } from './cluster-player.js'
import { createFakeBroker, type FakeBroker } from './fake-broker.js'
import { createNoneDriver } from '../traffic/none/none-driver.js'
import { createFakeTrafficDriver, type FakeTrafficDriver } from './fake-traffic-driver.js'
import { createLiveView } from './live-view.js'
import { createRecordingApi, type RecordingApi } from './recording-api.js'
import { createRememberedReads } from './remembered-reads.js'

export const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'httpserver/Converter', methods: [], refs: [], listeners: [] },
    { name: 'httpserver/Reverser', methods: [], refs: [], listeners: [] },
    { name: 'weaver/Main', methods: [], refs: ['httpserver/Converter', 'httpserver/Reverser'], listeners: ['lis'] },
  ],
}
export const V1 = 'reg.example/httpserver:v1'
export const V2 = 'reg.example/httpserver:v2'

/** Of leader components: short, as all times of their tests hang on it. */
export const LEASE_MS = 5_000

let count = 0

export interface StoryOptions {
  /** Others than the story, by clients of their own, write in its namespace. @default false */
  readonly isShared?: boolean
}

/** One app in a namespace of its own, with everything around it. */
export class Story {
  readonly namespace = `story-${(count += 1)}`
  readonly key = { namespace: this.namespace, name: 'hello' }
  readonly broker: FakeBroker = createFakeBroker()
  readonly proxy: FakeTrafficDriver = createFakeTrafficDriver()
  readonly events: AppEvent[] = []
  /** Ends of rollouts as the reconcilers told of them. */
  readonly ends: RolloutEnd[] = []
  readonly admin: KubeApi
  readonly player: ClusterPlayer
  api!: RecordingApi // set by restartOperator, which start() calls first
  reconciler!: AppReconciler // the same
  control!: AppControl // the same
  now = Date.now()
  clockSetAt = 0

  private constructor(server: ApiServer, options: StoryOptions) {
    this.admin = options.isShared === true ? server.api : createRememberedReads(server.api)
    this.player = createClusterPlayer(this.admin, this.namespace)
  }

  static async start(server: ApiServer, options: StoryOptions = {}): Promise<Story> {
    const story = new Story(server, options)
    await story.admin.create(KINDS.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: story.namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    })
    story.player.images.set(V1, { graph: GRAPH, digest: '1'.repeat(64) })
    story.player.images.set(V2, { graph: GRAPH, digest: '2'.repeat(64) })
    story.restartOperator()
    return story
  }

  /** A new process: nothing remembered but what is in the cluster. */
  restartOperator(): void {
    const api = createRecordingApi(this.admin, { podLogs: (pod) => this.player.logOf(pod) })
    this.api = api
    void this.control?.close()
    this.control = createAppControl({ api: this.admin, broker: this.broker, log: createLogger({ level: 'error' }), leaseMs: LEASE_MS })
    this.reconciler = createAppReconciler({
      api: this.api,
      view: createLiveView(this.api),
      broker: this.broker,
      control: this.control,
      drivers: { none: createNoneDriver(), proxy: { ...this.proxy, sync: async (plan) => (api.check(), this.proxy.sync(plan)) } },
      events: { emit: (_app, event) => void this.events.push(event) },
      onRolloutEnd: (_key, end) => void this.ends.push(end),
      log: createLogger({ level: 'error' }),
      clock: { now: () => this.now, steady: () => this.now, setAt: () => this.clockSetAt },
    })
  }

  /** What `kubectl apply` of a whole manifest does. */
  async applySpec(spec: WeaverAppSpecInput): Promise<void> {
    const body = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', metadata: { name: 'hello', namespace: this.namespace }, spec }
    await this.admin.apply(KINDS.weaverApps, body)
  }
  async app(): Promise<(WeaverApp & KubeObject) | undefined> {
    return this.admin.get<WeaverApp & KubeObject>(KINDS.weaverApps, this.namespace, 'hello')
  }
  async status(): Promise<WeaverAppStatus> {
    return (await this.app())?.status ?? {}
  }
  async condition(type: string) {
    return (await this.status()).conditions?.find((c) => c.type === type)
  }

  /** Lets the cluster and the operator go on, in made-up time, until something is so. */
  async until(
    what: string,
    isSo: (status: WeaverAppStatus) => boolean | Promise<boolean>,
    options: { passes?: number } = {},
  ): Promise<WeaverAppStatus> {
    for (let pass = 0; pass < (options.passes ?? 120); pass += 1) {
      const status = await this.status()
      if (await isSo(status)) return status
      await this.player.tick()
      const { requeueAfterMs } = await this.reconciler.reconcile(this.key, AbortSignal.timeout(120_000))
      this.now += Math.min(requeueAfterMs ?? 1_000, 30_000)
    }
    throw new Error(`not reached: ${what}; status is ${JSON.stringify(await this.status(), null, 1)}`)
  }
  isServing(id: string | undefined) {
    return (s: WeaverAppStatus) => s.phase === 'Ready' && s.active === id && s.versions?.length === 1
  }
}

export const spec = (image: string, more: Partial<WeaverAppSpecInput> = {}): WeaverAppSpecInput => ({
  image,
  listeners: [{ name: 'lis', port: 80 }],
  rollout: { duration: '50s', progressDeadline: '40s', drainTimeout: '30s' },
  ...more,
})
export const isReady = (s: WeaverAppStatus) => s.phase === 'Ready' && s.versions?.length === 1

/** A story whose v1 serves. */
export async function serving(server: ApiServer): Promise<{ story: Story; v1: string }> {
  const story = await Story.start(server)
  await story.applySpec(spec(V1))
  const status = await story.until('v1 serves', isReady)
  return { story, v1: status.active ?? '' }
}
