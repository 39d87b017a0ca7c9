// What a component needs of Secrets and ConfigMaps reaches it in all three ways of docs/config.md,
// and the text of a Secret is in no object but the Secret.
import { readFile, writeFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import { kubectl } from '../support/kube.js'
import { createNamespace, deleteNamespace, weaver } from '../support/platform.js'
import { makeRelease } from '../support/release.js'

const NAMESPACE = 'story-secrets'
const PASSWORD = 'hunter2-in-a-variable'
const KEY = 'open-sesame-in-a-file'

beforeAll(() => createNamespace(NAMESPACE))
afterAll(() => deleteNamespace(NAMESPACE))

/** The converter says what it has been given. */
const confess = (source: string): string =>
  source
    .replace('import { component, implement }', "import { z } from 'zod'\nimport { component, config, implement }")
    .replace(
      /class ConverterImpl implements Converter \{/,
      '$&\n  readonly given = config(z.strictObject({ password: z.string(), region: z.string(), key: z.string() }))\n',
    )
    .replace('return text.toUpperCase()', "return [this.given.password, this.given.region, this.given.key].join(' ')")

it('a Secret and a ConfigMap reach a component as variables and as a file, and only their names are written down', async () => {
  const metadata = (name: string) => ({ name, namespace: NAMESPACE })
  const objects = [
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('db'), stringData: { password: PASSWORD } },
    { apiVersion: 'v1', kind: 'Secret', metadata: metadata('keys'), stringData: { key: KEY } },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadata('settings'), data: { REGION: 'north' } },
  ]
  // not by "apply", which would leave the text in an annotation
  await kubectl(['create', '-f', '-'], { input: objects.map((object) => stringify(object)).join('---\n') })
  const folder = await makeRelease({ release: 'v1', name: 'keeper', rollout: '5s', edits: { 'converter.ts': confess } })
  const toml = await readFile(`${folder}/weaver.toml`, 'utf8')
  const kube = [
    'variables = [{ name = "DB_PASSWORD", valueFrom = { secretKeyRef = { name = "db", key = "password" } } }]',
    'env_from = [{ configMapRef = { name = "settings" } }]',
    'volumes = [{ name = "keys", secret = { secretName = "keys" } }]',
    'volume_mounts = [{ name = "keys", mountPath = "/run/secrets/keeper", readOnly = true }]',
  ]
  const given = ['password = "${env:DB_PASSWORD}"', 'region = "${env:REGION}"', 'key = "${file:/run/secrets/keeper/key}"']
  await writeFile(
    `${folder}/weaver.toml`,
    `${toml.replace('[kube]\n', ['[kube]', ...kube, ''].join('\n'))}\n["httpserver/Converter"]\n${given.join('\n')}\n`,
  )
  await weaver(['kube', 'deploy', `${folder}/weaver.toml`, '--namespace', NAMESPACE])

  const program = `console.log((await (await fetch('http://keeper-lis/convert?text=x')).json()).text)`
  const ofMain = ['-l', 'weaver.dev/app=keeper,weaver.dev/group=main', '-o', 'jsonpath={.items[0].metadata.name}']
  const pod = await kubectl(['get', 'pods', '-n', NAMESPACE, ...ofMain])
  const said = await kubectl(['exec', pod, '-n', NAMESPACE, '--', 'node', '--input-type=module', '-e', program])
  expect(said.trim()).toBe(`${PASSWORD} north ${KEY}`)
  const kinds = 'weaverapps,controllerrevisions,deployments,replicasets,pods,configmaps,events'
  const written = await kubectl(['get', kinds, '-n', NAMESPACE, '-o', 'yaml'])
  expect(written).toContain('kind: ControllerRevision')
  expect(written).toContain('kind: WeaverApp')
  for (const text of [PASSWORD, KEY]) {
    expect(written).not.toContain(text)
    expect(written).not.toContain(Buffer.from(text).toString('base64'))
  }
})
