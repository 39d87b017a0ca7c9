// The commands of docs/operating.md that hand the broker over from the operator's release to one of its own, by the real helm on a real API server: no object of the
// broker may be deleted on the way. That no request is lost either is shown by a story on a cluster (e2e/stories/one-release-to-two.e2e.ts).
import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startApiServer, type ApiServer } from './api-server.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const PARTS = ['statefulset', 'service', 'service', 'configmap', 'networkpolicy', 'poddisruptionbudget']
let server: ApiServer
let folder: string

beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
  folder = await mkdtemp(join(tmpdir(), 'weaver-releases-'))
  await writeFile(join(folder, 'config'), server.config.exportConfig())
  await cp(`${ROOT}e2e/testdata/one-release`, join(folder, 'chart'), { recursive: true })
  await cp(`${ROOT}crds/weaver.dev_weaverapps.yaml`, join(folder, 'chart/files/weaver.dev_weaverapps.yaml'))
})
afterAll(async () => {
  await server?.close()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function run(script: string): Promise<string> {
  const path = `${process.env['KUBEBUILDER_ASSETS'] ?? ''}:${process.env['PATH'] ?? ''}`
  const env = { ...process.env, KUBECONFIG: join(folder, 'config'), PATH: path }
  return (await promisify(execFile)('bash', ['-ec', script], { cwd: ROOT, env, timeout: 120_000 })).stdout
}
/** `kind/name uid` of what the broker consists of. */
async function broker(): Promise<readonly string[]> {
  const format = `'{range .items[*]}{.kind}/{.metadata.name} {.metadata.uid}{"\\n"}{end}'`
  const kinds = [...new Set(PARTS)].join(',')
  const out = await run(`kubectl get ${kinds} -n weaver-system -l app.kubernetes.io/component=nats -o jsonpath=${format}`)
  return out.trim().split('\n').sort()
}

it('a release that holds operator and broker becomes two, and the broker is the same throughout', async () => {
  const docs = await readFile(`${ROOT}docs/operating.md`, 'utf8')
  const [, block = ''] = /<!-- the story [^]*?```sh\n([^]*?)```/.exec(docs) ?? []
  // Nothing runs here that a hook or --wait could wait for.
  const steps = block.split(/^# \d\. .*\n/m).filter((step) => step.trim() !== '')
  const [annotate = '', install = '', upgrade = ''] = steps.map((step) => step.trim().replace(/ --wait --timeout 10m/, ' --no-hooks'))
  expect(steps).toHaveLength(3)

  await run(`helm install weaver ${folder}/chart -n weaver-system --create-namespace --no-hooks`)
  await run('kubectl create secret generic weaver-nats-auth -n weaver-system --from-literal=auth.conf=x') // by the hook
  const before = await broker()
  expect(before).toHaveLength(PARTS.length)
  await expect(run(upgrade)).rejects.toThrow(/still belongs to release \\?"weaver\\?".*From one release to two/s)
  expect(await broker()).toEqual(before)

  for (const step of [annotate, install, upgrade]) await run(step)
  expect(await broker()).toEqual(before)
  await run('helm uninstall weaver -n weaver-system --no-hooks')
  expect(await broker()).toEqual(before)
  await run(
    'helm upgrade weaver-nats charts/weaver-nats -n weaver-system --no-hooks && helm uninstall weaver-nats -n weaver-system --no-hooks',
  )
  expect((await broker()).join('')).toBe('')
})
