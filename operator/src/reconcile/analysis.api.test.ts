/**
 * A rollout that is analysed: the operator's passes on a real API server with the real analysis. What
 * pods have counted is made up, as nothing runs in them.
 */
import type { WeaverAppStatus } from '@weaver/crds'
import { COMPARED_METRICS, type ComponentGraph, type MetricFamily } from '@weaver/sdk/contract'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { GRAPH, isReady, spec, Story, V1, V2 } from '../testing/app-story.js'

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

const METHODS: ComponentGraph = {
  ...GRAPH,
  components: GRAPH.components.map((component) => ({ ...component, methods: [{ name: 'run', signature: '' }] })),
}
const LABELS = ['caller', 'component', 'method', 'remote']
const CALLS_A_LOOK = 100

/** Each look finds a hundred calls more of both components; of the one at fault every twentieth fails. */
class Counters {
  readonly #looks = new Map<string, number>()
  /** Versions whose Reverser fails. */
  faulty = new Set<string>()
  /** Versions of which no pod but those of the listener answers. */
  silent = new Set<string>()

  constructor(story: Story) {
    story.broker.metricsOf = (versionId, pod) => this.#answer(versionId, pod)
  }

  #answer(versionId: string, pod: string): readonly MetricFamily[] | undefined {
    const isMain = pod.includes('-main-')
    if (!isMain) return this.silent.has(versionId) ? undefined : []
    const looks = (this.#looks.get(pod) ?? 0) + 1
    this.#looks.set(pod, looks)
    const of = (name: string, value: (component: string) => number): MetricFamily => ({
      name,
      kind: 'counter',
      help: '',
      labels: LABELS,
      series: ['httpserver/Converter', 'httpserver/Reverser'].map((component) => ({
        labels: ['weaver/Main', component, 'run', 'true'],
        value: value(component),
      })),
    })
    const calls = looks * CALLS_A_LOOK
    const isFault = (component: string): boolean => component.endsWith('Reverser') && this.faulty.has(versionId)
    return [of(COMPARED_METRICS.calls, () => calls), of(COMPARED_METRICS.errors, (one) => (isFault(one) ? calls / 20 : 0))]
  }
}

const rollout = (more: object = {}) => ({ duration: '100s', drainTimeout: '30s', analysis: { initialDelay: '0s', ...more } })
const previewOf = (s: WeaverAppStatus) => s.versions?.find((v) => v.id === s.preview)
const passing = (s: WeaverAppStatus) => s.conditions?.find((c) => c.type === 'AnalysisPassing')

/** v1 serves, and can be compared. */
async function begin(): Promise<{ readonly story: Story; readonly v1: string; readonly counters: Counters }> {
  const story = await Story.start(server)
  for (const [i, image] of [V1, V2].entries()) story.player.images.set(image, { graph: METHODS, digest: String(i).repeat(64) })
  await story.applySpec(spec(V1))
  const { active = '' } = await story.until('v1 serves', isReady)
  return { story, v1: active, counters: new Counters(story) }
}

it('a version that is worse is given up before its second step, with component and method in status, condition and event', async () => {
  const { story, v1, counters } = await begin()
  await story.applySpec(spec(V2, { rollout: rollout() }))
  const started = await story.until('v2 is there', (s) => s.preview !== undefined)
  counters.faulty.add(started.preview ?? '')
  expect(previewOf(await story.until('v2 has traffic', (s) => s.weight === '10/10'))?.analysis).toMatchObject({ state: 'Inconclusive' })
  const failed = await story.until('v2 is given up', (s) => s.phase === 'Failed')
  const why = /component "httpserver\/Reverser", method "run": 5 % of calls fail, in the active version 0 % \(\d+ and \d+ calls\)/
  const v2 = failed.versions?.find((v) => v.id === started.preview)
  expect(v2?.analysis).toMatchObject({
    state: 'Failed',
    reason: expect.stringMatching(why),
    worst: { component: 'httpserver/Reverser', method: 'run', what: 'errors', active: 0, preview: 5 },
  })
  expect(passing(failed)).toMatchObject({ status: 'False', reason: 'AnalysisFailed', message: expect.stringMatching(why) })
  expect(story.events.findLast(({ type }) => type === 'Warning')).toMatchObject({
    reason: 'RolloutFailed',
    message: expect.stringMatching(why),
  })
  expect(story.proxy.asked.slice(-2)).toEqual([[`${v1}=90`, `${started.preview}=10`].sort().join(' '), `${v1}=100`])

  // It stays said while the version is asked for, and no longer.
  const gone = await story.until('v2 is gone', (s) => s.versions?.length === 1)
  expect([passing(gone)?.status, gone.conditions?.find((c) => c.type === 'Stalled')?.message]).toEqual([
    'False',
    expect.stringMatching(why),
  ])
  await story.applySpec(spec(V1, { rollout: rollout() }))
  expect(passing(await story.until('v1 is wanted again', isReady))).toBeUndefined()
}, 300_000)

it('a version of which a group says nothing does not pass; a new operator compares anew; and status is not written at each look', async () => {
  const { story, counters } = await begin()
  await story.applySpec(spec(V2, { rollout: rollout() }))
  const { preview = '' } = await story.until('v2 is there', (s) => s.preview !== undefined)
  counters.silent.add(preview)
  const waiting = await story.until('the hold is over', (s) => s.waitingFor?.startsWith('the analysis') === true)
  expect(waiting.waitingFor).toMatch(new RegExp(`^the analysis of step 1/5 \\(10 %\\): version "${preview}": no pod of group "converter"`))
  expect(passing(waiting)).toMatchObject({ status: 'Unknown', message: expect.stringMatching(/cannot be read: .*no pod of group/) })
  // Hours of it are no success.
  for (let pass = 0; pass < 5; pass += 1) {
    story.now += 3_600_000
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
  }
  expect((await story.status()).weight).toBe('10/10')

  counters.silent.clear()
  const passed = await story.until('it passes', (s) => s.weight === '25/25' && previewOf(s)?.analysis?.state === 'Passing')
  expect(previewOf(passed)?.analysis).toMatchObject({ methods: 2, worst: { what: 'errors', active: 0, preview: 0 } })
  expect(passing(passed)).toMatchObject({ status: 'True', reason: 'NoneWorse' })

  // Another operator knows nothing of this step's calls, and says so.
  story.restartOperator()
  const anew = await story.until('it is seen anew', (s) => previewOf(s)?.analysis?.state === 'Inconclusive')
  expect(anew.weight).toBe('25/25')
  await story.until('it passes again', (s) => previewOf(s)?.analysis?.state === 'Passing')
  story.api.writes.length = 0
  const since = story.now
  await story.until('ten seconds pass', () => story.now >= since + 10_000)
  expect(story.api.writes.length).toBeLessThanOrEqual(2) // numbers grow at each look
  const end = await story.until('v2 serves', (s) => isReady(s) && s.active === preview)
  expect([end.history?.some((h) => h.event === 'RolloutFailed'), story.proxy.violations, passing(end)]).toEqual([false, [], undefined])
}, 300_000)
