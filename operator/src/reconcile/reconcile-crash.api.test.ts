import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { isReady, serving, spec, V2 } from '../testing/app-story.js'
import { Crash } from '../testing/recording-api.js'

// A real API server and etcd; `testing/app-story.ts` says what is played there.

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

describe('crash of the operator', () => {
  it('after any single write of a rollout ends where an undisturbed rollout ends', async () => {
    const undisturbed = await serving(server)
    undisturbed.story.api.writes.length = 0
    await undisturbed.story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '30s' } }))
    await undisturbed.story.until('v2 serves', (s) => isReady(s) && s.active !== undisturbed.v1)
    const writes = undisturbed.story.api.writes.length
    await undisturbed.story.player.tick()
    const wanted = await undisturbed.story.player.inventory()
    expect(writes).toBeGreaterThan(15)

    const crashAt = async (k: number) => {
      const { story, v1 } = await serving(server)
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
