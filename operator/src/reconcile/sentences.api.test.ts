// What a person reads at three in the morning, each sentence provoked on a real API server (issue
// 10, 39).
import { KINDS } from '@weaver/kube'
import { createLogger } from '../log/logger.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import type { Workload } from './cluster-view.js'
import { GRAPH, isReady, serving, spec, Story, V1, V2 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
})
afterAll(async () => {
  await server?.close()
})

/** Passes that may fail: what they leave in the status is what is read. */
async function passes(story: Story, count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await story.player.tick()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(20_000)).catch(() => undefined)
    story.now += 1_000
  }
}

/** No quota controller runs beside this API server, so the quota says itself that it is used up. */
async function noMoreOf(story: Story, resource: string): Promise<void> {
  const hard = { [resource]: '0' }
  const quota = await story.admin.create(KINDS_QUOTA, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'none', namespace: story.namespace },
    spec: { hard },
  })
  await story.admin.replaceStatus(KINDS_QUOTA, { ...quota, status: { hard, used: { [resource]: '0' } } })
}

it('pods that the API server refuses: the spec is to be corrected, and its reason says where', async () => {
  const { story } = await serving(server)
  const groups = [{ name: 'text', components: ['httpserver/Reverser'], resources: { requests: { 'example.com/gpu': 1 } } }]
  await story.applySpec(spec(V2, { groups }))
  await passes(story, 6)
  const status = await story.status()
  expect(status).toMatchObject({ awaits: 'the spec to be corrected' })
  expect(status.waitingFor).toMatch(/the API server refuses the pods of group "text": .*containers\[0\]\.resources\.limits: Required value/)
})

it('an object that the API server refuses: its reason is what is waited for, everywhere', async () => {
  const { story, v1 } = await serving(server)
  await noMoreOf(story, 'secrets')
  await story.applySpec(spec(V2))
  await passes(story, 6)
  const status = await story.status()
  const why = /^version "\w+" to be ready: .*exceeded quota: none/
  expect(status).toMatchObject({ waitingFor: expect.stringMatching(why), awaits: `version "${status.preview}" to be ready` })
  for (const type of ['Ready', 'Reconciling', 'Progressing']) expect((await story.condition(type))?.message).toMatch(why)
  expect(await story.condition('Degraded')).toMatchObject({
    reason: 'WorkFailed',
    message: expect.stringContaining('exceeded quota: none'),
  })
  expect(await story.condition('Available')).toMatchObject({ status: 'True', message: `version "${v1}" serves` })
  story.now += 60_000
  await passes(story, 3)
  expect(await story.condition('Stalled')).toMatchObject({
    reason: 'RolloutFailed',
    message: expect.stringContaining('exceeded quota: none'),
  })
})

it('an object that the API server refuses: the log of the pass has the code of each failure', async () => {
  const { story } = await serving(server)
  await noMoreOf(story, 'secrets')
  await story.applySpec(spec(V2))
  await passes(story, 6)
  const lines: string[] = []
  const log = createLogger({ write: (line) => void lines.push(line) })
  const pass = story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
  await pass.catch((err: unknown) => log.warn('a pass failed', { err }))
  const message = expect.stringMatching(/^version "\w+": .*exceeded quota: none/)
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({
      err: expect.objectContaining({
        message,
        errors: [expect.objectContaining({ message, cause: expect.objectContaining({ code: 'WEAVER_KUBE_API' }) })],
      }),
    }),
  ])
})

it('a quota that takes no pod: no word of the rights of the operator', async () => {
  const story = await Story.start(server)
  await noMoreOf(story, 'pods')
  await story.applySpec(spec(V1))
  await passes(story, 2)
  const described = await story.condition('Described')
  expect(described).toMatchObject({ status: 'False', reason: 'DescribeFailed' })
  expect(described?.message).toMatch(/exceeded quota: none, .*\(403 Forbidden\)\. Raise the ResourceQuota of the namespace/)
  expect(described?.message).not.toContain('ClusterRole')
  expect((await story.status()).waitingFor).toBe(described?.message)
})

it('an abort: no promise of a new start, and the condition names it', async () => {
  const { story, v1 } = await serving(server)
  await story.applySpec(spec(V2, { rollout: { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' } }))
  await story.until('paused', (s) => s.phase === 'Paused')
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': 'now' } } })
  const said = new Set<string>()
  await story.until('aborted', (s) => {
    said.add(s.waitingFor ?? '')
    return s.phase === 'Failed' && s.versions?.length === 1 && s.versions[0]?.id === v1
  })
  await passes(story, 3)
  said.add((await story.status()).waitingFor ?? '')
  expect([...said].join('\n')).not.toContain('starts anew')
  expect([...said].at(-1)).toMatch(/^a change of the spec, or retry: version "\w+" was given up$/)
  expect(await story.condition('Stalled')).toMatchObject({
    reason: 'RolloutAborted',
    message: expect.stringContaining('a user aborted it'),
  })

  // Tried again, paused, and promoted fully: each says who asked for it and why.
  const ask = async (verb: string, note: string) => {
    await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { [`weaver.dev/${verb}`]: note } } })
    await story.until(`${verb} is taken`, async () => (await story.app())?.metadata.annotations?.[`weaver.dev/${verb}`] === undefined)
  }
  await ask('retry', 'jane: the database is back')
  await story.until('20 % again', (s) => s.weight === '20/20')
  await ask('pause', 'jane: lunch')
  expect(await story.status()).toMatchObject({ phase: 'Paused', waitingFor: 'resume or promote: a user paused the rollout (jane: lunch)' })
  // A restart is of the active version; the preview keeps its pods until it is that.
  const marked = async (id: string) => {
    const found = await story.admin.get<Workload>(KINDS.deployments, story.namespace, `hello-main-${id}`)
    return found?.spec?.template?.metadata?.annotations?.['weaver.dev/restarted-at']
  }
  const { preview = '' } = await story.status()
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/restarted-at': 'now' } } })
  await story.until('v1 is restarted', async () => (await marked(v1)) === 'now')
  expect(await marked(preview)).toBeUndefined()
  await ask('promote-full', 'jane: tested')
  await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
  await story.until('v2 is restarted', async () => (await marked(preview)) === 'now')
  const words = story.events.map((e) => e.message).join('\n')
  expect(words).toMatch(/version "\w+" starts beside the active version "\w+" \(jane: the database is back\)/)
  expect(words).toMatch(/promoted to 100 %, without the steps and holds that are left \(jane: tested\)/)
})

it('a wrong spec: nothing is said to be going on with its image', async () => {
  const story = await Story.start(server)
  await story.applySpec(spec('reg.example/nothing:v9'))
  await passes(story, 2)
  expect(await story.condition('Described')).toMatchObject({ reason: 'ImagePullFailed' })
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': '1' } } })
  await passes(story, 1)
  expect((await story.app())?.metadata.annotations ?? {}).not.toHaveProperty(['weaver.dev/abort']) // it has no target
  await story.applySpec(spec('reg.example/nothing:v9', { resources: { limits: { cpus: '1' } } }))
  await passes(story, 2)
  expect(await story.condition('Stalled')).toMatchObject({
    reason: 'InvalidSpec',
    message: 'spec.resources.limits.cpus: "cpus" is not a resource; did you mean "cpu"?',
  })
  expect(await story.condition('Described')).toMatchObject({ status: 'Unknown', reason: 'InvalidSpec' })
})

it('a tag: says what a push of it will not do', async () => {
  const { story } = await serving(server)
  expect((await story.condition('ImagePinned'))?.message).toMatch(/, what tag "v1" named .*; pushing that tag again makes no new version/)
})

const KINDS_QUOTA = { group: '', version: 'v1', kind: 'ResourceQuota', plural: 'resourcequotas' } as const

it('an app without a listener: no proxy has read anything back, and the driver is not named for it', async () => {
  const story = await Story.start(server)
  const components = GRAPH.components.map((c) => ({ ...c, listeners: [] }))
  story.player.images.set(V1, { graph: { ...GRAPH, components }, digest: '1'.repeat(64) })
  await story.applySpec(spec(V1, { listeners: [] }))
  await story.until('v1 to run', isReady)
  expect(await story.condition('TrafficInSync')).toMatchObject({
    status: 'True',
    message: 'the asked weights are taken as in force: there is no listener whose traffic could be split, and nothing reads them back',
  })
})
