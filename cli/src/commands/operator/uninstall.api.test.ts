// `weaver operator uninstall` against a real API server, with the real Helm and the real charts. No
// controller runs there: what the operator would do to a WeaverApp, or to its Lease, the test does.
import { deleteBrokerLeftovers } from '../../deployers/kube/installation.js'
import { execFile } from 'node:child_process'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { anError } from '../../testing/an-error.js'
import { startApiServer, type ApiServer } from '../../testing/api-server.js'
import { runWeaver, type Ran } from '../../testing/run-weaver.js'
import { eventually, makeNamespace, makeShop, type AppsOf } from '../../testing/shop.js'

const CHARTS = fileURLToPath(new URL('../../../../charts', import.meta.url))
const HOME = 'weaver-system'
let server: ApiServer
let shop: string
let apps: AppsOf

beforeAll(async () => {
  ;[server, shop] = await Promise.all([startApiServer(), makeShop()])
  await mkdir(join(shop, 'nothing'))
  await server.installCrd()
  apps = await makeNamespace(server.admin, 'apps')
  await helm('install', 'weaver-nats', `${CHARTS}/weaver-nats`, '--create-namespace')
  await makeSecret()
  await helm('install', 'weaver', `${CHARTS}/weaver-operator`, '--set', 'crds.install=false')
}, 300_000)
afterAll(async () => {
  await server?.stop()
  if (shop !== undefined) await rm(shop, { recursive: true, force: true })
})

const env = (): Record<string, string | undefined> => ({
  KUBECONFIG: server.kubeconfig,
  HOME: join(shop, 'nothing'),
  PATH: `${process.env['KUBEBUILDER_ASSETS'] ?? ''}:${process.env['PATH'] ?? ''}`,
})
const weaver = (line: string): Promise<Ran> => runWeaver(line.split(' '), { cwd: shop, env: env() })
const uninstall = (...flags: readonly string[]): Promise<Ran> => weaver(['operator uninstall', ...flags].join(' '))
async function helm(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('helm', [...args, '--namespace', HOME, '--no-hooks'], { env: env() as NodeJS.ProcessEnv, timeout: 60_000 })
}
const core = `/api/v1/namespaces/${HOME}`
const isThere = async (path: string): Promise<boolean> => (await server.admin.call({ path, accept: [404], what: path })).status !== 404
const BROKER = `/apis/apps/v1/namespaces/${HOME}/statefulsets/weaver-nats`
const OPERATOR = `/apis/apps/v1/namespaces/${HOME}/deployments/weaver-operator`

/** What the hook of the broker's chart makes; hooks do not run without controllers. */
async function makeSecret(labels: Readonly<Record<string, string>> = { 'app.kubernetes.io/managed-by': 'weaver-operator' }): Promise<void> {
  const body = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'weaver-nats-auth', labels } }
  await server.admin.call({ method: 'POST', path: `${core}/secrets`, body, what: 'Secret' })
}
async function operatorRenews(renewTime: number): Promise<void> {
  const path = `/apis/coordination.k8s.io/v1/namespaces/${HOME}/leases/weaver-operator`
  await server.admin.call({
    method: 'PATCH',
    path,
    query: { fieldManager: 'test', force: 'true' },
    contentType: 'application/apply-patch+yaml',
    body: {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'weaver-operator' },
      spec: { holderIdentity: 'one', leaseDurationSeconds: 15, renewTime: new Date(renewTime).toISOString().replace('Z', '000Z') },
    },
    what: 'Lease',
  })
}

it('shows what runs, and in which order it would go', async () => {
  await apps.create('shop', { metadata: { finalizers: ['weaver.dev/broker-accounts'] } })
  await operatorRenews(Date.now())
  const { code, stdout, stderr } = await uninstall('--dry-run', '--all', '--delete-apps')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /application +apps\/shop +Pending[^]*operator +weaver-system\/weaver-operator +0\/2 +release weaver[^]*broker +weaver-system\/weaver-nats +0\/3 +release weaver-nats/,
  )
  expect(stdout.split('\n').filter((line) => /^ +\d\./.test(line))).toEqual([
    '  1. delete application "apps/shop"',
    '  2. uninstall operator "weaver-system/weaver-operator" (release "weaver")',
    '  3. uninstall broker "weaver-system/weaver-nats" (release "weaver-nats")',
    '  4. delete keys and volumes of broker "weaver-system/weaver-nats"',
    '  5. delete the kind WeaverApp',
  ])
})

it('refuses while applications exist, unless told what becomes of them', async () => {
  expect(await uninstall('--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/apps\/shop.*--delete-apps.*--force/s) as unknown,
  })
  expect(await uninstall('--yes', '--all')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/none may be left for --all/) as unknown,
  })
  expect(await uninstall('--yes', '--all', '--force')).toMatchObject({ code: 1 })
  expect([await isThere(OPERATOR), await isThere(BROKER)]).toEqual([true, true])
})

it('keeps a Secret that only has the name of the broker’s keys', async () => {
  const path = `${core}/secrets/other-auth`
  const metadata = { name: 'other-auth', labels: { team: 'shop' } }
  await server.admin.call({ method: 'POST', path: `${core}/secrets`, body: { apiVersion: 'v1', kind: 'Secret', metadata }, what: 'Secret' })
  const broker = { kind: 'broker', namespace: HOME, name: 'other', ready: '1/1', isReady: true, instance: 'other' } as const
  expect(await deleteBrokerLeftovers(server.admin, broker)).toEqual([
    { what: `Secret "${HOME}/other-auth"`, keptBecause: expect.stringContaining('something else made it') as unknown },
  ])
  expect(await isThere(path)).toBe(true)
})

it('asks before it does anything', async () => {
  expect((await uninstall('--force')).stderr).toMatch(/There is no terminal to ask on; give --yes/)
  expect(await isThere(OPERATOR)).toBe(true)
})

it('status and delete say when no operator has been seen', async () => {
  expect((await weaver('kube status -n apps')).stderr).toBe('')
  await operatorRenews(Date.now() - 630_000)
  expect((await weaver('kube status -n apps')).stderr).toMatch(
    /no operator has been seen for 10m \(Lease "weaver-system\/weaver-operator"\): the status is what it last wrote/,
  )
  expect((await weaver('kube status shop -n apps')).stderr).toMatch(/no operator has been seen/)
  expect((await weaver('kube status -n apps --context nobody')).stderr).not.toMatch(/no operator/)
})

it('--force takes the operator off and leaves applications, broker and kind', async () => {
  const { code, stdout } = await uninstall('--yes', '--force')
  expect({ code, last: stdout.trim().split('\n').at(-1) }).toEqual({
    code: 0,
    last: 'the operator is gone; the application serves on. The broker runs on; --all removes it as well.',
  })
  expect([await isThere(OPERATOR), await isThere(BROKER), await isThere(`${core}/secrets/weaver-nats-auth`)]).toEqual([false, true, true])
  expect((await apps.read('shop'))?.metadata.deletionTimestamp).toBeUndefined()
})

it('does not begin a deletion that no operator is there to finish', async () => {
  expect(await uninstall('--yes', '--all', '--delete-apps')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/there is no operator to release them.*--force/s) as unknown,
  })
  expect((await apps.read('shop'))?.metadata.deletionTimestamp).toBeUndefined()
})

it('waits for the operator to let an application go before it takes the operator off', async () => {
  await helm('install', 'weaver', `${CHARTS}/weaver-operator`, '--set', 'crds.install=false')
  await operatorRenews(Date.now())
  const running = uninstall('--yes', '--delete-apps')
  await eventually('the deletion to be asked for', async () => (await apps.read('shop'))?.metadata.deletionTimestamp)
  expect(await isThere(OPERATOR)).toBe(true)
  await apps.patch('shop', { metadata: { finalizers: null } })
  expect(await running).toMatchObject({ code: 0 })
  expect([await isThere(OPERATOR), await isThere(BROKER)]).toEqual([false, true])
})

it('--all --delete-apps --force leaves nothing, also without an operator', async () => {
  await apps.create('shop', { metadata: { finalizers: ['weaver.dev/broker-accounts'] } })
  await operatorRenews(Date.now() - 630_000)
  expect(await uninstall('--yes', '--all', '--delete-apps', '--force')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/nothing of Weaver is left/) as unknown,
  })
  expect([await isThere(BROKER), await isThere(`${core}/secrets/weaver-nats-auth`)]).toEqual([false, false])
  await eventually('the kind to go', async () =>
    (await isThere('/apis/apiextensions.k8s.io/v1/customresourcedefinitions/weaverapps.weaver.dev')) ? undefined : true,
  )
  expect(await uninstall('--yes')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/nothing of Weaver is on this cluster/) as unknown,
  })
})

it('without Helm says which command to run', async () => {
  await helm('install', 'weaver', `${CHARTS}/weaver-operator`, '--set', 'crds.install=false,nats.servers={nats://mine:4222}')
  const ran = await runWeaver(['operator', 'uninstall', '--yes'], { cwd: shop, env: { ...env(), PATH: '/nowhere' } })
  expect({ ...ran, stdout: '' }).toEqual(
    anError(1, '`helm` cannot be started', 'or run: helm uninstall weaver --namespace weaver-system --wait'),
  )
})
