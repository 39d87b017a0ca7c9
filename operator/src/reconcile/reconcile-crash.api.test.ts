import { versionObjects } from '@weaver/crds'
import { KINDS } from '@weaver/kube'
import { rolloutPolicy, simulate } from '@weaver/rollout'
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

/** What `kube deploy --simulate` would have said of this cutover, and what the operator did. */
function expectAsSimulated({ story, v1 }: Awaited<ReturnType<typeof serving>>): void {
  const v2 = story.events.findLast(({ reason }) => reason === 'Promoted')?.version ?? ''
  const groups = ['converter', 'main', 'reverser'].map((name) => ({ name, min: 1, max: 1 }))
  const simulation = simulate({
    now: T0,
    policy: rolloutPolicy({
      strategy: 'cutover',
      progressDeadlineMs: 600_000,
      onFailure: 'rollback',
      paused: false,
      drainTimeoutMs: 30_000,
    }),
    desired: v2,
    state: { active: v1, weights: { [v1]: 100 }, step: -1, progressAt: T0, draining: [], failed: [] },
    versions: { [v1]: { health: 'up', inForce: 100, inFlight: 1, named: true } },
    groups: {},
    pace: { startMs: 10_000, trafficMs: 200, requestMs: 1_000 },
  })
  const simulated = simulation.moments.flatMap(({ events }) => events.map((e) => `${e.kind} ${e.version}`))
  const happened = story.events.map(({ reason, version }) => `${reason} ${version}`)
  expect(happened.slice(happened.indexOf(`RolloutStarted ${v2}`))).toEqual(simulated)
  const made = story.api.writes.filter((write) => /^(apply|create) /.test(write) && write.includes(v2) && !write.includes('describe'))
  const kinds = Object.fromEntries(Object.values(KINDS).map(({ kind, plural }) => [plural, kind]))
  expect(made.map((write) => write.split(' ')).map(([, plural = '', name]) => ({ kind: kinds[plural], name }))).toEqual(
    versionObjects('hello', v2, { groups, listeners: ['lis'] }),
  )
}

const T0 = 1_800_000_000_000

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
    expectAsSimulated(undisturbed)

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
