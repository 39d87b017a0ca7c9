import { ANNOTATIONS, LABELS, versionIdOf, weaverAppSpecSchema } from '@weaver/crds'
import { KINDS } from '@weaver/kube'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { GRAPH, isReady, serving, spec, V1, V2, type Story } from '../testing/app-story.js'
import type { Revision } from './cluster-view.js'
import { versionOf } from './known-versions.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

/** The number of each version's record, and whether it is retired. */
async function recordsOf({ admin, namespace }: Story): Promise<Record<string, string>> {
  const { items } = await admin.list<Revision>(KINDS.controllerRevisions, { namespace })
  return Object.fromEntries(
    items.map((r) => [versionOf(r), `${r.revision}${r.metadata.annotations?.[ANNOTATIONS.retired] === undefined ? '' : ' retired'}`]),
  )
}

it('a version that ran once comes back as it was, with its build and a new number, and is forgotten beyond the limit', async () => {
  const { story, v1 } = await serving(server)
  await story.applySpec(spec(V2))
  const { active: v2 = '' } = await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
  expect(await recordsOf(story)).toEqual({ [v1]: '1 retired', [v2]: '2' })
  expect(await story.status()).toMatchObject({ versions: [{ id: v2 }] })
  expect([...story.broker.accounts]).toEqual([v2])

  // What is known survives the process, and the tag names another build by now.
  story.restartOperator()
  story.player.images.delete(V1)
  await story.applySpec(spec(V1))
  const back = await story.until('v1 serves again', (s) => isReady(s) && s.active === v1)
  expect(back.versions).toMatchObject([{ id: v1, digest: `sha256:${'1'.repeat(64)}` }])
  expect(story.api.writes.filter((w) => w.includes('pods'))).toEqual([])
  expect(await recordsOf(story)).toEqual({ [v1]: '3', [v2]: '2 retired' })

  // One that was given up, too: an id names one build, whatever became of it.
  story.player.images.delete(V2)
  const paused = { rollout: { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' } }
  await story.applySpec(spec(V2, paused))
  await story.until('v2 waits', (s) => s.phase === 'Paused')
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': 'now' } } })
  await story.until('v2 is given up', async (s) => s.phase === 'Failed' && (await recordsOf(story))[v2] === '4 retired')
  await story.applySpec(spec(V1))
  await story.until('v1 is asked for', isReady)
  await story.applySpec(spec(V2, paused))
  const { versions } = await story.until('v2 waits again', (s) => s.phase === 'Paused')
  expect(versions?.find((v) => v.id === v2)).toMatchObject({ digest: `sha256:${'2'.repeat(64)}` })
  expect(story.api.writes.filter((w) => w.includes('pods'))).toEqual([])

  await story.applySpec(spec(V1, { revisionHistoryLimit: 0 }))
  await story.until('v2 to be forgotten', async () => Object.keys(await recordsOf(story)).length === 1)
  expect(await recordsOf(story)).toEqual({ [v1]: '3' })
})

it('a version asked for again while its objects are removed is first gone, then live again', async () => {
  const { story, v1 } = await serving(server)
  await story.applySpec(spec(V2))
  await story.until('v1 to be removed', (s) => (s.engine as { removing?: string[] } | undefined)?.removing?.includes(v1) === true)
  await story.applySpec(spec(V1))
  const { versions } = await story.until('v1 serves again', (s) => isReady(s) && s.active === v1)
  expect(versions).toHaveLength(1)
  expect(Object.values(await recordsOf(story)).sort()).toEqual(['2 retired', '3'])
  expect((await recordsOf(story))[v1]).toBe('3')
  expect(story.proxy.violations).toEqual([])
})

it('a version that ran once stays retired while the spec that asks for it contradicts its graph', async () => {
  const { story, v1 } = await serving(server)
  const added = { name: 'shop/New', methods: [], refs: [], listeners: [] }
  story.player.images.set(V2, { graph: { ...GRAPH, components: [...GRAPH.components, added] }, digest: '2'.repeat(64) })
  // A group of one component makes no version of its own, so the image alone decides.
  const groups = [{ name: 'new', components: [added.name], replicas: { min: 3 } }]
  await story.applySpec(spec(V2, { groups }))
  const { active: v2 = '' } = await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)

  await story.applySpec(spec(V1, { groups }))
  let looks = 0
  await story.until('v1 to be refused for a while', async () => {
    const isRefused = (await story.condition('Stalled'))?.reason === 'InvalidSpec'
    if (isRefused) expect(await recordsOf(story)).toEqual({ [v1]: '1 retired', [v2]: '2' })
    return isRefused && (looks += 1) === 5
  })
  expect(await story.status()).toMatchObject({ desired: v1, active: v2, phase: 'Failed', versions: [{ id: v2 }] })
})

it('the retired record of another release holds up nothing but the version that it names', async () => {
  const { story, v1 } = await serving(server)
  const v2 = versionIdOf(weaverAppSpecSchema.parse(spec(V2)))
  const ofV1 = await story.admin.get<Revision>(KINDS.controllerRevisions, story.namespace, `hello-${v1}`)
  const { labels, ownerReferences } = ofV1?.metadata ?? {}
  await story.admin.create(KINDS.controllerRevisions, {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `hello-${v2}`,
      namespace: story.namespace,
      labels: { ...labels, [LABELS.version]: v2 },
      annotations: { [ANNOTATIONS.retired]: '2026-01-01T00:00:00.000Z' },
      ...(ownerReferences === undefined ? {} : { ownerReferences }),
    },
    revision: 2,
    data: { format: 2 },
  })
  await story.applySpec(spec(V2))
  await story.until('the record to be named', async () => (await story.condition('Described'))?.reason === 'WorkFailed', { passes: 3 })
  expect((await story.condition('Described'))?.message).toContain(`ControllerRevision "hello-${v2}"`)
  expect(await story.status()).toMatchObject({ active: v1, desired: v2, versions: [{ id: v1 }] })

  await story.admin.delete(KINDS.controllerRevisions, story.namespace, `hello-${v2}`)
  await story.until('v2 to be described', (s) => s.versions?.some((v) => v.id === v2) === true)
})
