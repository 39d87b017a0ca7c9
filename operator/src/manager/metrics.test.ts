import { readFileSync } from 'node:fs'
import { createMetrics } from './metrics.js'

const APP = { namespace: 'shop', name: 'cart' }
const linesOf = async (metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> =>
  (await metrics.text()).body.split('\n').filter((line) => line.startsWith(name))

describe('metrics', () => {
  it('tell the time of rollouts by outcome', async () => {
    const metrics = createMetrics()
    metrics.rolloutEnded(APP, { outcome: 'promoted', seconds: 70 })
    metrics.rolloutEnded(APP, { outcome: 'promoted', seconds: 20 })
    metrics.rolloutEnded(APP, { outcome: 'failed', seconds: 600 })
    const lines = await linesOf(metrics, 'weaver_rollout_duration_seconds')
    expect(lines).toEqual(
      expect.arrayContaining([
        'weaver_rollout_duration_seconds_bucket{le="60",namespace="shop",app="cart",outcome="promoted"} 1',
        'weaver_rollout_duration_seconds_sum{namespace="shop",app="cart",outcome="promoted"} 90',
        'weaver_rollout_duration_seconds_count{namespace="shop",app="cart",outcome="promoted"} 2',
        'weaver_rollout_duration_seconds_count{namespace="shop",app="cart",outcome="failed"} 1',
      ]),
    )
  })

  it('forget an app that is gone, and only that', async () => {
    const metrics = createMetrics()
    for (const app of [APP, { namespace: 'other', name: 'cart' }]) {
      metrics.phase(app, 'Ready')
      metrics.weights(app, [{ id: 'v1', desired: 100, observed: 100 }])
      metrics.rolloutEnded(app, { outcome: 'promoted', seconds: 1 })
    }
    metrics.forget(APP)
    const { body } = await metrics.text()
    expect(body).not.toContain('namespace="shop"')
    expect(body).toContain('weaver_rollout_duration_seconds_count{namespace="other",app="cart",outcome="promoted"} 1')
    expect(body).toContain('weaver_rollout_phase{namespace="other",app="cart",phase="Ready"} 1')
  })

  it('show one phase and the versions of the moment', async () => {
    const metrics = createMetrics()
    metrics.phase(APP, 'Progressing')
    metrics.phase(APP, 'Ready')
    metrics.weights(APP, [{ id: 'v1', desired: 100, observed: undefined }])
    metrics.weights(APP, [{ id: 'v2', desired: 100, observed: 99 }])
    expect(await linesOf(metrics, 'weaver_rollout_phase{')).toEqual(['weaver_rollout_phase{namespace="shop",app="cart",phase="Ready"} 1'])
    expect(
      (await linesOf(metrics, 'weaver_app_version_weight{')).map((l) => /version="(\w+)",kind="(\w+)"} (\d+)/.exec(l)?.slice(1)),
    ).toEqual([
      ['v2', 'desired', '100'],
      ['v2', 'observed', '99'],
    ])
  })

  it('shows what the proxies counted, and forgets versions that are gone', async () => {
    const metrics = createMetrics()
    metrics.requests(APP, { v1: 7, v2: 3 })
    metrics.requests(APP, { v2: 5 })
    expect(await linesOf(metrics, 'weaver_app_version_requests{')).toEqual([
      'weaver_app_version_requests{namespace="shop",app="cart",version="v2"} 5',
    ])
    metrics.forget(APP)
    expect(await linesOf(metrics, 'weaver_app_version_requests{')).toEqual([])
  })

  it('are the ones that docs/metrics.md lists, with their types and labels', async () => {
    const metrics = createMetrics()
    metrics.apiCall({ method: 'GET', code: '200', seconds: 1, verb: 'get', resource: 'pods' })
    metrics.reconciled('success', 1)
    metrics.queueDepth(1)
    metrics.watchRestarted('Pod', 'closed')
    metrics.leading(true)
    metrics.weights(APP, [{ id: 'v1', desired: 100, observed: 100 }])
    metrics.requests(APP, { v1: 7 })
    metrics.lostPins(APP, 1)
    metrics.phase(APP, 'Ready')
    metrics.rolloutEnded(APP, { outcome: 'promoted', seconds: 1 })
    const { body } = await metrics.text()
    const ours = [...body.matchAll(/^# TYPE (\S+) (\S+)$/gm)]
      .filter(([, name = '']) => !/^(process|nodejs)_/.test(name))
      .map(([, name = '', type]) => {
        const sample = body.split('\n').find((l) => l.startsWith(`${name}{`) || l.startsWith(`${name}_sum{`)) ?? ''
        const labels = [...sample.matchAll(/(\w+)="/g)].map(([, label]) => `\`${label}\``)
        return `| \`${name}\` | ${type} | ${labels.sort().join(', ')} |`
      })
    const page = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8')
    const listed = page
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map(
        (line) =>
          `| ${line
            .split('|')
            .slice(1, 4)
            .map((cell) => cell.trim())
            .join(' | ')} |`,
      )
    expect(listed.sort()).toEqual(ours.sort())
    expect(ours.length).toBeGreaterThanOrEqual(10)
  })
})
