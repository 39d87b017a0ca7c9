// Applications outlive the release of the operator: its upgrade, its rollback and its end cost no
// request, and so does an upgrade of the broker, which is a release of its own. Whatever was asked
// for while no operator was there is done when one is back.
import { setTimeout as delay } from 'node:timers/promises'
import { getApp, kubectl } from '../../support/kube.js'
import { startLoad, type Load } from '../../support/load.js'
import {
  BROKER_RELEASE,
  createNamespace,
  deleteNamespace,
  helm,
  installCharts,
  operatorImage,
  platformFromEnvironment,
  RELEASE,
  weaver,
} from '../../support/platform.js'
import { makeRelease } from '../../support/release.js'
import { settledOn, watchRollout } from '../../support/rollout.js'
import { eventually, together } from '../../support/sh.js'

const NAMESPACE = 'story-lifecycle'
const platform = platformFromEnvironment()
const charts = new URL('../../../charts', import.meta.url).pathname
const WAIT = ['--wait', '--timeout', '8m']
const LIMIT = { timeoutMs: 600_000 }
let image: string
let load: Load

const deploy = async (release: string, name = 'lasting'): Promise<void> => {
  const folder = await makeRelease({ release, name, rollout: '5s' })
  await weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE])
}

beforeAll(async () => {
  image = await operatorImage()
  await createNamespace(NAMESPACE)
  await deploy('v1')
  load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://lasting-lis', rate: 100, image: platform.baseImage })
  await eventually('the first answers', async () => ((await load.report()).ok > 100 ? true : undefined))
})
afterAll(async () => {
  // other stories need an operator, whatever has happened here
  await installCharts(platform, image).finally(() => deleteNamespace(NAMESPACE))
})

/**
 * Does something while users send requests, and goes on sending for a while; then every request
 * must have been answered by one version.
 */
async function underLoad(what: () => Promise<unknown>): Promise<void> {
  await load.reset()
  await what()
  const { ok } = await load.report()
  await eventually('a thousand requests after it', async () => ((await load.report()).ok > ok + 1_000 ? true : undefined))
  const { failures, mixed } = await load.report()
  expect({ failures, mixed }).toEqual({ failures: [], mixed: 0 })
}

it('an upgrade of the operator and its rollback', async () => {
  await underLoad(() =>
    helm(['upgrade', RELEASE, `${charts}/weaver-operator`, '--reuse-values', '--set', 'logLevel=debug', ...WAIT], LIMIT),
  )
  await underLoad(() => helm(['rollback', RELEASE, ...WAIT], LIMIT))
})

it('an upgrade of the broker, which replaces its servers one by one, and its rollback', async () => {
  const started = async (): Promise<string> =>
    kubectl(['get', 'pods', '-n', 'weaver-system', '-l', 'app.kubernetes.io/component=nats', '-o', 'jsonpath={.items[*].metadata.uid}'])
  const before = await started()
  const change = ['--set', 'resources.requests.memory=65Mi']
  await underLoad(() => helm(['upgrade', BROKER_RELEASE, `${charts}/weaver-nats`, '--reuse-values', ...change, ...WAIT], LIMIT))
  const after = await started()
  expect(after.split(' ').filter((uid) => before.includes(uid))).toEqual([])
  await underLoad(() => helm(['rollback', BROKER_RELEASE, ...WAIT], LIMIT))
})

it('the end of its release; what was asked for meanwhile is done when it is back', async () => {
  await deploy('v1', 'doomed')
  await underLoad(async () => {
    const { stdout } = await weaver(['operator', 'uninstall', '--force', '--yes'], LIMIT)
    expect(stdout).toMatch(/2 applications serve on/)
  })
  expect(await kubectl(['get', 'deployments', '-n', 'weaver-system', '-o', 'name'])).toBe('')
  await kubectl(['delete', 'weaverapp', 'doomed', '-n', NAMESPACE, '--wait=false'])
  await underLoad(() => delay(30_000)) // longer than any lease of the operator
  const status = await eventually('status to say so', async () => {
    const said = await weaver(['kube', 'status', '-n', NAMESPACE])
    return /no operator has been seen for/.test(said.stderr) ? said.stdout : undefined
  })
  expect(status).toMatch(/lasting +3\/3 +Ready/)
  expect((await getApp(NAMESPACE, 'doomed')).metadata.deletionTimestamp).toBeDefined()

  await underLoad(() => installCharts(platform, image))
  await kubectl(['wait', '--for=delete', 'weaverapp/doomed', '-n', NAMESPACE, '--timeout=150s'])
  const { active } = (await getApp(NAMESPACE, 'lasting')).status ?? {}
  await underLoad(() =>
    together<[void, unknown]>((signal) => [
      deploy('v2'),
      watchRollout(NAMESPACE, 'lasting', { until: settledOn(active === undefined ? {} : { not: active }), signal }),
    ]),
  )
  expect(Object.keys((await load.stop()).byRelease).sort()).toEqual(['v1', 'v2'])
})
