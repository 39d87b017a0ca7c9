import { FINALIZER, type WeaverAppStatus } from '@weaver/crds'
import { isKubeError, KINDS } from '@weaver/kube'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { GRAPH, isReady, serving, spec, Story, V1, V2 } from '../testing/app-story.js'
import { Crash } from '../testing/recording-api.js'
import { takeCommandsBack } from './commands.js'
import type { AppObject } from './pass-status.js'
import type { AppKey } from './reconcile-app.js'

// A real API server and etcd; `testing/app-story.ts` says what is played there.

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer()
}, 300_000)
afterAll(async () => {
  await server?.close()
})

describe('first deploy', () => {
  it('gives no traffic before every group is ready, then all of it', async () => {
    const story = await Story.start(server)
    story.player.behaviour = (workload) => (workload.includes('reverser') ? 'starting' : 'ready')
    await story.applySpec(spec(V1))
    const waiting = await story.until('two of three groups', (s) => s.ready === '2/3')
    expect(waiting.waitingFor).toContain('httpserver/Reverser')
    expect(story.proxy.asked).toEqual([])
    story.player.behaviour = () => 'ready'
    const status = await story.until('Ready', isReady)
    expect(status).toMatchObject({
      ready: '3/3',
      weight: '100/100',
      versions: [{ digest: `sha256:${'1'.repeat(64)}`, weightDesired: 100, weightObserved: 100 }],
    })
    expect(await story.condition('Ready')).toMatchObject({ status: 'True' })
    expect(await story.condition('ImagePinned')).toMatchObject({ status: 'True' })
    expect(story.proxy.violations).toEqual([])
    expect([...story.broker.accounts]).toEqual([status.active])
    const inventory = await story.player.inventory()
    expect(inventory.filter((n) => n.startsWith('Deployment/'))).toHaveLength(3)
    expect(inventory.filter((n) => n.startsWith('Pod/') && n.endsWith('-describe'))).toEqual([])
  })

  it('writes nothing once it is ready, not even after a restart of the operator', async () => {
    const { story } = await serving(server)
    story.restartOperator()
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(story.api.writes).toEqual([])
  })

  it('scales in place, hands replicas to an autoscaler, and does not fight what the server writes differently', async () => {
    const story = await Story.start(server)
    const text = (replicas: { min: number; max?: number }) =>
      spec(V1, {
        groups: [
          {
            name: 'text',
            components: ['httpserver/Reverser', 'httpserver/Converter'],
            replicas,
            resources: { requests: { cpu: '1000m' } },
          },
        ],
      })
    await story.applySpec(text({ min: 2, max: 4 }))
    const { active = '' } = await story.until('two replicas', isReady)
    const replicas = async () =>
      ((await story.admin.get(KINDS.deployments, story.namespace, `hello-text-${active}`))?.['spec'] as { replicas?: number } | undefined)
        ?.replicas
    const hasAutoscaler = async () => (await story.player.inventory()).includes(`HorizontalPodAutoscaler/hello-text-${active}`)
    expect([await replicas(), await hasAutoscaler()]).toEqual([2, true])
    await story.admin.patch(KINDS.deployments, story.namespace, `hello-text-${active}`, { spec: { replicas: 4 } })
    story.restartOperator()
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    story.api.writes.length = 0
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(story.api.writes).toEqual([])
    expect(await replicas()).toBe(4)
    await story.applySpec(text({ min: 3 }))
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect([await replicas(), await hasAutoscaler(), (await story.status()).active]).toEqual([3, false, active])
    await story.applySpec(text({ min: 2, max: 6 }))
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    // An applied number that is left out would fall back to 1.
    expect([await replicas(), await hasAutoscaler()]).toEqual([4, true])
  })

  it('makes again what somebody deletes, and takes back what somebody edits', async () => {
    const { story, v1 } = await serving(server)
    await story.admin.delete(KINDS.services, story.namespace, `hello-lis-${v1}`)
    await story.admin.patch(KINDS.deployments, story.namespace, `hello-main-${v1}`, { spec: { replicas: 7 } })
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(await story.admin.get(KINDS.services, story.namespace, `hello-lis-${v1}`)).toBeDefined()
    expect((await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`))?.['spec']).toMatchObject({ replicas: 1 })
  })
})

describe('trouble around the app', () => {
  it('waits for a broker that is away, says so, and goes on when it is back', async () => {
    const story = await Story.start(server)
    story.broker.outage = 'no broker answers'
    await story.applySpec(spec(V1))
    const failing = story.until('a few passes', () => false, { passes: 5 })
    await expect(failing).rejects.toThrow(/no broker answers/)
    await expect(story.until('a few more', () => false, { passes: 1 })).rejects.toThrow(/no broker answers/)
    expect(await story.condition('Degraded')).toMatchObject({
      status: 'True',
      reason: 'WorkFailed',
      message: expect.stringContaining('no broker answers'),
    })
    story.broker.outage = undefined
    await story.until('v1 serves', isReady)
    expect(await story.condition('Degraded')).toMatchObject({ status: 'False' })
  })

  it('says why not even the describe pod may be made', async () => {
    const story = await Story.start(server)
    await story.applySpec(spec(V1, { tolerations: [{ operator: 'Sometimes' }] }))
    await story.until('a condition', (s) => s.conditions?.some((c) => c.type === 'Described' && c.status === 'False') === true, {
      passes: 5,
    })
    expect(await story.condition('Stalled')).toMatchObject({
      status: 'True',
      reason: 'DescribeFailed',
      message: expect.stringContaining('tolerations[0]'),
    })
    expect(story.events).toContainEqual({ type: 'Warning', reason: 'DescribeFailed', message: expect.stringContaining('tolerations[0]') })
  })
})

describe('upgrade', () => {
  it('moves traffic step by step, each only when the last is in force, and removes the old version', async () => {
    const { story, v1 } = await serving(server)
    story.proxy.lag = 1
    story.api.writes.length = 0
    await story.applySpec(spec(V2))
    const status = await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
    const v2 = status.active
    const shares = [10, 25, 50, 75].map((w) => [`${v1}=${100 - w}`, `${v2}=${w}`].sort().join(' '))
    expect(story.proxy.asked).toEqual([`${v1}=100`, ...shares, `${v2}=100`])
    expect(story.proxy.violations).toEqual([])
    expect([...story.broker.accounts]).toEqual([v2])
    await story.player.tick()
    expect((await story.player.inventory()).filter((n) => n.includes(v1))).toEqual([`ControllerRevision/hello-${v1}`])
    const counts = countBy(story.api.writes)
    process.stdout.write(`API writes of one rollout v1 -> v2 (3 groups, 5 steps): ${story.api.writes.length} ${JSON.stringify(counts)}\n`)
    expect(counts['status weaverapps'] ?? 0).toBeLessThan(40)
    expect(story.api.writes.length).toBeLessThan(90)
  }, 300_000)

  it('does not write its status at each look because requests come and go', async () => {
    const { story, v1 } = await serving(server)
    story.proxy.isUnderLoad = true
    await story.applySpec(spec(V2, { rollout: { steps: [{ weight: 50, hold: '60s' }, { weight: 100 }] } }))
    await story.until('the hold', (s) => s.weight === '50/50')
    story.api.writes.length = 0
    const start = story.now
    for (let pass = 0; pass < 30; pass += 1) {
      await story.player.tick()
      await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
      story.now += 1_000
    }
    expect(story.now - start).toBe(30_000)
    const counts = (await story.status()).versions?.find((v) => v.id === v1)?.inFlight
    expect(counts).toBeGreaterThan(0)
    expect(story.api.writes.filter((w) => w.startsWith('status')).length).toBeGreaterThanOrEqual(2) // it is told, now and then
    expect(story.api.writes.length).toBeLessThanOrEqual(4)
    // Set forward in the middle of the hold: an hour of which nobody knows how long it was.
    story.now += 3_600_000
    story.clockSetAt = story.now
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect((await story.status()).weight).toBe('50/50')
  })

  it('goes on after a restart of the operator in the middle, without going back', async () => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec(V2))
    await story.until('half way', (s) => s.versions?.some((v) => v.id !== v1 && v.weightObserved === 50) === true)
    story.restartOperator()
    await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
    const shares = story.proxy.asked.map((a) => Number(/[^ =]+=([0-9]+)/.exec(a.split(' ').find((p) => !p.startsWith(v1)) ?? '')?.[1] ?? 0))
    expect(shares).toEqual([...shares].sort((a, b) => a - b))
  }, 300_000)

  it('two operators at once do no harm: the slower one is refused', async () => {
    const { story, v1 } = await serving(server)
    const first = story.reconciler
    story.restartOperator()
    const second = story.reconciler
    const refused: unknown[] = []
    const both = async (key: AppKey, signal: AbortSignal) => {
      const passes = await Promise.allSettled([first, second].map((r) => r.reconcile(key, signal)))
      for (const pass of passes) if (pass.status === 'rejected') refused.push(pass.reason)
      return { requeueAfterMs: 500 }
    }
    story.reconciler = { reconcile: both }
    await story.applySpec(spec(V2))
    await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
    expect(refused.filter((error) => !isKubeError(error, 409))).toEqual([])
    expect(refused.length).toBeGreaterThan(0)
    expect(story.proxy.violations).toEqual([])
    expect((await story.status()).history?.filter((h) => h.event === 'Promoted')).toHaveLength(2)
  }, 300_000)

  it('gives up a version that never becomes ready, names the component, the pod and the reason, and leaves v1 alone', async () => {
    const { story, v1 } = await serving(server)
    const before = await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`)
    story.player.behaviour = (workload) => (workload.includes('reverser') && !workload.includes(v1) ? 'crash' : 'ready')
    await story.applySpec(spec(V2))
    await story.until('failed', (s) => s.phase === 'Failed' && s.versions?.length === 1)
    for (const type of ['Stalled', 'Ready', 'Progressing'])
      expect((await story.condition(type))?.message).toMatch(
        /httpserver\/Reverser.*pod "hello-reverser-.*CrashLoopBackOff.*cannot reach the database/,
      )
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect(story.proxy.asked).toEqual([`${v1}=100`])
    expect([...story.broker.accounts]).toEqual([v1])
    expect((await story.admin.get(KINDS.deployments, story.namespace, `hello-main-${v1}`))?.metadata.generation).toBe(
      before?.metadata.generation,
    )
    expect(story.events.filter((e) => e.type === 'Warning').map((e) => e.message)).toContainEqual(
      expect.stringContaining('CrashLoopBackOff'),
    )
    // The failed version is not tried again...
    const writes = story.api.writes.length
    await story.until('a while', async () => false, { passes: 5 }).catch(() => undefined)
    expect(story.api.writes.slice(writes)).toEqual([])
    // ...until the spec asks for something else.
    await story.applySpec(spec(V1))
    await story.until('v1 wanted again', (s) => s.phase === 'Ready' && s.active === v1)
  }, 300_000)

  it('carries out abort and promote, once, and removes the annotation', async () => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec(V2, { rollout: { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' } }))
    await story.until('paused', (s) => s.phase === 'Paused')
    await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/abort': 'now' } } })
    await story.until('aborted', (s) => s.active === v1 && s.versions?.length === 1)
    expect((await story.app())?.metadata.annotations?.['weaver.dev/abort']).toBeUndefined()
    await story.applySpec(
      spec(V2, {
        env: [{ name: 'TRY', value: '2' }],
        rollout: { steps: [{ weight: 20, pause: true }, { weight: 60, pause: true }, { weight: 100 }], drainTimeout: '30s' },
      }),
    )
    await story.until('paused again', (s) => s.phase === 'Paused')
    const promote = (value: string) =>
      story.admin.patch<AppObject>(KINDS.weaverApps, story.namespace, 'hello', {
        metadata: { annotations: { 'weaver.dev/promote': value } },
      })
    const annotation = async () => (await story.app())?.metadata.annotations?.['weaver.dev/promote']
    // Given again while the first is carried out: both count.
    await promote('jane: first')
    story.api.crashAfter(1)
    await expect(story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))).rejects.toThrow(Crash)
    expect(await annotation()).toBe('jane: first')
    await promote('jane: second')
    story.restartOperator()
    await story.until('promoted', (s) => isReady(s) && s.active !== v1)
    expect(await annotation()).toBeUndefined()
    const carriedOut = await promote('jane: third')
    await promote('jane: fourth')
    expect(await takeCommandsBack(story.admin, carriedOut, AbortSignal.timeout(120_000))).toBe(carriedOut)
    expect(await annotation()).toBe('jane: fourth')
  }, 300_000)

  it('burns versions: no traffic from the next write on, gone without a drain, and never again', async () => {
    const { story, v1 } = await serving(server)
    const rollout = { steps: [{ weight: 20, pause: true }, { weight: 100 }], drainTimeout: '30s' }
    await story.applySpec(spec(V2, { rollout }))
    const { preview: v2 = '' } = await story.until('paused', (s) => s.phase === 'Paused')
    const burn = (value: string) =>
      story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/burn': value } } })
    story.broker.inFlight.set(v1, 3)
    await burn(`${v1} jane: leaks tokens`)
    // The operator dies right after it has written that down.
    story.api.crashAfter(1)
    await expect(story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))).rejects.toThrow(Crash)
    expect(await story.status()).toMatchObject({ active: v2, burned: [v1], engine: { weights: { [v2]: 100 } } })
    story.restartOperator()
    const since = story.now
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(story.proxy.asked.at(-1)).toBe(`${v2}=100`)
    await story.until('v1 is gone', story.isServing(v2))
    expect(story.now - since).toBeLessThan(10_000)
    expect((await story.app())?.metadata.annotations?.['weaver.dev/burn']).toBeUndefined()
    const said = (reason: string) => story.events.filter((e) => e.reason === reason).map((e) => e.message)
    const burned = `version "${v1}" is burned, and unreachable for good (jane: leaks tokens); version "${v2}" has all traffic`
    expect((await story.status()).history).toContainEqual(expect.objectContaining({ event: 'VersionBurned', version: v1, message: burned }))

    await story.applySpec(spec(V1, { rollout }))
    await story.until('v1 is refused', (s) => s.phase === 'Failed')
    const refused = `version "${v1}" is burned and does not start again; have the spec ask for another one`
    expect(await story.condition('Stalled')).toMatchObject({ reason: 'BurnedNotStarted', message: refused })
    expect(await story.status()).toMatchObject({
      active: v2,
      waitingFor: `a change of the spec: version "${v1}" is burned, and never serves again`,
    })
    await burn('v9')
    await story.until('the annotation is taken', () => said('BurnRefused').length > 0)
    expect(said('BurnRefused')).toEqual(['nothing is burned: version "v9" is not known'])

    // The last one: the proxies are left without a backend, and hear of it.
    await burn(v2)
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(story.proxy.weights(story.key)).toEqual({})
    await story.until('nothing is left', async (s) => s.versions?.length === 0 && story.broker.accounts.size === 0)
    expect(await story.status()).toMatchObject({ phase: 'Failed', burned: [v1, v2] })
    expect(await story.condition('Available')).toMatchObject({
      status: 'False',
      message: 'every version that took traffic is burned',
    })
    await story.applySpec(spec(V2, { rollout, env: [{ name: 'TRY', value: '2' }] }))
    const { active } = await story.until('a new one serves', isReady)
    expect([v1, v2]).not.toContain(active)
    expect(story.proxy.violations).toEqual([])
  })

  it('ends a burned version also while the spec asks for one that cannot be described', async () => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec('reg.example/nothing:v9'))
    await story.until('it cannot be', (s) => s.conditions?.some((c) => c.type === 'Described' && c.reason === 'ImagePullFailed') === true)
    await story.admin.patch(KINDS.weaverApps, story.namespace, 'hello', { metadata: { annotations: { 'weaver.dev/burn': v1 } } })
    await story.until('nothing is left', async (s) => s.versions?.length === 0 && story.broker.accounts.size === 0)
    expect(story.proxy.weights(story.key)).toEqual({})
    expect(await story.status()).toMatchObject({ burned: [v1] })
    await story.applySpec(spec(V2))
    const { active } = await story.until('another one serves', isReady)
    expect(active).not.toBe(v1)
    expect(story.proxy.violations).toEqual([])
  })

  it('waits for calls in flight before it removes the old version', async () => {
    const { story, v1 } = await serving(server)
    story.broker.inFlight.set(v1, 3)
    await story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '5m' } }))
    await story.until('v1 drains', (s) => s.versions?.some((v) => v.id === v1 && v.phase === 'Draining' && v.inFlight === 3) === true)
    expect([...story.broker.accounts]).toContain(v1)
    story.broker.inFlight.delete(v1)
    await story.until('v1 gone', (s) => isReady(s) && s.active !== v1)
    expect([...story.broker.accounts]).not.toContain(v1)
  })

  it('keeps a retained version warm without work, goes back to it at once, and removes it in the end', async () => {
    const { story, v1 } = await serving(server)
    const rollout = { duration: '50s', drainTimeout: '30s', bake: '20s', retain: { for: '10m' }, rollbackWindow: '5m' }
    await story.applySpec(spec(V2, { rollout }))
    const isDrained = (id: string) => (s: WeaverAppStatus) =>
      s.phase === 'Ready' && s.versions?.some((v) => v.id === id && v.phase === 'Drained') === true
    const { active: v2 = '', history = [] } = await story.until('v1 is drained', isDrained(v1))
    const lasted = (from: string, to: string) =>
      Date.parse(history.findLast((h) => h.event === to)?.at ?? '') - Date.parse(history.findLast((h) => h.event === from)?.at ?? '')
    expect(lasted('StepStarted', 'Promoted')).toBeGreaterThanOrEqual(20_000)
    const { writes } = story.api
    writes.length = 0
    const since = story.now
    await story.until('two minutes pass', () => story.now >= since + 120_000)
    expect(writes).toEqual([])

    await story.applySpec(spec(V1, { rollout }))
    await story.until('v1 serves again', (s) => isDrained(v2)(s) && s.active === v1)
    const back = story.events.slice(story.events.findLastIndex(({ reason }) => reason === 'RolloutStarted')).map(({ reason }) => reason)
    expect(back).toEqual(['RolloutStarted', 'StepStarted', 'Promoted', 'VersionRetained'])
    expect(writes.filter((write) => !write.startsWith('status '))).toEqual([])
    expect(story.proxy.violations).toEqual([])
    await story.until('v2 is gone', (s) => isReady(s) && s.active === v1)
    expect(story.now - since).toBeGreaterThan(10 * 60_000)
  })

  it('has clients of the old version told to leave before they are cut off, by whichever operator is there, and not earlier', async () => {
    const { story, v1 } = await serving(server)
    story.proxy.isUnderLoad = true
    await story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '20s' } }))
    await story.until('v1 drains', (s) => s.versions?.some((v) => v.id === v1 && v.phase === 'Draining') === true)
    const began = story.now
    await story.until('v1 is about to be cut off', () => story.broker.goodbyes.length > 0)
    expect(story.now - began).toBeGreaterThan(15_000)
    story.restartOperator()
    const told = story.broker.goodbyes.length
    await story.until('it is said again', () => story.broker.goodbyes.length > told)
    await story.until('v1 gone', (s) => isReady(s) && s.active !== v1)
    expect(story.now - began).toBeGreaterThan(19_999)
    expect(new Set(story.broker.goodbyes)).toEqual(new Set([v1]))
  })

  it('takes what the proxies do not know for unknown, not for none', async () => {
    const { story, v1 } = await serving(server)
    story.proxy.isBlind = true
    await story.applySpec(spec(V2, { rollout: { strategy: 'cutover', drainTimeout: '5m' } }))
    await story.until('v1 drains', (s) => s.versions?.some((v) => v.id === v1 && v.phase === 'Draining') === true)
    const start = story.now
    while (story.now < start + 60_000) {
      await story.player.tick()
      await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
      story.now += 5_000
    }
    expect([...story.broker.accounts]).toContain(v1)
    story.proxy.isBlind = false
    await story.until('v1 gone', (s) => isReady(s) && s.active !== v1)
  })
})

describe('spec that cannot be carried out', () => {
  it.each([
    [
      'an unknown component',
      { groups: [{ name: 'text', components: ['httpserver/Nobody'] }] },
      /spec\.groups\[0\]\.components\[0\].*httpserver\/Nobody/,
    ],
    ['a listener that the graph lacks', { listeners: [{ name: 'admin' }] }, /spec\.listeners\[0\].*admin/],
  ])('%s is a condition with path and remedy, and v1 serves on', async (_title, more, said) => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec(V2, more))
    await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Stalled' && c.status === 'True') === true)
    expect(await story.condition('Stalled')).toMatchObject({ reason: 'InvalidSpec', message: expect.stringMatching(said) })
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect(story.proxy.asked).toEqual([`${v1}=100`])
    await story.applySpec({ ...spec(V2), groups: [] })
    await story.until('corrected', (s) => isReady(s) && s.active !== v1)
  })

  it('an invalid field leaves what was scaled in place alone', async () => {
    const story = await Story.start(server)
    const groups = (min: number) => [{ name: 'text', components: ['httpserver/Reverser'], replicas: { min } }]
    await story.applySpec(spec(V1, { groups: groups(1) }))
    const { active } = await story.until('v1 serves', isReady)
    await story.applySpec(spec(V1, { groups: groups(3) }))
    const replicas = async () =>
      ((await story.admin.get(KINDS.deployments, story.namespace, `hello-text-${active}`))?.['spec'] as { replicas?: number } | undefined)
        ?.replicas
    await story.until('three', async () => (await replicas()) === 3)
    // An app older than the CRD's rule that would refuse it today.
    const twice = [...groups(3), { name: 'more', components: ['httpserver/Reverser'] }]
    story.api.get = async (kind, namespace, name, options) => {
      const found = await story.admin.get<any>(kind, namespace, name, options)
      return kind === KINDS.weaverApps ? { ...found, spec: { ...found.spec, groups: twice } } : found
    }
    for (let i = 0; i < 3; i += 1) await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(await story.condition('Stalled')).toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.groups[1].components[0]'),
    })
    expect(await story.condition('Available')).toMatchObject({ status: 'True' })
    expect(await replicas()).toBe(3)
  })

  it.each([
    ['an image that cannot be pulled', 'reg.example/nothing:v9', 'ImagePullFailed', /cannot be pulled: ImagePullBackOff/],
    ['an image that is no Weaver image', 'reg.example/nginx:v1', 'NotAWeaverImage', /is not a Weaver image/],
  ])('%s says so, and v1 serves on', async (_title, image, reason, said) => {
    const { story, v1 } = await serving(server)
    story.player.images.set('reg.example/nginx:v1', { digest: '3'.repeat(64) })
    await story.applySpec(spec(image))
    await story.until('stalled', (s) => s.conditions?.some((c) => c.type === 'Described' && c.reason === reason) === true)
    expect(await story.condition('Described')).toMatchObject({ status: 'False', message: expect.stringMatching(said) })
    expect(story.proxy.asked).toEqual([`${v1}=100`])
    if (image !== 'reg.example/nginx:v1') return
    // A tag that was pushed again is found, by the operator's own clock and after five minutes of it.
    const stalledAt = story.now
    story.player.images.set(image, { digest: '4'.repeat(64), graph: GRAPH })
    await story.until('described after all', (s) => isReady(s) && s.active !== v1)
    expect(story.now - stalledAt).toBeGreaterThan(270_000)
  })
})

describe('deletion', () => {
  it('removes everything that the app owned and nothing else', async () => {
    const { story } = await serving(server)
    await story.admin.create(KINDS.services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'bystander', namespace: story.namespace },
      spec: { ports: [{ port: 80 }] },
    })
    await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
    expect((await story.app())?.metadata.finalizers).toContain(FINALIZER)
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(await story.app()).toBeUndefined()
    expect([...story.broker.accounts]).toEqual([])
    for (let i = 0; i < 3; i += 1) await story.player.tick()
    expect(await story.player.inventory()).toEqual(['Service/bystander'])
  })

  it('closes the accounts of versions whose snapshots have gone before', async () => {
    const { story } = await serving(server)
    const { items } = await story.admin.list(KINDS.controllerRevisions, { namespace: story.namespace })
    for (const { metadata } of items) await story.admin.delete(KINDS.controllerRevisions, story.namespace, metadata.name)
    expect([...story.broker.accounts]).toHaveLength(1)
    await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect([...story.broker.accounts]).toEqual([])
  })

  it('is held up by a broker that is gone, but not for ever', async () => {
    const { story } = await serving(server)
    story.broker.outage = 'broker unreachable'
    await story.admin.delete(KINDS.weaverApps, story.namespace, 'hello')
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(await story.app()).toBeDefined()
    story.now += 60_000
    await story.reconciler.reconcile(story.key, AbortSignal.timeout(120_000))
    expect(await story.app()).toBeUndefined()
    expect(story.events.at(-1)?.message).toMatch(/broker unreachable.*given up/)
  })
})

describe('suspend', () => {
  it('freezes a rollout where it is', async () => {
    const { story, v1 } = await serving(server)
    await story.applySpec(spec(V2))
    await story.until('a quarter', (s) => s.versions?.some((v) => v.id !== v1 && v.weightObserved === 25) === true)
    await story.applySpec(spec(V2, { suspend: true }))
    await story.until('a while', async () => false, { passes: 5 }).catch(() => undefined)
    expect(await story.status()).toMatchObject({ phase: 'Suspended', weight: '25/25' })
    story.now += 3_600_000
    await story.applySpec(spec(V2, { suspend: false }))
    await story.until('v2 serves', (s) => isReady(s) && s.active !== v1)
  })
})

function countBy(writes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const write of writes) {
    const key = write.split(' ').slice(0, 2).join(' ')
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}
