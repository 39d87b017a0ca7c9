// A release one of whose components never becomes ready gets no traffic and fails at its progress
// deadline; the old release serves on untouched.
import { startLoad } from '../support/load.js'
import { getApp, kubectl, pods } from '../support/kube.js'
import { createNamespace, deleteNamespace, platformFromEnvironment, weaver } from '../support/platform.js'
import { makeRelease, neverReady } from '../support/release.js'
import { watchRollout } from '../support/rollout.js'

const NAMESPACE = 'story-never-ready'
const POD = /shop-converter-[a-z0-9]+-[a-z0-9-]+/
const platform = platformFromEnvironment()

beforeAll(() => createNamespace(NAMESPACE))
afterAll(() => deleteNamespace(NAMESPACE))

it('a component that never becomes ready: no traffic, a condition that names component, pod and reason, v1 untouched', async () => {
  const good = await makeRelease({ release: 'v1', name: 'shop', rollout: '5s' })
  await weaver(['kube', 'deploy', `${good}/weaver.toml`, '--namespace', NAMESPACE])
  const before = await getApp(NAMESPACE, 'shop')
  const active = before.status?.active ?? ''
  const podsBefore = (await pods(NAMESPACE, `weaver.dev/version=${active}`)).map((pod) => pod.metadata.name).sort()
  const load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://shop-lis', rate: 200, image: platform.baseImage })

  const bad = await makeRelease({ release: 'bad', name: 'shop', rollout: '5s', edits: { 'converter.ts': neverReady } })
  await weaver(['kube', 'deploy', `${bad}/weaver.toml`, '--namespace', NAMESPACE, '--detach'])
  // Only now the limit is short: with it from the start, a busy machine would fail at a stage
  // before the one this is about.
  await watchRollout(NAMESPACE, 'shop', { until: (now) => POD.test(JSON.stringify(now.status?.conditions ?? [])) })
  const patch = JSON.stringify({ spec: { rollout: { progressDeadline: '15s' } } })
  await kubectl(['patch', 'weaverapp', 'shop', '-n', NAMESPACE, '--type=merge', '-p', patch])
  const { app, samples } = await watchRollout(NAMESPACE, 'shop', { until: (now) => now.status?.phase === 'Failed' })

  expect(samples.every((sample) => (sample.desired ?? 0) === 0 && (sample.observed ?? 0) === 0)).toBe(true)
  const text = (app.status?.conditions ?? [])
    .filter((condition) => condition.status !== 'True' || condition.type === 'Stalled')
    .map((condition) => `${condition.type} ${condition.reason}: ${condition.message}`)
    .join('\n')
  expect(text).toMatch(/httpserver\/Converter|converter/)
  expect(text).toMatch(POD)
  expect(text).toMatch(/not ready|NotReady|unready|readiness/i)

  const report = await load.stop()
  expect(report.failures).toEqual([])
  expect(report).toMatchObject({ failed: 0, mixed: 0 })
  expect(Object.keys(report.byRelease)).toEqual(['v1'])
  expect((await pods(NAMESPACE, `weaver.dev/version=${active}`)).map((pod) => pod.metadata.name).sort()).toEqual(podsBefore)
  expect(app.status?.active).toBe(active)
})
