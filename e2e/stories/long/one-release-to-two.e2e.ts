// From an installation whose one release holds operator and broker (testdata/one-release, the chart
// as it was) to two releases, by the commands of docs/operating.md, with an application under load
// that loses nothing. Takes the operator of the other stories away and gives it back.
import { cp, readFile, writeFile } from 'node:fs/promises'
import { parse, stringify } from 'yaml'
import { getApp, getJson, kubectl } from '../../support/kube.js'
import { startLoad } from '../../support/load.js'
import {
  chartValues,
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
import { eventually, sh } from '../../support/sh.js'

const NAMESPACE = 'story-two-releases'
const platform = platformFromEnvironment()
const root = new URL('../../..', import.meta.url).pathname
const LIMIT = { timeoutMs: 900_000 }
let image: string

/** The commands, as they stand in the docs; Helm's with the values that a user gives again. */
async function commandsOfDocs(): Promise<readonly string[]> {
  const { broker, operator } = chartValues(platform, image)
  const docs = await readFile(`${root}docs/operating.md`, 'utf8')
  const [, block = ''] = /<!-- the story [^]*?```sh\n([^]*?)```/.exec(docs) ?? []
  const steps = block.split(/^# \d\. .*\n/m).filter((step) => step.trim() !== '')
  expect(steps).toHaveLength(3)
  return steps.map((step) =>
    step
      .trim()
      .replace(/^helm install .*$/, (line) => [line, ...broker].join(' '))
      .replace(/^helm upgrade .*$/, (line) => [line, ...operator].join(' ')),
  )
}
const run = (script: string) => sh(['bash', '-ec', script], { ...LIMIT, cwd: root })
const claims = async (): Promise<readonly string[]> =>
  (await getJson<{ items: { metadata: { uid: string } }[] }>(['pvc', '-n', 'weaver-system'])).items
    .map(({ metadata }) => metadata.uid)
    .sort()

beforeAll(async () => {
  image = await operatorImage()
  await createNamespace(NAMESPACE)
  await weaver(['operator', 'uninstall', '--all', '--yes'], LIMIT)
  const { broker, operator } = chartValues(platform, image)
  const nats = broker.filter((value) => value.startsWith('image.')).flatMap((value) => ['--set-string', `nats.${value}`])
  const chart = `${root}e2e/.work/one-release`
  await cp(`${root}e2e/testdata/one-release`, chart, { recursive: true })
  // The operator's image is today's, so that it needs today's schema and rights.
  await cp(`${root}crds/weaver.dev_weaverapps.yaml`, `${chart}/files/weaver.dev_weaverapps.yaml`)
  const rules = async (path: string) => parse(await readFile(`${root}${path}/files/rbac.yaml`, 'utf8')) as Record<string, unknown>
  const { app, own } = await rules('charts/weaver-operator')
  await writeFile(`${chart}/files/rbac.yaml`, stringify({ ...(await rules('e2e/testdata/one-release')), app, own }))
  await helm(['install', RELEASE, chart, '--create-namespace', '--wait', '--timeout', '8m', ...operator, ...nats], LIMIT)
})
afterAll(async () => {
  await deleteNamespace(NAMESPACE).finally(() => installCharts(platform, image))
})

it('an installation of one release becomes one of two without a lost request, and the operator can go after it', async () => {
  const folder = await makeRelease({ release: 'v1', name: 'moved', rollout: '5s' })
  await weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE])
  const load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://moved-lis', rate: 100, image: platform.baseImage })
  await eventually('the first answers', async () => ((await load.report()).ok > 100 ? true : undefined))
  const before = await claims()
  expect(before).toHaveLength(3)

  const [annotate = '', install = '', upgrade = ''] = await commandsOfDocs()
  await expect(run(upgrade)).rejects.toThrow(/still belongs to release "weaver".*From one release to two/s)
  for (const step of [annotate, install, upgrade]) await run(step)
  expect(await claims()).toEqual(before)
  await weaver(['operator', 'uninstall', '--force', '--yes'], LIMIT)
  expect(await kubectl(['get', 'statefulsets', '-n', 'weaver-system', '-o', 'name'])).toBe('statefulset.apps/weaver-nats\n')
  await installCharts(platform, image)

  const { active } = (await getApp(NAMESPACE, 'moved')).status ?? {}
  const next = await makeRelease({ release: 'v2', name: 'moved', rollout: '5s' })
  await weaver(['kube', 'deploy', `${next}/weaver.toml`, '--namespace', NAMESPACE])
  expect((await getApp(NAMESPACE, 'moved')).status?.active).not.toBe(active)
  const { failures, mixed, byRelease } = await load.stop()
  expect({ failures, mixed, releases: Object.keys(byRelease).sort() }).toEqual({ failures: [], mixed: 0, releases: ['v1', 'v2'] })
})
