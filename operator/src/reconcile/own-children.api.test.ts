import { KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import { eventually } from '@weaver/sdk/test-support'
import { createOperatorClient } from '../kube/operator-client.js'
import { createLogger } from '../log/logger.js'
import { startManager } from '../manager/manager.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { isReady, serving, spec, Story, V1, V2 } from '../testing/app-story.js'
import { createFakeTrafficDriver } from '../testing/fake-traffic-driver.js'
import { createNoneDriver } from '../traffic/none/none-driver.js'
import { createProxyDriver } from '../traffic/proxy/proxy-driver.js'

// Whose children they are, and how soon one is back, on a real API server.

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 240_000)
afterAll(async () => {
  await server?.close()
})

describe("another's object has a name that a version needs", () => {
  it.each<readonly [ResourceKind, (version: string) => string, object]>([
    [
      KINDS.deployments,
      (v) => `hello-reverser-${v}`,
      {
        spec: {
          replicas: 0,
          selector: { matchLabels: { a: 'b' } },
          template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
        },
      },
    ],
    [KINDS.secrets, (v) => `hello-reverser-${v}-nats`, { data: { 'user.creds': 'dGhlaXJz' } }],
    [KINDS.networkPolicies, (v) => `hello-${v}`, { spec: { podSelector: {} } }],
    [KINDS.controllerRevisions, (v) => `hello-${v}`, { revision: 1, data: { theirs: true } }],
    [
      KINDS.pods,
      (v) => `hello-${v}-describe`,
      {
        spec: {
          containers: [
            {
              name: 'c',
              image: 'i',
              securityContext: {
                allowPrivilegeEscalation: false,
                runAsNonRoot: true,
                capabilities: { drop: ['ALL'] },
                seccompProfile: { type: 'RuntimeDefault' },
              },
            },
          ],
        },
      },
    ],
  ])(
    '%o: the version is not made, the condition names it, the one before serves on, and it is left as it was',
    async (kind, nameOf, body) => {
      const { story, v1 } = await serving(server)
      const { versionIdOf, parseWeaverAppSpec } = await import('@weaver/crds')
      const parsed = parseWeaverAppSpec(spec(V2))
      if (!parsed.ok) throw new Error('the spec is wrong')
      const name = nameOf(versionIdOf(parsed.spec))
      const at = {
        apiVersion: kind.group === '' ? kind.version : `${kind.group}/${kind.version}`,
        kind: kind.kind,
        metadata: { name, namespace: story.namespace },
      }
      const before = await story.admin.create(kind, { ...at, ...body })
      await story.applySpec(spec(V2))
      await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Stalled' && c.reason === 'NameTaken') === true, {
        passes: 20,
      })
      const said = {
        status: 'True',
        reason: 'NameTaken',
        message: expect.stringContaining(`${kind.kind} "${name}" in namespace "${story.namespace}" has no owner`),
      }
      expect(await story.condition('Stalled')).toMatchObject(said)
      expect(await story.condition('Available')).toMatchObject({ status: 'True' })
      expect(story.proxy.asked).toEqual([`${v1}=100`])
      const after = await story.admin.get(kind, story.namespace, name)
      const { data, spec: theirs } = (after ?? {}) as Partial<KubeObject>
      expect([after?.metadata.uid, after?.metadata.ownerReferences, data, theirs]).toEqual([
        before.metadata.uid,
        undefined,
        before['data'],
        before['spec'],
      ])
      // Once it is out of the way the rollout goes on by itself.
      await story.admin.delete(kind, story.namespace, name)
      await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
      expect(await story.condition('Stalled')).toMatchObject({ status: 'False' })
    },
  )
})

it('nothing of another goes with a version, or with the app', async () => {
  const { story, v1 } = await serving(server)
  const labels = { 'weaver.dev/app': 'hello', 'weaver.dev/version': v1, 'weaver.dev/role': 'proxy', 'weaver.dev/listener': 'other' }
  await story.admin.create(KINDS.services, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'bystander', namespace: story.namespace, labels },
    spec: { ports: [{ port: 80 }] },
  })
  await story.admin.create(KINDS.podDisruptionBudgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: `hello-main-${v1}`, namespace: story.namespace, labels },
    spec: { maxUnavailable: 1 },
  })
  await story.applySpec(spec(V2))
  await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
  await story.player.tick()
  const left = (await story.player.inventory()).filter((n) => n.includes(v1) || n.includes('bystander'))
  expect(left).toEqual([`ControllerRevision/hello-${v1}`, `PodDisruptionBudget/hello-main-${v1}`, 'Service/bystander'])
})

it('the record of a version that someone deletes is made again, and its traffic stays', async () => {
  const { story, v1 } = await serving(server)
  await story.admin.delete(KINDS.controllerRevisions, story.namespace, `hello-${v1}`)
  story.api.writes.length = 0
  await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
  expect(story.api.writes).toEqual([`apply controllerrevisions hello-${v1}`])
  expect(await story.status()).toMatchObject({ phase: 'Ready', active: v1 })
})

it('every child that is deleted or edited by hand is back within seconds, without a look at the clock', async () => {
  const story = await Story.start(server, { isShared: true })
  const client = createOperatorClient({ config: server.config })
  const fake = createFakeTrafficDriver()
  let manager: ReturnType<typeof startManager> | undefined
  const proxy = createProxyDriver({
    kube: client,
    proxyPods: () => [], // nobody listens at the addresses that are played
    child: (namespace, kind, name) => manager?.child(namespace, kind, name),
    image: 'haproxy',
    log: createLogger({ level: 'error' }),
    operatorNamespace: 'weaver',
  })
  const seen: string[] = []
  manager = startManager({
    client: { ...client, podLogs: async (_namespace, pod) => story.player.logOf(pod) },
    broker: story.broker,
    drivers: {
      none: createNoneDriver(),
      proxy: {
        ...fake,
        // No proxy runs here: what is said of objects is the real driver's, the rest is played.
        sync: async (plan, options) => {
          const { unreachable = '' } = await proxy.sync(plan, options)
          return { ...(await fake.sync(plan)), ...(unreachable.includes(' gone, ') ? { unreachable } : {}) }
        },
      },
    },
    log: createLogger({ level: 'error' }),
    namespace: story.namespace,
    identity: 'one',
    watchNamespaces: [story.namespace],
    onLost: () => undefined,
    onStatus: (_key, status) => {
      for (const c of status?.conditions ?? []) if (['Available', 'Ready'].includes(c.type)) seen.push(`${c.type}=${c.status} ${c.message}`)
    },
  })
  const stop = new AbortController()
  const playing = (async () => {
    while (!stop.signal.aborted) {
      await story.player.tick().catch(() => undefined) // an object that changed meanwhile is played in the next tick
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  })()
  const until = <T>(what: string, look: () => Promise<T>) =>
    eventually(what, look, { everyMs: 50, soFar: async () => (await story.status()).conditions })
  const isServing = async () => {
    const s = await story.status()
    return s.phase === 'Ready' && s.conditions?.some((c) => c.type === 'Available' && c.status === 'True') ? s.active : undefined
  }
  try {
    await story.applySpec(spec(V1, { groups: [{ name: 'text', components: ['httpserver/Reverser'], replicas: { min: 2, max: 3 } }] }))
    const v1 = await until('v1', isServing)
    const read = (kind: ResourceKind, name: string) => server.api.get<KubeObject & { spec?: any; data?: any }>(kind, story.namespace, name)
    const children: readonly (readonly [ResourceKind, string, says: RegExp | undefined])[] = [
      [KINDS.services, 'hello-lis', /^Available=False Service "hello-lis" was gone/],
      [KINDS.deployments, 'hello-proxy', /^Available=False Deployment "hello-proxy" was gone/],
      [KINDS.configMaps, 'hello-proxy', undefined],
      [KINDS.podDisruptionBudgets, 'hello-proxy', undefined],
      [KINDS.networkPolicies, 'hello-proxy', undefined],
      [KINDS.secrets, 'hello-proxy-tls', undefined],
      [KINDS.secrets, `hello-text-${v1}-nats`, /^Ready=False .*Secret "hello-text-.*-nats" is gone/],
      [KINDS.networkPolicies, `hello-${v1}`, /^Ready=False .*NetworkPolicy/],
      [KINDS.horizontalPodAutoscalers, `hello-text-${v1}`, /^Ready=False .*HorizontalPodAutoscaler/],
      [KINDS.podDisruptionBudgets, `hello-text-${v1}`, /^Ready=False .*PodDisruptionBudget/],
      [KINDS.services, `hello-lis-${v1}`, /^Available=False/],
      [KINDS.deployments, `hello-text-${v1}`, /^Available=False/],
      [KINDS.controllerRevisions, `hello-${v1}`, undefined],
    ]
    const times: Record<string, number> = {}
    for (const [kind, name, says] of children) {
      await until('a quiet app', isServing)
      seen.length = 0
      const uid = (await read(kind, name))?.metadata.uid
      const start = performance.now()
      await server.api.delete(kind, story.namespace, name)
      const made = await until(`${kind.kind} ${name}`, async () => {
        const found = await read(kind, name)
        return found?.metadata.uid === uid ? undefined : found
      })
      times[`${kind.kind} ${name}`] = Math.round(performance.now() - start)
      expect(made.metadata.ownerReferences?.[0]?.kind).toBe('WeaverApp')
      if (says !== undefined) await until(`${kind.kind} ${name} to be told of`, async () => seen.some((line) => says.test(line)))
    }
    process.stdout.write(`milliseconds until a deleted child was back: ${JSON.stringify(times)}\n`)
    await until('a quiet app', isServing)
    const edits: readonly (readonly [ResourceKind, string, patch: object, isBack: (o: any) => boolean])[] = [
      [KINDS.services, 'hello-lis', { spec: { selector: { stray: 'x' } } }, (o) => o.spec.selector.stray === undefined],
      [KINDS.deployments, 'hello-proxy', { spec: { replicas: 9 } }, (o) => o.spec.replicas === 2],
      [
        KINDS.configMaps,
        'hello-proxy',
        { data: { 'haproxy.cfg': 'nonsense', more: 'x' } },
        (o) => o.data['haproxy.cfg'] !== 'nonsense' && o.data.more === undefined,
      ],
      [KINDS.secrets, `hello-text-${v1}-nats`, { data: { 'user.creds': 'bm9uc2Vuc2U=' } }, (o) => o.data['user.creds'] !== 'bm9uc2Vuc2U='],
      [KINDS.networkPolicies, `hello-${v1}`, { spec: { ingress: [{}] } }, (o) => o.spec.ingress.length === 2],
      [KINDS.podDisruptionBudgets, `hello-text-${v1}`, { spec: { maxUnavailable: 2 } }, (o) => o.spec.maxUnavailable === 1],
      [KINDS.horizontalPodAutoscalers, `hello-text-${v1}`, { spec: { maxReplicas: 50 } }, (o) => o.spec.maxReplicas === 3],
    ]
    for (const [kind, name, patch, isBack] of edits) {
      await foreignPatch(server.api, kind, { namespace: story.namespace, name, patch })
      await until(`${kind.kind} ${name} as it was`, async () => isBack(await read(kind, name)))
    }
  } finally {
    await manager.close()
    await proxy.close()
    stop.abort()
    await playing
    await client.close()
  }
}, 300_000)

async function foreignPatch(
  api: KubeApi,
  kind: ResourceKind,
  { namespace, name, patch }: { readonly namespace: string; readonly name: string; readonly patch: object },
): Promise<void> {
  await api.patch(kind, namespace, name, patch)
}
