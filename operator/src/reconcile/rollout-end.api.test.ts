import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { serving, spec, V2 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

describe('the end of a rollout', () => {
  it('is told once, with its time, also when another operator began it', async () => {
    const { story, v1 } = await serving(server)
    expect(story.ends).toEqual([{ version: v1, outcome: 'promoted', seconds: expect.any(Number) }])
    const began = story.now
    await story.applySpec(spec(V2))
    await story.until('traffic moves', (s) => s.phase === 'Progressing' && s.preview !== undefined)
    story.restartOperator()
    const { active } = await story.until('v2 serves', (s) => s.phase === 'Ready' && s.active !== v1 && s.versions?.length === 1)
    expect(story.ends).toHaveLength(2)
    expect(story.ends[1]).toMatchObject({ version: active, outcome: 'promoted' })
    // The spec says 50 s; the drain after it does not count.
    expect(story.ends[1]?.seconds).toBeGreaterThanOrEqual(50)
    expect(story.ends[1]?.seconds).toBeLessThan((story.now - began) / 1000)
  })

  it('is a failure when the version is given up', async () => {
    const { story, v1 } = await serving(server)
    story.player.behaviour = (workload) => (workload.includes(v1) ? 'ready' : 'starting')
    await story.applySpec(spec(V2))
    await story.until('the failure', (s) => s.phase === 'Failed' && s.versions?.length === 1)
    expect(story.ends.map((end) => end.outcome)).toEqual(['promoted', 'failed'])
    expect(story.ends[1]?.seconds).toBeGreaterThanOrEqual(40)
  })
})
