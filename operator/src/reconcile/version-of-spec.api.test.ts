// What costs no rollout, on a real API server and etcd: another name for a group, and an operator
// with another rule for ids.
import { earlierVersionIdOf, versionIdOf, weaverAppSpecSchema, type WeaverAppSpecInput } from '@weaver/crds'
import { KINDS } from '@weaver/kube'
import { buildVersionRevision } from '../desired/version-revision.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { GRAPH, isReady, serving, spec, Story, V1 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

const deployments = async (story: Story): Promise<Record<string, number | undefined>> =>
  Object.fromEntries(
    (await story.admin.list(KINDS.deployments, { namespace: story.namespace })).items.map((d) => [
      d.metadata.name,
      (d['spec'] as { readonly replicas?: number }).replicas, // as read from the API server
    ]),
  )
const reverser = (name: string, min: number): Partial<WeaverAppSpecInput> => ({
  groups: [{ name, components: ['httpserver/Reverser'], replicas: { min } }],
})

describe('a group that gets a name', () => {
  it('is scaled where it runs: no describe pod, no new version (issue 10, 41)', async () => {
    const { story, v1 } = await serving(server)
    for (const more of [reverser('reverser', 3), reverser('backwards', 2), {}]) {
      await story.applySpec(spec(V1, more))
      story.api.writes.length = 0
      const wanted = more.groups?.[0]?.replicas?.min ?? 1
      await story.until('the replicas', async () => (await deployments(story))[`hello-reverser-${v1}`] === wanted)
      expect(await story.until('all ready', isReady)).toMatchObject({ active: v1, desired: v1 })
      expect(Object.keys(await deployments(story)).sort()).toEqual(['converter', 'main', 'reverser'].map((g) => `hello-${g}-${v1}`))
      expect(story.api.writes.filter((w) => w.includes('pods'))).toEqual([])
    }
    expect((await story.status()).history?.filter((h) => h.event === 'RolloutStarted')).toHaveLength(1)
  }, 300_000)
})

describe('an upgrade of the operator', () => {
  it('starts no rollout of a version whose id an earlier release has given', async () => {
    const story = await Story.start(server)
    const groups = [{ name: 'text', components: ['httpserver/Reverser', 'httpserver/Converter'], replicas: { min: 2 } }]
    const asked = weaverAppSpecSchema.parse(spec(V1, { groups }))
    const earlier = earlierVersionIdOf(asked)
    expect(earlier).not.toBe(versionIdOf(asked))
    await story.applySpec(spec(V1, { groups }))
    const { uid = '' } = (await story.app())?.metadata ?? {}
    const app = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: story.namespace, name: 'hello', uid }
    const image = { imageReference: `reg.example/httpserver@sha256:${'1'.repeat(64)}`, digest: `sha256:${'1'.repeat(64)}` }
    const snapshot = { format: 1, versionId: earlier, spec: asked, graph: GRAPH, ...image } as const
    await story.admin.apply(KINDS.controllerRevisions, buildVersionRevision(app, snapshot, 1))
    const status = await story.until('it serves', isReady)
    expect(status).toMatchObject({ active: earlier, desired: earlier })
    story.restartOperator()
    await story.applySpec(spec(V1, { groups: [{ ...groups[0]!, name: 'words', replicas: { min: 3 } }] })) // it has one element
    await story.until('three replicas', async () => (await deployments(story))[`hello-text-${earlier}`] === 3)
    const after = await story.until('it serves still', isReady)
    expect(after).toMatchObject({ active: earlier, desired: earlier })
    expect(after.history?.filter((h) => h.event === 'RolloutStarted')).toHaveLength(1)
    await story.applySpec(spec(V1))
    const changed = await story.until('another grouping', (s) => isReady(s) && s.active !== earlier)
    expect(changed.active).toBe(versionIdOf(weaverAppSpecSchema.parse(spec(V1))))
  }, 300_000)
})
