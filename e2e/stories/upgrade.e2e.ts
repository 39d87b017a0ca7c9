// The main story: v1 → v2 → v3 under steady load, by `weaver kube deploy`, with nothing lost and
// nothing mixed.
import { startLoad, type Load } from '../support/load.js'
import { applyYaml, everythingIn, getApp, kubectl } from '../support/kube.js'
import { createNamespace, deleteNamespace, OPERATOR_NAMESPACE, platformFromEnvironment, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'
import { settledOn, splitPerStep, watchRollout, type Watched } from '../support/rollout.js'
import { eventually, together, type ShResult } from '../support/sh.js'
import { startPlantedMix } from '../support/planted-mix.js'

const NAMESPACE = 'story-upgrade'
const platform = platformFromEnvironment()
/**
 * Requests, twenty seconds of the load that is asked for: what less of them says does not count. A
 * starved machine takes longer to send them.
 */
const ENOUGH = 5_000
/** Loaded by the version that is worse: of the texts of the load, converted, one in twenty. */
const FAULT = `
const { toUpperCase } = String.prototype
let calls = 0
String.prototype.toUpperCase = function () {
  if (this.endsWith('-daol') && ++calls % 20 === 0) throw new Error('out of letters')
  return toUpperCase.call(this)
}`
let load: Load
let v1: string
let v2: string

const deploy = (folder: string, ...flags: string[]) =>
  weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE, ...flags])

beforeAll(async () => {
  await createNamespace(NAMESPACE)
})
afterAll(() => deleteNamespace(NAMESPACE))

describe('a release replaces another under load', () => {
  it('given v1, deployed by one command and answering', async () => {
    const folder = await makeRelease({ release: 'v1', rollout: '20s' })
    await deploy(folder)
    const app = await getApp(NAMESPACE, 'httpserver')
    v1 = app.status?.active ?? ''
    expect(app.status).toMatchObject({ phase: 'Ready', observedGeneration: app.metadata.generation })
    load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://httpserver-lis', rate: 250, image: platform.baseImage })
    await eventually('the first answers of v1', async () => ((await load.report()).byRelease['v1'] ?? 0) > 250 || undefined)
    await load.reset()
  })

  it('when v2 is deployed, users see every step of the split within 2 points, and lose nothing', async () => {
    const folder = await makeRelease({ release: 'v2', rollout: '40s' })
    const [result, { samples, app }] = await together<[ShResult, Watched]>((signal) => [
      weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE, '--json'], { signal }),
      watchRollout(NAMESPACE, 'httpserver', { until: settledOn({ not: v1 }), signal }),
    ])
    expect(result.code).toBe(0)
    v2 = app.status?.active ?? ''
    const report = await load.report()
    expect(report.failures).toEqual([])
    expect(report.mixes).toEqual([])
    expect(report.sent).toBe(report.ok + report.failed + report.inFlight)
    expect(report.sent).toBeGreaterThanOrEqual(ENOUGH)
    expect(report).toMatchObject({ failed: 0, mixed: 0 })
    expect(Object.keys(report.byRelease).sort()).toEqual(['v1', 'v2'])
    const split = splitPerStep(samples, report.seconds).filter((step) => step.requests >= 400)
    const unseen = [10, 25, 50, 75, 100].filter((weight) => !split.some((step) => step.weight === weight))
    // with what status said and when: the only way to tell a step that was skipped from one that
    // was seen too late
    expect({ unseen, samples: unseen.length === 0 ? [] : samples }).toEqual({ unseen: [], samples: [] })
    for (const step of split)
      expect({ weight: step.weight, off: Math.abs(step.measured - step.weight) > 2 ? step.measured : 0 }).toEqual({
        weight: step.weight,
        off: 0,
      })
    // The next step is never asked for while the observed weight differs.
    const steps = samples.filter((sample) => sample.preview === v2 && sample.desired !== undefined)
    for (const [index, sample] of steps.entries()) {
      const before = steps[index - 1]
      if (before !== undefined && before.desired !== sample.desired && (before.desired ?? 0) > 0)
        expect(before.observed).toBe(before.desired)
    }
  })

  it('then nothing of v1 is left in the cluster but its record', async () => {
    const kinds = 'pods,deployments,services,secrets'
    await eventually(
      'all of v1 to be gone',
      async () => (await kubectl(['get', kinds, '-n', NAMESPACE, '-l', `weaver.dev/version=${v1}`, '-o', 'name'])) === '' || undefined,
    )
    const record = [
      'get',
      'controllerrevision',
      `httpserver-${v1}`,
      '-n',
      NAMESPACE,
      '-o',
      'jsonpath={.metadata.annotations.weaver\\.dev/retired}',
    ]
    expect(Date.parse(await eventually('its record to be retired', async () => (await kubectl(record)) || undefined))).toBeGreaterThan(0)
  })

  it('a planted mix turns the check red: a caller of v1 with the credentials of v2', async () => {
    const planted = await startPlantedMix({
      namespace: NAMESPACE,
      app: 'httpserver',
      image: `${platform.registry}/httpserver:v1-for-mix`,
      release: await makeRelease({ release: 'v1' }),
      version: v2,
      baseImage: platform.baseImage,
    })
    try {
      await eventually('the check to see the mix', async () => ((await planted.load.report()).mixed > 0 ? true : undefined))
      const report = await planted.load.stop()
      expect(report.ok).toBeGreaterThan(0)
      expect(report.mixed).toBe(report.ok)
    } finally {
      await planted.remove()
    }
  })

  it('when the operator is killed in the middle of v2 → v3, users notice nothing and the rollout goes on', async () => {
    await load.reset()
    const folder = await makeRelease({ release: 'v3', rollout: '25s' })
    await deploy(folder, '--detach')
    await watchRollout(NAMESPACE, 'httpserver', {
      until: (app) => (app.status?.versions ?? []).some((version) => version.id === app.status?.preview && version.weightDesired >= 25),
    })
    await kubectl([
      'delete',
      'pods',
      '-n',
      OPERATOR_NAMESPACE,
      '-l',
      'app.kubernetes.io/component=operator',
      '--grace-period=0',
      '--force',
      '--wait=false',
    ])
    const { app } = await watchRollout(NAMESPACE, 'httpserver', { until: (now) => settledOn({ not: v2 })(now) })
    expect(app.status?.active).not.toBe(v2)
    const report = await load.report()
    expect(report.failures).toEqual([])
    expect(report.mixes).toEqual([])
    expect(report.sent).toBe(report.ok + report.failed + report.inFlight)
    expect(report.sent).toBeGreaterThanOrEqual(ENOUGH)
    expect(Object.keys(report.byRelease).sort()).toEqual(['v2', 'v3'])
    v2 = app.status?.active ?? ''
  })

  it('`kubectl get weaverapps` shows the columns', async () => {
    const [head, row] = (await kubectl(['get', 'weaverapps', '-n', NAMESPACE])).split('\n')
    expect(head?.trim().split(/\s+/)).toEqual(['NAME', 'READY', 'PHASE', 'ACTIVE', 'PREVIEW', 'WEIGHT', 'STEP', 'AGE'])
    expect(row).toMatch(/^httpserver\s+3\/3\s+Ready\s/)
    const [wide] = (await kubectl(['get', 'wa', '-n', NAMESPACE, '-o', 'wide'])).split('\n')
    expect(wide).toMatch(/NEXT\s+WAITING-FOR\s+IMAGE/)
  })

  it('a version that fails one call in twenty of an inner method is given up by itself before 25 %, and the method is named', async () => {
    const patch = (spec: object) =>
      kubectl(['patch', 'weaverapp', 'httpserver', '-n', NAMESPACE, '--type=merge', '-p', JSON.stringify({ spec })])
    const [{ active: before }, { rollout }] = await getApp(NAMESPACE, 'httpserver').then(
      ({ status, spec }) => [status ?? {}, spec] as const,
    )
    // Steps of ten minutes: whatever the machine makes of it, the second one is not reached by time.
    await patch({
      env: [{ name: 'NODE_OPTIONS', value: `--import=data:text/javascript,${encodeURIComponent(FAULT)}` }],
      rollout: { duration: '50m', analysis: { initialDelay: '1s', maxLatencyFactor: 100 } },
    })
    const { app } = await watchRollout(NAMESPACE, 'httpserver', {
      until: ({ status }) => status?.history?.at(-1)?.version !== before && status?.phase === 'Failed',
    })
    const { history = [], conditions = [] } = app.status ?? {}
    const failure = history.findLast(({ event }) => event === 'RolloutFailed')
    const why =
      /component "httpserver\/Converter", method "convert": [\d.]+ % of calls fail, in the active version 0 % \(\d+ and \d+ calls\)/
    expect(failure?.message).toMatch(why)
    expect(conditions.find(({ type }) => type === 'AnalysisPassing')).toMatchObject({
      status: 'False',
      message: expect.stringMatching(why),
    })
    const shares = history.filter(({ event, version }) => event === 'StepStarted' && version === failure?.version)
    expect(shares.map(({ message }) => /(\d+) %/.exec(message)?.[1])).toEqual(['10'])
    expect(app.status?.active).toBe(before)
    await patch({ env: null, rollout: { duration: rollout.duration, analysis: null } })
    await watchRollout(NAMESPACE, 'httpserver', {
      until: ({ status, metadata }) =>
        status?.phase === 'Ready' && status.versions?.length === 1 && status.observedGeneration === metadata.generation,
    })
    expect((await getApp(NAMESPACE, 'httpserver')).status?.active).toBe(before)
  })

  it('a change of configuration is a new version, and a change of the rollout settings is none', async () => {
    await load.reset()
    const before = (await getApp(NAMESPACE, 'httpserver')).status?.active
    await kubectl([
      'patch',
      'weaverapp',
      'httpserver',
      '-n',
      NAMESPACE,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { rollout: { duration: '5s' } } }),
    ])
    await watchRollout(NAMESPACE, 'httpserver', { until: (app) => app.status?.observedGeneration === app.metadata.generation })
    expect((await getApp(NAMESPACE, 'httpserver')).status).toMatchObject({ active: before, phase: 'Ready' })
    await kubectl([
      'patch',
      'weaverapp',
      'httpserver',
      '-n',
      NAMESPACE,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { config: { 'weaver/Main': { greeting: 'Bonjour' } } } }),
    ])
    const { app } = await watchRollout(NAMESPACE, 'httpserver', {
      until: (now) => settledOn({ not: before ?? '' })(now),
    })
    expect(app.status?.active).not.toBe(before)
    expect(await load.stop()).toMatchObject({ failed: 0, mixed: 0 })
  })

  it('`kubectl delete weaverapp` removes everything it owned, and nothing else', async () => {
    await applyYaml(`apiVersion: v1\nkind: ConfigMap\nmetadata: { name: httpserver-bystander, namespace: ${NAMESPACE} }\n`)
    await kubectl(['delete', 'weaverapp', 'httpserver', '-n', NAMESPACE, '--timeout=150s'])
    await eventually('only the bystander to be left', async () => {
      const left = (await everythingIn(NAMESPACE)).filter((name) => !name.endsWith('/load') && !name.startsWith('endpointslice'))
      return JSON.stringify(left) === JSON.stringify(['configmap/httpserver-bystander']) || undefined
    })
  })
})
