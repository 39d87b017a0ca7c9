// Without the CLI: `kubectl apply -f weaverapp.yaml` gives the same application, and a bad one is
// refused with the field's path and the remedy.
import { parseAllDocuments, stringify } from 'yaml'
import { applyYaml, getApp, getJson, kubectl } from '../support/kube.js'
import { startLoad } from '../support/load.js'
import { createNamespace, deleteNamespace, platformFromEnvironment, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'
import { settledOn, watchRollout } from '../support/rollout.js'
import { eventually } from '../support/sh.js'

const NAMESPACE = 'story-apply'
const platform = platformFromEnvironment()
let yaml: string
let image: string

beforeAll(async () => {
  await createNamespace(NAMESPACE)
  const folder = await makeRelease({ release: 'v1', name: 'plain', rollout: '5s' })
  image = `${platform.registry}/plain:v1`
  await weaver(['image', 'push', '--package', folder, image])
  yaml = (await weaver(['kube', 'manifest', `${folder}/weaver.toml`, '--image', image, '--namespace', NAMESPACE])).stdout
})
afterAll(() => deleteNamespace(NAMESPACE))

it('kubectl apply alone brings the application up, as weaver kube deploy does', async () => {
  await applyYaml(yaml)
  await watchRollout(NAMESPACE, 'plain', { until: settledOn({}) })
  const load = await startLoad({ namespace: NAMESPACE, name: 'load', url: 'http://plain-lis', rate: 50, image: platform.baseImage })
  await eventually('answers', async () => ((await load.report()).ok > 50 ? true : undefined))
  expect(await load.stop()).toMatchObject({ failed: 0, mixed: 0 })
  const byHand = await shapeOf('plain')
  await kubectl(['delete', 'weaverapp', 'plain', '-n', NAMESPACE, '--timeout=150s'])
  const folder = await makeRelease({ release: 'v1', name: 'plain', rollout: '5s' })
  await weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE])
  expect(await shapeOf('plain')).toEqual(byHand)
})

/** Kinds and names of what an application owns, with the version's id taken out. */
async function shapeOf(name: string): Promise<readonly string[]> {
  const app = await getApp(NAMESPACE, name)
  const { items } = await getJson<{ items: { kind: string; metadata: { name: string } }[] }>([
    'deployments,services,controllerrevisions,configmaps,secrets,poddisruptionbudgets,networkpolicies',
    '-n',
    NAMESPACE,
    '-l',
    `weaver.dev/app=${name}`,
  ])
  return items.map((item) => `${item.kind}/${item.metadata.name.replaceAll(app.status?.active ?? '', 'VERSION')}`).sort()
}

describe('a bad spec', () => {
  type Edit = (spec: Record<string, unknown>) => void
  const refused: readonly (readonly [string, Edit, RegExp])[] = [
    ['missing image', (spec) => delete spec['image'], /spec\.image/],
    [
      'negative replicas',
      (spec) => (spec['groups'] = [{ name: 'a', components: ['httpserver/Reverser'], replicas: { min: -1 } }]),
      /spec\.groups\[0\]\.replicas\.min/,
    ],
    [
      'two groups claiming one component',
      (spec) => (spec['groups'] = ['a', 'b'].map((name) => ({ name, components: ['httpserver/Reverser'] }))),
      /spec\.groups/,
    ],
    ['duplicate listener', (spec) => (spec['listeners'] = [{ name: 'lis' }, { name: 'lis' }]), /spec\.listeners/],
    [
      'weights not ascending',
      (spec) => (spec['rollout'] = { steps: [{ weight: 50, hold: '1s' }, { weight: 20, hold: '1s' }, { weight: 100 }] }),
      /spec\.rollout\.steps/,
    ],
    [
      'max below min',
      (spec) => (spec['groups'] = [{ name: 'a', components: ['httpserver/Reverser'], replicas: { min: 3, max: 2 } }]),
      /spec\.groups\[0\]\.replicas/,
    ],
    ['an unknown field', (spec) => (spec['imagee'] = 'x'), /spec\.imagee/],
  ]
  it.each(refused)('%s is refused by the API server, with the path of the field', async (_, edit, path) => {
    const [document] = parseAllDocuments(yaml)
    const object = document?.toJS() as { metadata: { name: string }; spec: Record<string, unknown> }
    object.metadata.name = 'refused'
    edit(object.spec)
    await expect(applyYaml(stringify(object))).rejects.toThrow(path)
  })

  it('an unknown component is reported in a condition with the path and the nearest known name, and the running version serves on', async () => {
    await applyYaml(yaml)
    await watchRollout(NAMESPACE, 'plain', { until: settledOn({}) })
    const before = await getApp(NAMESPACE, 'plain')
    await kubectl([
      'patch',
      'weaverapp',
      'plain',
      '-n',
      NAMESPACE,
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { groups: [{ name: 'text', components: ['httpserver/Revreser'] }] } }),
    ])
    const condition = await eventually('the condition', async () => {
      const app = await getApp(NAMESPACE, 'plain')
      return app.status?.conditions?.find(
        (found) => found.observedGeneration === app.metadata.generation && found.message.includes('httpserver/Revreser'),
      )
    })
    expect(condition.message).toMatch(/spec\.groups\[0\]\.components\[0\]/)
    expect(condition.message).toMatch(/httpserver\/Reverser/)
    expect((await getApp(NAMESPACE, 'plain')).status?.active).toBe(before.status?.active)
  })

  it('an image that is no Weaver image is reported as such', async () => {
    const [document] = parseAllDocuments(yaml)
    const object = document?.toJS() as { metadata: { name: string }; spec: Record<string, unknown> }
    object.metadata.name = 'not-weaver'
    object.spec['image'] = platform.baseImage
    await applyYaml(stringify(object))
    const condition = await eventually('the condition', async () =>
      (await getApp(NAMESPACE, 'not-weaver')).status?.conditions?.find((found) => found.type === 'Described' && found.status === 'False'),
    )
    expect(condition.reason).toBe('NotAWeaverImage')
  })
})
