import { KINDS } from '@weaver/kube'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { serving, spec, V1, V2 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

it('a pause of hours outlasts a restart; a state that leads nowhere safe is refused; and the app can be deleted at 50 %', async () => {
  const { story, v1 } = await serving(server)
  const look = () => story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
  await story.applySpec(spec(V2, { rollout: { steps: [{ weight: 50, pause: true }, { weight: 100 }], progressDeadline: '10m' } }))
  await story.until('the pause at 50 %', (s) => s.phase === 'Paused' && s.weight === '50/50')

  story.restartOperator()
  story.now += 3 * 3_600_000
  for (let i = 0; i < 3; i += 1) await look()
  expect(await story.status()).toMatchObject({ phase: 'Paused', weight: '50/50', step: '1/2' })

  // Somebody edits the status: the active version is the preview as well, so its share would be given twice.
  const app = await story.app()
  const { status } = app ?? {}
  if (app === undefined || status?.engine === undefined) throw new Error('the app has no status')
  const engine = { ...status.engine, preview: v1 }
  const edited = await story.admin.replaceStatus(KINDS.weaverApps, { ...app, status: { ...status, desired: v1, engine } })
  await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { spec: { image: V1 } })
  const asked = [...story.proxy.asked]
  story.api.writes.length = 0
  await expect(look()).rejects.toMatchObject({ code: 'WEAVER_ROLLOUT_INVARIANT', message: expect.stringContaining('active and preview') })
  expect([story.api.writes, story.proxy.asked, edited.metadata.name]).toEqual([[], asked, 'hello'])

  await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
  await look()
  expect(await story.app()).toBeUndefined()
  for (let i = 0; i < 3; i += 1) await story.player.tick()
  expect([await story.player.inventory(), [...story.broker.accounts]]).toEqual([[], []])
})
