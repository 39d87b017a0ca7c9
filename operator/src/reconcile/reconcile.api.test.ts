import { FINALIZER, type WeaverApp, type WeaverAppSpecInput, type WeaverAppStatus } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import type { KubeApi, KubeObject } from '../kube/kube-api.js'
import { KINDS } from '../kube/kinds.js'
import { createLogger } from '../log.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createClusterPlayer, type ClusterPlayer } from '../testing/cluster-player.js'
import { createFakeBroker, type FakeBroker } from '../testing/fake-broker.js'
import { createFakeTrafficDriver, type FakeTrafficDriver } from '../testing/fake-traffic-driver.js'
import { createLiveView } from '../testing/live-view.js'
import { Crash, createRecordingApi, type RecordingApi } from '../testing/recording-api.js'
import { createAppReconciler, type AppEvent, type AppReconciler } from './reconcile-app.js'

// A real API server and etcd. No controllers and no kubelet run there: `cluster-player` plays them. Broker and traffic driver are fakes at the border.

const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'httpserver/Converter', methods: [], refs: [], listeners: [] },
    { name: 'httpserver/Reverser', methods: [], refs: [], listeners: [] },
    { name: 'weaver/Main', methods: [], refs: ['httpserver/Converter', 'httpserver/Reverser'], listeners: ['lis'] },
  ],
}
const V1 = 'reg.example/httpserver:v1'
const V2 = 'reg.example/httpserver:v2'

let server: ApiServer
let count = 0

beforeAll(async () => {
  server = await startApiServer()
}, 120_000)
afterAll(async () => {
  await server?.close()
}, 30_000)

/** One app in a namespace of its own, with everything around it. */
class Story {
  readonly namespace = `story-${(count += 1)}`
  readonly key = { namespace: this.namespace, name: 'hello' }
  readonly broker: FakeBroker = createFakeBroker()
  readonly proxy: FakeTrafficDriver = createFakeTrafficDriver()
  readonly events: AppEvent[] = []
  readonly admin: KubeApi = server.api
  readonly player: ClusterPlayer = createClusterPlayer(this.admin, this.namespace)
  api!: RecordingApi // set by restartOperator, which start() calls first
  reconciler!: AppReconciler // the same
  now = Date.now()

  static async start(): Promise<Story> {
    const story = new Story()
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
    this.reconciler = createAppReconciler({
      api: this.api,
      view: createLiveView(this.api),
      broker: this.broker,
      proxy: { ...this.proxy, sync: async (plan) => (api.check(), this.proxy.sync(plan)) },
      events: { emit: (_app, event) => void this.events.push(event) },
      log: createLogger({ level: 'error' }),
      now: () => this.now,
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
      const { requeueAfterMs } = await this.reconciler.reconcile(this.key, AbortSignal.timeout(20_000))
      this.now += Math.min(requeueAfterMs ?? 1_000, 30_000)
    }
    throw new Error(`not reached: ${what}; status is ${JSON.stringify(await this.status(), null, 1)}`)
  }
  isServing(id: string | undefined) {
    return (s: WeaverAppStatus) => s.phase === 'Ready' && s.active === id && s.versions?.length === 1
  }
}

const spec = (image: string, more: Partial<WeaverAppSpecInput> = {}): WeaverAppSpecInput => ({
  image,
  listeners: [{ name: 'lis', port: 80 }],
  rollout: { duration: '50s', progressDeadline: '40s', drainTimeout: '30s' },
  ...more,
})
const isReady = (s: WeaverAppStatus) => s.phase === 'Ready' && s.versions?.length === 1

/** A story whose v1 serves. */
async function serving(): Promise<{ story: Story; v1: string }> {
  const story = await Story.start()
  await story.applySpec(spec(V1))
  const status = await story.until('v1 serves', isReady)
  return { story, v1: status.active ?? '' }
}

describe('first deploy', () => {
  it('gives no traffic before every group is ready, then all of it', async () => {
    const story = await Story.start()
    story.player.behaviour = (workload) => (workload.includes('reverser') ? 'starting' : 'ready')
    await story.applySpec(spec(V1))
    const waiting = await story.until('two of three groups', (s) => s.ready === '2/3')
    expect(waiting.waitingFor).toContain('httpserver/Reverser')
    expect(story.proxy.asked).toEqual([])
    story.player.behaviour = () => 'ready'
    const status = await story.until('Ready', isReady)
    expect(status).toMatchObject({
      ready: '3/3',
      weight: '100/100',
      versions: [{ digest: `sha256:${'1'.repeat(64)}`, weightDesired: 100, weightObserved: 100 }],
    })
    expect(await story.condition('Ready')).toMatchObject({ status: 'True' })
    expect(await story.condition('ImagePinned')).toMatchObject({ status: 'True' })
    expect(story.proxy.violations).toEqual([])
    expect([...story.broker.accounts]).toEqual([status.active])
    const inventory = await story.player.inventory()
    expect(inventory.filter((n) => n.startsWith('Deployment/'))).toHaveLength(3)
    expect(inventory.filter((n) => n.startsWith('Pod/') && n.endsWith('-describe'))).toEqual([])
  }, 60_000)

  it('writes nothing once it is ready, not even after a restart of the operator', async () => {
    const { story } = await serving()
    story.restartOperator()
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(story.api.writes).toEqual([])
  }, 60_000)

  it('scales in place, hands replicas to an autoscaler, and does not fight what the server writes differently', async () => {
    const story = await Story.start()
    const text = (replicas: { min: number; max?: number }) =>
      spec(V1, {
        groups: [
          {
            name: 'text',
            components: ['httpserver/Reverser', 'httpserver/Converter'],
            replicas,
            resources: { requests: { cpu: '1000m' } },
          },
        ],
      })
    await story.applySpec(text({ min: 2, max: 4 }))
    const { active = '' } = await story.until('two replicas', isReady)
    const replicas = async () =>
      ((await story.admin.get(KINDS.deployments, story.namespace, `hello-text-${active}`))?.['spec'] as { replicas?: number } | undefined)
        ?.replicas
    const hasAutoscaler = async () => (await story.player.inventory()).includes(`HorizontalPodAutoscaler/hello-text-${active}`)
    expect([await replicas(), await hasAutoscaler()]).toEqual([2, true])
    await story.admin.patch(KINDS.deployments, story.namespace, `hello-text-${active}`, { spec: { replicas: 4 } })
    story.restartOperator()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    story.api.writes.length = 0
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(story.api.writes).toEqual([])
    expect(await replicas()).toBe(4)
    await story.applySpec(text({ min: 3 }))
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect([await replicas(), await hasAutoscaler(), (await story.status()).active]).toEqual([3, false, active])
    await story.applySpec(text({ min: 2, max: 6 }))
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    // An applied number that is left out would fall back to 1.
    expect([await replicas(), await hasAutoscaler()]).toEqual([4, true])
  }, 60_000)

  it('makes again what somebody deletes, and takes back what somebody edits', async () => {
    const { story, v1 } = await serving()
    await story.admin.delete(KINDS.services, story.namespace, `hello-lis-${v1}`)
    await story.admin.patch(KINDS.deployments, story.namespace, `hello-main-${v1}`, { spec: { replicas: 7 } })
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(await story.admin.get(KINDS.services, story.namespace, `hello-lis-${v1}`)).toBeDefined()
    expect((await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`))?.['spec']).toMatchObject({ replicas: 1 })
  }, 60_000)
})

describe('trouble around the app', () => {
  it('waits for a broker that is away, says so, and goes on when it is back', async () => {
    const story = await Story.start()
    story.broker.outage = 'no broker answers'
    await story.applySpec(spec(V1))
    const failing = story.until('a few passes', () => false, { passes: 5 })
    await expect(failing).rejects.toThrow(/no broker answers/)
    await expect(story.until('a few more', () => false, { passes: 1 })).rejects.toThrow(/no broker answers/)
    expect(await story.condition('Degraded')).toMatchObject({
      status: 'True',
      reason: 'WorkFailed',
      message: expect.stringContaining('no broker answers'),
    })
    story.broker.outage = undefined
    await story.until('v1 serves', isReady)
    expect(await story.condition('Degraded')).toMatchObject({ status: 'False' })
  }, 60_000)

  it('says why not even the describe pod may be made', async () => {
    const story = await Story.start()
    await story.applySpec(spec(V1, { tolerations: [{ operator: 'Sometimes' }] }))
    await story.until('a condition', (s) => s.conditions?.some((c) => c.type === 'Described' && c.status === 'False') === true, {
      passes: 5,
    })
    expect(await story.condition('Stalled')).toMatchObject({
      status: 'True',
      reason: 'DescribeFailed',
      message: expect.stringContaining('tolerations[0]'),
    })
    expect(story.events).toContainEqual({ type: 'Warning', reason: 'DescribeFailed', message: expect.stringContaining('tolerations[0]') })
  }, 60_000)
})

describe('upgrade', () => {
  it('moves traffic step by step, each only when the last is in force, and removes the old version', async () => {
    const { story, v1 } = await serving()
    story.proxy.lag = 1
    story.api.writes.length = 0
    await story.applySpec(spec(V2))
    const status = await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
    const v2 = status.active
    const shares = [10, 25, 50, 75].map((w) => [`${v1}=${100 - w}`, `${v2}=${w}`].sort().join(' '))
    expect(story.proxy.asked).toEqual([`${v1}=100`, ...shares, `${v2}=100`])
    expect(story.proxy.violations).toEqual([])
    expect([...story.broker.accounts]).toEqual([v2])
    await story.player.tick()
    expect((await story.player.inventory()).filter((n) => n.includes(v1))).toEqual([])
    const counts = countBy(story.api.writes)
    process.stdout.write(`API writes of one rollout v1 -> v2 (3 groups, 5 steps): ${story.api.writes.length} ${JSON.stringify(counts)}\n`)
    expect(counts['status weaverapps'] ?? 0).toBeLessThan(40)
    expect(story.api.writes.length).toBeLessThan(90)
  }, 120_000)

  it('goes on after a restart of the operator in the middle, without going back', async () => {
    const { story, v1 } = await serving()
    await story.applySpec(spec(V2))
    await story.until('half way', (s) => s.versions?.some((v) => v.id !== v1 && v.weightObserved === 50) === true)
    story.restartOperator()
    await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
    const shares = story.proxy.asked.map((a) => Number(/[^ =]+=([0-9]+)/.exec(a.split(' ').find((p) => !p.startsWith(v1)) ?? '')?.[1] ?? 0))
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
  }, 120_000)

  it('gives up a version that never becomes ready, names the component, the pod and the reason, and leaves v1 alone', async () => {
    const { story, v1 } = await serving()
    const before = await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`)
    story.player.behaviour = (workload) => (workload.includes('reverser') && !workload.includes(v1) ? 'crash' : 'ready')
    await story.applySpec(spec(V2))
    await story.until('failed', (s) => s.phase === 'Failed' && s.versions?.length === 1)
    for (const type of ['Stalled', 'Ready', 'Progressing'])
      expect((await story.condition(type))?.message).toMatch(
        /httpserver\/Reverser.*pod "hello-reverser-.*CrashLoopBackOff.*cannot reach the database/,
      )
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect(story.proxy.asked).toEqual([`${v1}=100`])
    expect([...story.broker.accounts]).toEqual([v1])
    expect((await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`))?.metadata.generation).toBe(
      before?.metadata.generation,
    )
    expect(story.events.filter((e) => e.type === 'Warning').map((e) => e.message)).toContainEqual(
      expect.stringContaining('CrashLoopBackOff'),
    )
    // The failed version is not tried again...
    const writes = story.api.writes.length
    await story.until('a while', async () => false, { passes: 5 }).catch(() => undefined)
    expect(story.api.writes.slice(writes)).toEqual([])
    // ...until the spec asks for something else.
    await story.applySpec(spec(V1))
    await story.until('v1 wanted again', (s) => s.phase === 'Ready' && s.active === v1)
  }, 120_000)

  it('carries out abort and promote, once, and removes the annotation', async () => {
    const { story, v1 } = await serving()
    await story.applySpec(spec(V2, { rollout: { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' } }))
    await story.until('paused', (s) => s.phase === 'Paused')
    await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': 'now' } } })
    await story.until('aborted', (s) => s.active === v1 && s.versions?.length === 1)
    expect((await story.app())?.metadata.annotations?.['weaver.dev/abort']).toBeUndefined()
    await story.applySpec(
      spec(V2, {
        env: [{ name: 'TRY', value: '2' }],
        rollout: { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' },
      }),
    )
    await story.until('paused again', (s) => s.phase === 'Paused')
    await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/promote': 'now' } } })
    await story.until('promoted', (s) => isReady(s) && s.active !== v1)
    expect((await story.app())?.metadata.annotations?.['weaver.dev/promote']).toBeUndefined()
  }, 120_000)

  it('waits for calls in flight before it removes the old version', async () => {
    const { story, v1 } = await serving()
    story.broker.inFlight.set(v1, 3)
    await story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '5m' } }))
    await story.until('v1 drains', (s) => s.versions?.some((v) => v.id === v1 && v.phase === 'Draining' && v.inFlight === 3) === true)
    expect([...story.broker.accounts]).toContain(v1)
    story.broker.inFlight.delete(v1)
    await story.until('v1 gone', (s) => isReady(s) && s.active !== v1)
    expect([...story.broker.accounts]).not.toContain(v1)
  }, 60_000)
})

describe('spec that cannot be carried out', () => {
  it.each([
    [
      'an unknown component',
      { groups: [{ name: 'text', components: ['httpserver/Nobody'] }] },
      /spec\.groups\[0\]\.components\[0\].*httpserver\/Nobody/,
    ],
    ['a listener that the graph lacks', { listeners: [{ name: 'admin' }] }, /spec\.listeners\[0\].*admin/],
  ])(
    '%s is a condition with path and remedy, and v1 serves on',
    async (_title, more, said) => {
      const { story, v1 } = await serving()
      await story.applySpec(spec(V2, more))
      await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Stalled' && c.status === 'True') === true)
      expect(await story.condition('Stalled')).toMatchObject({ reason: 'InvalidSpec', message: expect.stringMatching(said) })
      expect(await story.condition('Available')).toMatchObject({ status: 'True' })
      expect(story.proxy.asked).toEqual([`${v1}=100`])
      await story.applySpec({ ...spec(V2), groups: [] })
      await story.until('corrected', (s) => isReady(s) && s.active !== v1)
    },
    60_000,
  )

  it('an invalid field leaves what was scaled in place alone', async () => {
    const story = await Story.start()
    const groups = (min: number) => [{ name: 'text', components: ['httpserver/Reverser'], replicas: { min } }]
    await story.applySpec(spec(V1, { groups: groups(1) }))
    const { active } = await story.until('v1 serves', isReady)
    await story.applySpec(spec(V1, { groups: groups(3) }))
    const replicas = async () =>
      ((await story.admin.get(KINDS.deployments, story.namespace, `hello-text-${active}`))?.['spec'] as { replicas?: number } | undefined)
        ?.replicas
    await story.until('three', async () => (await replicas()) === 3)
    // An app older than the CRD's rule that would refuse it today.
    const twice = [...groups(3), { name: 'more', components: ['httpserver/Reverser'] }]
    story.api.get = async (kind, namespace, name, options) => {
      const found = await story.admin.get<any>(kind, namespace, name, options)
      return kind === KINDS.weaverApps ? { ...found, spec: { ...found.spec, groups: twice } } : found
    }
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(await story.condition('Stalled')).toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.groups[1].components[0]'),
    })
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect(await replicas()).toBe(3)
  }, 60_000)

  it.each([
    ['an image that cannot be pulled', 'reg.example/nothing:v9', 'ImagePullFailed', /cannot be pulled: ImagePullBackOff/],
    ['an image that is no Weaver image', 'reg.example/nginx:v1', 'NotAWeaverImage', /is not a Weaver image/],
  ])(
    '%s says so, and v1 serves on',
    async (_title, image, reason, said) => {
      const { story, v1 } = await serving()
      story.player.images.set('reg.example/nginx:v1', { digest: '3'.repeat(64) })
      await story.applySpec(spec(image))
      await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Described' && c.reason === reason) === true)
      expect(await story.condition('Described')).toMatchObject({ status: 'False', message: expect.stringMatching(said) })
      expect(story.proxy.asked).toEqual([`${v1}=100`])
    },
    60_000,
  )
})

describe('deletion', () => {
  it('removes everything that the app owned and nothing else', async () => {
    const { story } = await serving()
    await story.admin.create(KINDS.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'bystander', namespace: story.namespace },
      spec: { ports: [{ port: 80 }] },
    })
    await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
    expect((await story.app())?.metadata.finalizers).toContain(FINALIZER)
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(await story.app()).toBeUndefined()
    expect([...story.broker.accounts]).toEqual([])
    for (let i = 0; i < 3; i += 1) await story.player.tick()
    expect(await story.player.inventory()).toEqual(['Service/bystander'])
  }, 60_000)

  it('is held up by a broker that is gone, but not for ever', async () => {
    const { story } = await serving()
    story.broker.outage = 'broker unreachable'
    story.now = Date.now() // deletionTimestamp is the API server's
    await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(await story.app()).toBeDefined()
    story.now += 60_000
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000))
    expect(await story.app()).toBeUndefined()
    expect(story.events.at(-1)?.message).toMatch(/broker unreachable.*given up/)
  }, 60_000)
})

describe('suspend', () => {
  it('freezes a rollout where it is', async () => {
    const { story, v1 } = await serving()
    await story.applySpec(spec(V2))
    await story.until('a quarter', (s) => s.versions?.some((v) => v.id !== v1 && v.weightObserved === 25) === true)
    await story.applySpec(spec(V2, { suspend: true }))
    await story.until('a while', async () => false, { passes: 5 }).catch(() => undefined)
    expect(await story.status()).toMatchObject({ phase: 'Suspended', weight: '25/25' })
    story.now += 3_600_000
    await story.applySpec(spec(V2, { suspend: false }))
    await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
  }, 60_000)
})

describe('crash of the operator', () => {
  it('after any single write of a rollout ends where an undisturbed rollout ends', async () => {
    const undisturbed = await serving()
    undisturbed.story.api.writes.length = 0
    await undisturbed.story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '30s' } }))
    await undisturbed.story.until('v2 serves', (s) => isReady(s) && s.active !== undisturbed.v1)
    const writes = undisturbed.story.api.writes.length
    await undisturbed.story.player.tick()
    const wanted = await undisturbed.story.player.inventory()
    expect(writes).toBeGreaterThan(15)

    const crashAt = async (k: number) => {
      const { story, v1 } = await serving()
      await story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '30s' } }))
      story.api.crashAfter(k)
      const crash = await story.until('the crash', () => false).catch((error: unknown) => error)
      if (!String(crash).includes(new Crash().message)) throw crash
      story.restartOperator()
      await story.until(`v2 serves after a crash at write ${k}`, (s) => isReady(s) && s.active !== v1)
      await story.player.tick()
      expect(await story.player.inventory()).toEqual(wanted)
      expect(story.proxy.violations).toEqual([])
    }
    for (let k = 1; k <= writes; k += 4) await Promise.all([k, k + 1, k + 2, k + 3].filter((n) => n <= writes).map(crashAt))
  }, 600_000)
})

function countBy(writes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const write of writes) {
    const key = write.split(' ').slice(0, 2).join(' ')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
