import type { WeaverAppSpecInput } from '@weaver/crds'
import { KINDS, type KubeObject } from '@weaver/kube'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { isReady, serving, spec, Story, V1, V2 } from '../testing/app-story.js'

// What a spec adds to its pods, on a real API server that enforces the restricted Pod Security
// Standard.

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 240_000)
afterAll(async () => {
  await server?.close()
})

const PARTS: Partial<WeaverAppSpecInput> = {
  env: [
    { name: 'MODE', value: 'plain' },
    { name: 'TIER', value: 'none' },
    { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
    { name: 'NODE_NAME', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  ],
  envFrom: [{ configMapRef: { name: 'settings' } }, { prefix: 'API_', secretRef: { name: 'api', optional: true } }],
  volumes: [
    { name: 'db', secret: { secretName: 'db' } },
    {
      name: 'all',
      projected: {
        sources: [
          { configMap: { name: 'settings' } },
          { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
        ],
      },
    },
    { name: 'scratch', emptyDir: { sizeLimit: '64Mi' } },
    { name: 'data', persistentVolumeClaim: { claimName: 'shared' } },
  ],
  volumeMounts: [
    { name: 'db', mountPath: '/run/secrets/db', readOnly: true },
    { name: 'all', mountPath: '/etc/settings' },
    { name: 'scratch', mountPath: '/scratch' },
    { name: 'data', mountPath: '/data' },
  ],
  podTemplate: {
    metadata: { labels: { team: 'shop' }, annotations: { 'example.com/scrape': 'true' } },
    spec: {
      serviceAccountName: 'shop',
      terminationGracePeriodSeconds: 120,
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'Exists' }] }],
          },
        },
      },
      securityContext: { fsGroup: 2000 },
      containers: [
        {
          name: 'app',
          env: [
            { name: 'MODE', value: 'overlaid' },
            { name: 'TIER', valueFrom: { configMapKeyRef: { name: 'settings', key: 'tier', optional: true } } },
          ],
          securityContext: { readOnlyRootFilesystem: false },
        },
        { name: 'log', image: 'reg.example/log:1', securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } } },
      ],
      volumes: [{ name: 'tmp', emptyDir: { sizeLimit: '1Gi' } }],
    },
  },
  groups: [
    {
      name: 'text',
      components: ['httpserver/Reverser'],
      env: [{ name: 'MODE', value: 'group' }],
      podTemplate: { spec: { priorityClassName: 'system-cluster-critical' } },
    },
  ],
}

it('Secrets, ConfigMaps, volumes and a template reach the pods, merged with what Weaver needs', async () => {
  const story = await Story.start(server)
  await story.admin.create(KINDS.secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'db', namespace: story.namespace },
    stringData: { password: 'hunter2-of-the-test' },
  })
  await story.applySpec(spec(V1, PARTS))
  const { active = '' } = await story.until('v1 serves', isReady)
  const pod = async (group: string) =>
    (((await story.admin.get<KubeObject & { spec?: any }>(KINDS.deployments, story.namespace, `hello-${group}-${active}`)) ?? {}) as any)
      .spec.template
  const main = await pod('main')
  const [app, log] = main.spec.containers
  expect([app.name, log.name]).toEqual(['app', 'log'])
  expect(app.env.map((e: any) => [e.name, e.value ?? Object.keys(e.valueFrom)[0]])).toEqual([
    ['POD_NAME', 'fieldRef'],
    ['WEAVER_BOOTSTRAP', expect.stringContaining('"shutdownGraceMs":105000')],
    ['MODE', 'overlaid'],
    ['TIER', 'configMapKeyRef'],
    ['DB_PASSWORD', 'secretKeyRef'],
    ['NODE_NAME', 'fieldRef'],
  ])
  expect(app.envFrom).toEqual([{ configMapRef: { name: 'settings' } }, { prefix: 'API_', secretRef: { name: 'api', optional: true } }])
  expect(app.volumeMounts.map((m: any) => m.mountPath)).toEqual([
    '/var/run/weaver/nats',
    '/tmp',
    '/run/secrets/db',
    '/etc/settings',
    '/scratch',
    '/data',
  ])
  expect(main.spec.volumes.map((v: any) => v.name)).toEqual(['nats', 'tmp', 'db', 'all', 'scratch', 'data'])
  expect(main.spec.volumes[1].emptyDir).toEqual({ sizeLimit: '1Gi' })
  expect(app.securityContext).toMatchObject({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: false,
    capabilities: { drop: ['ALL'] },
  })
  expect(main.spec).toMatchObject({
    serviceAccountName: 'shop',
    terminationGracePeriodSeconds: 120,
    securityContext: { runAsNonRoot: true, fsGroup: 2000 },
  })
  expect(main.metadata).toMatchObject({
    labels: { team: 'shop', 'weaver.dev/group': 'main' },
    annotations: { 'example.com/scrape': 'true' },
  })
  expect((await pod('text')).spec).toMatchObject({ priorityClassName: 'system-cluster-critical', serviceAccountName: 'shop' })
  // A restart marks the pods and makes no version.
  const mark = '2026-01-01T00:00:00Z jane: new certificates'
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/restarted-at': mark } } })
  await story.until('the mark is on the pods', async () => {
    const marks = await Promise.all(
      ['main', 'text'].map(async (group) => (await pod(group)).metadata.annotations?.['weaver.dev/restarted-at']),
    )
    return marks.every((found) => found === mark)
  })
  expect(await story.status()).toMatchObject({ active, desired: active })
  await story.until('nothing is left to do', async () => {
    const before = story.api.writes.length
    await story.player.tick()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    return isReady(await story.status()) && story.api.writes.length === before
  })
  expect((await pod('main')).metadata.annotations).toMatchObject({ 'example.com/scrape': 'true' })
  // The secret stands where its owner put it and nowhere else.
  for (const kind of [KINDS.weaverApps, KINDS.controllerRevisions, KINDS.deployments, KINDS.configMaps])
    expect(JSON.stringify(await story.admin.list(kind, { namespace: story.namespace }))).not.toContain('hunter2')
  story.restartOperator()
  for (let i = 0; i < 2; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
  expect(story.api.writes).toEqual([])
}, 240_000)

it.each<readonly [string, Partial<WeaverAppSpecInput>, RegExp]>([
  [
    'a misspelt field',
    { podTemplate: { spec: { priorityClasName: 'x' } } },
    /group "converter".*unknown field "spec\.template\.spec\.priorityClasName"/,
  ],
  [
    'a mount without its volume',
    { volumeMounts: [{ name: 'nowhere', mountPath: '/x' }] },
    /spec\.template\.spec\.containers\[0\]\.volumeMounts\[2\]\.name: Not found: "nowhere"/,
  ],
  [
    'a limit below the request',
    { resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } },
    /spec\.resources\.limits\.cpu: 1 is less than the request 2/,
  ],
  [
    'a resource that only the API server can judge',
    { resources: { requests: { 'example.com/gpu': 1 } } },
    /spec\.template\.spec\.containers\[0\]\.resources\.limits: Required value/,
  ],
  [
    "Weaver's own",
    { podTemplate: { spec: { containers: [{ name: 'app', command: ['sh'] }] } } },
    /spec\.podTemplate\.spec\.containers\[0\]\.command: is decided by Weaver/,
  ],
])(
  '%s is an invalid spec, said with its path; nothing is made and the version before serves on',
  async (_title, more, said) => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec(V2, more))
    await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Stalled' && c.status === 'True') === true, { passes: 20 })
    expect(await story.condition('Stalled')).toMatchObject({ reason: 'InvalidSpec', message: expect.stringMatching(said) })
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect((await story.player.inventory()).filter((n) => n.startsWith('Deployment/') && !n.includes(v1))).toEqual([])
  },
  240_000,
)
