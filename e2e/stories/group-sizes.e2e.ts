// How an application is cut into groups, and how long its names are, never keeps it from starting:
// the boutique in one group, in two and in one for each component, and an application whose every
// name is as long as the schema lets it be.
import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { kubectl, pods } from '../support/kube.js'
import { repositoryRoot } from '../support/paths.js'
import { createNamespace, deleteNamespace, weaver } from '../support/platform.js'
import { copyExample, makeRelease } from '../support/release.js'

const NAMESPACE = 'story-group-sizes'
const root = fileURLToPath(repositoryRoot)

beforeAll(() => createNamespace(NAMESPACE))
afterAll(() => deleteNamespace(NAMESPACE))
afterEach(() => kubectl(['delete', 'weaverapps', '--all', '-n', NAMESPACE, '--timeout=150s']))

const groupToml = (name: string, components: readonly string[]): string =>
  `\n[[kube.groups]]\nname = "${name}"\ncomponents = ${JSON.stringify(components)}\n`

/** The boutique, as this checkout has built it, in groups of its own. @returns its weaver.toml */
async function boutique(name: string, groupsOf: (components: readonly string[]) => string): Promise<string> {
  const folder = await copyExample('boutique', name, ['src', 'dist', 'package.json', 'weaver.graph.json'])
  const toml = await readFile(`${root}examples/boutique/weaver.toml`, 'utf8')
  const [head = ''] = toml.replace('name = "boutique"', `name = "${name}"`).split('[[kube.groups]]')
  await writeFile(`${folder}/weaver.toml`, head + groupsOf(await componentsOfBoutique()))
  return `${folder}/weaver.toml`
}
async function componentsOfBoutique(): Promise<readonly string[]> {
  const graph = JSON.parse(await readFile(`${root}examples/boutique/weaver.graph.json`, 'utf8')) as {
    readonly components: readonly { readonly name: string }[]
  }
  return graph.components.map((component) => component.name)
}

/**
 * What a user gets: the answer to a request to the application's Service, sent from one of its own
 * pods.
 */
async function answer(app: string, url: string): Promise<string> {
  const [pod] = await pods(NAMESPACE, `weaver.dev/app=${app},weaver.dev/role=weavelet`)
  const program = `const r = await fetch(${JSON.stringify(url)}); console.log(r.status, await r.text())`
  return kubectl(['exec', pod?.metadata.name ?? '', '-n', NAMESPACE, '--', 'node', '--input-type=module', '-e', program])
}

it.each([
  ['one', (all: readonly string[]) => groupToml('all', all)],
  ['two', (all: readonly string[]) => groupToml('front', all.slice(-5)) + groupToml('back', all.slice(0, -5))],
  ['each', () => ''],
])('the boutique starts and serves its front page in groups: %s', async (size, groupsOf) => {
  const name = `boutique-${size}`
  await weaver(['kube', 'deploy', await boutique(name, groupsOf), '--namespace', NAMESPACE])
  const running = await pods(NAMESPACE, `weaver.dev/app=${name},weaver.dev/role=weavelet`)
  const all = await componentsOfBoutique()
  expect(new Set(running.map((pod) => pod.metadata.labels['weaver.dev/group'])).size).toBe({ one: 1, two: 2 }[size] ?? all.length)
  expect(await answer(name, `http://${name}-boutique/`)).toMatch(/^200 [^]*<html/i)
})

it('an application starts whose app, group and listener have the longest names there may be', async () => {
  const [app, group, listener] = [`a${'p'.repeat(61)}z`, `g${'r'.repeat(38)}z`, `l${'i'.repeat(38)}z`]
  const folder = await makeRelease({
    release: 'v1',
    name: app,
    rollout: '5s',
    edits: { 'app.ts': (source) => source.replace("listener('lis')", `listener('${listener}')`) },
  })
  const toml = await readFile(`${folder}/weaver.toml`, 'utf8')
  const components = ['httpserver/Converter', 'httpserver/Reverser']
  await writeFile(`${folder}/weaver.toml`, toml.replaceAll('listeners.lis', `listeners.${listener}`) + groupToml(group, components))
  await weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE])
  const services = await kubectl(['get', 'services', '-n', NAMESPACE, '-l', `weaver.dev/app=${app}`, '-o', 'name'])
  const [, stable = ''] = /^service\/(\S+)$/m.exec(services) ?? []
  expect(await answer(app, `http://${stable}/signed?text=abc`)).toMatch(/^200 .*"release":"v1"/)
})
