// `weaver kube …` against a real API server. No operator is there: what it would write into a
// status, or remove, the test does.
import { execFile } from 'node:child_process'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { LABELS, parseWeaverAppSpec, versionIdOf, type WeaverApp, type WeaverAppSpecInput } from '@weaver/crds'
import { parse } from 'yaml'
import { anError } from '../../testing/an-error.js'
import { startApiServer, type ApiServer } from '../../testing/api-server.js'
import { freePort } from '../../testing/docker-registry.js'
import { startForwardProxy } from '../../testing/forward-proxy.js'
import { runWeaver, startWeaver, type Ran, type RunningWeaver, type RunOptions } from '../../testing/run-weaver.js'
import { eventually, makeNamespace, makeShop, type AppsOf } from '../../testing/shop.js'

let server: ApiServer
let shop: string
let nothing: string
beforeAll(async () => {
  ;[server, shop] = await Promise.all([startApiServer(), makeShop()])
  nothing = join(shop, 'nothing')
  await mkdir(nothing)
}, 300_000)
afterAll(async () => {
  await server.stop()
  await rm(shop, { recursive: true, force: true })
})

const optionsOf = (options: Partial<RunOptions> = {}): RunOptions => ({
  cwd: shop,
  ...options,
  env: { KUBECONFIG: server.kubeconfig, HOME: nothing, ...options.env },
})
const weaver = (line: string, options: Partial<RunOptions> = {}): Promise<Ran> => runWeaver(line.split(' '), optionsOf(options))
const start = (line: string): RunningWeaver => startWeaver(line.split(' '), optionsOf())

// The first to run: the kind is installed at its end.
describe('a cluster without the operator', () => {
  it.each([
    'status',
    'status shop',
    'promote shop',
    'abort shop',
    'delete shop --yes',
    'logs shop',
    'deploy weaver.toml --no-build --image r.example/shop:1',
  ])('%s says that the operator is missing, and how to install it', async (line) => {
    expect(await weaver(`kube ${line}`)).toEqual(anError(1, 'does not know the kind WeaverApp', 'helm install', '127.0.0.1'))
  })

  afterAll(() => server.installCrd())
})

describe('a cluster that cannot be used', () => {
  it('no kubeconfig: says where it looked', async () => {
    const ran = await weaver('kube status', { env: { KUBECONFIG: '' } })
    expect(ran).toEqual(anError(2, 'there is no kubeconfig', `${nothing}/.kube/config`, '--kubeconfig'))
  })

  it('is reached through the proxy that the environment or its kubeconfig names', async () => {
    const port = Number(new URL(server.admin.server).port)
    const proxy = await startForwardProxy({ ports: { 'kube.corp:6443': port }, credentials: 'ann:secret' })
    try {
      const far = (await readFile(server.kubeconfig, 'utf8')).replace(`127.0.0.1:${port}`, 'kube.corp:6443')
      const url = `http://ann:secret@${proxy.host}`
      await writeFile(join(shop, 'far.yaml'), far)
      await writeFile(join(shop, 'own.yaml'), far.replace(/( +)server:/, `$1proxy-url: ${url}\n$1server:`))
      const [of, own] = [{ KUBECONFIG: join(shop, 'far.yaml') }, { KUBECONFIG: join(shop, 'own.yaml') }]
      const reached = { code: 0, stdout: '', stderr: expect.stringContaining('there are no applications') as string }
      for (const env of [{ ...of, HTTPS_PROXY: url }, { ...of, https_proxy: url }, own])
        expect(await weaver('kube status -A', { env })).toMatchObject(reached)
      expect(proxy.asked.length).toBeGreaterThan(0)
      expect(new Set(proxy.asked)).toEqual(new Set(['CONNECT kube.corp:6443']))
      expect(await weaver('kube status', { env: { ...of, HTTPS_PROXY: proxy.host } })).toEqual(
        anError(1, 'cannot be reached through the proxy', proxy.host, 'HTTPS_PROXY', '407'),
      )
    } finally {
      await proxy.stop()
    }
  })

  it('a kubeconfig that is not there, is empty, or is broken: names the file', async () => {
    expect(await weaver('kube status --kubeconfig none')).toEqual(anError(2, `there is no kubeconfig "${shop}/none"`))
    await writeFile(join(shop, 'empty'), '\n')
    expect(await weaver('kube status --kubeconfig empty')).toEqual(anError(2, `"${shop}/empty"`, 'empty'))
    await writeFile(join(shop, 'broken'), 'clusters: [\n')
    expect(await weaver('kube status', { env: { KUBECONFIG: join(shop, 'broken') } })).toEqual(
      anError(2, `"${shop}/broken" cannot be read`),
    )
    await writeFile(join(shop, 'other'), '[1, 2]\n')
    expect(await weaver('kube status --kubeconfig other')).toEqual(anError(2, `"${shop}/other"`))
  })

  it('a context that is not there: names those that are', async () => {
    expect(await weaver('kube status --context prod')).toEqual(anError(2, 'no context "prod"', '"admin", "nobody"'))
  })

  it('several kubeconfigs: those that are missing are passed over, the first that says a thing wins', async () => {
    const other = join(shop, 'second')
    await writeFile(
      other,
      'clusters: [{ name: test, cluster: { server: "http://127.0.0.1:1" } }]\ncontexts: [{ name: admin, context: { cluster: test } }]\ncurrent-context: nope\n',
    )
    const ran = await weaver('kube status', { env: { KUBECONFIG: ['/nowhere', server.kubeconfig, other].join(':') } })
    expect(ran).toMatchObject({ code: 0, stdout: '' })
  })

  it('nobody listens: names the server', async () => {
    const file = join(shop, 'unreachable')
    await writeFile(
      file,
      `clusters: [{ name: a, cluster: { server: "http://127.0.0.1:${await freePort()}" } }]\ncontexts: [{ name: a, context: { cluster: a } }]\ncurrent-context: a\n`,
    )
    expect(await weaver(`kube status --kubeconfig ${file}`)).toEqual(
      anError(1, 'API server "http://127.0.0.1', 'cannot be reached', 'ECONNREFUSED'),
    )
  })

  it('something else listens: shows the beginning of what it says', async () => {
    const page = createServer((_, response) => response.writeHead(400, { 'content-type': 'text/html' }).end('<h1>Login</h1>'))
    const port = await freePort()
    await new Promise<void>((resolve) => page.listen(port, '127.0.0.1', resolve))
    const file = join(shop, 'page')
    await writeFile(
      file,
      `clusters: [{ name: a, cluster: { server: "http://127.0.0.1:${port}" } }]\ncontexts: [{ name: a, context: { cluster: a } }]\ncurrent-context: a\n`,
    )
    try {
      expect(await weaver(`kube status --kubeconfig ${file}`)).toEqual(anError(1, '400', '<h1>Login</h1>'))
    } finally {
      page.closeAllConnections()
      page.close()
    }
  })

  it.each(['status', 'status shop', 'promote shop', 'delete shop --yes', 'deploy weaver.toml --no-build --image r.example/shop:1'])(
    'a user without rights: %s says who may not do what',
    async (line) => {
      expect(await weaver(`kube ${line} --context nobody`)).toEqual(anError(1, '"nobody" cannot', 'weaverapps', 'ask for the right'))
    },
  )

  it('a namespace that is not there: deploy says so before it builds', async () => {
    expect(await weaver('kube deploy weaver.toml --repo r.example/x -n none')).toEqual(
      anError(1, 'no namespace "none"', 'kubectl create namespace none'),
    )
  })
})

describe('credentials and namespaces', () => {
  it('credentials that the server does not know: says to log in, under a code of its own (issue 10, 39)', async () => {
    const file = join(shop, 'expired')
    const config = parse(await readFile(server.kubeconfig, 'utf8')) as { users: { user: unknown }[] } // as the test server writes it
    for (const entry of config.users) entry.user = { token: 'expired' }
    await writeFile(file, JSON.stringify(config))
    const ran = await weaver(`kube status --kubeconfig ${file}`)
    expect(ran).toEqual(anError(1, 'error WEAVER_CLI_KUBE_UNAUTHORIZED', 'with 401', 'log in to the cluster again'))
  })

  it('credentials that cannot be had: names the reason, and says to log in', async () => {
    const file = join(shop, 'plugin')
    const config = parse(await readFile(server.kubeconfig, 'utf8')) as { users: { user: unknown }[] } // as the test server writes it
    for (const entry of config.users)
      entry.user = { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: '/nonexistent/plugin', interactiveMode: 'Never' } }
    await writeFile(file, JSON.stringify(config))
    const ran = await weaver(`kube status --kubeconfig ${file}`)
    expect(ran).toEqual(
      anError(
        2,
        'error WEAVER_CLI_KUBECONFIG',
        'no credentials for "https://127.0.0.1',
        '/nonexistent/plugin',
        'log in to the cluster again',
      ),
    )
  })

  it.each(['status', 'status shop', 'status --json', 'promote shop', 'delete shop --yes', 'logs shop'])(
    '%s in a namespace that is not there fails and says so (issue 10, 39)',
    async (line) => {
      expect(await weaver(`kube ${line} -n no-such-ns`)).toEqual(
        anError(1, 'WEAVER_CLI_KUBE_NOT_FOUND', 'there is no namespace "no-such-ns"'),
      )
    },
  )
})

describe('kube status', () => {
  let apps: AppsOf
  beforeAll(async () => {
    apps = await makeNamespace(server.admin, 'status')
  })

  it('of a namespace without applications says so, and prints an empty list for machines', async () => {
    expect(await weaver('kube status -n status')).toEqual({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('no applications in this namespace; -A'),
    })
    expect(await weaver('kube status -n status --json')).toEqual({ code: 0, stdout: '[]\n', stderr: '' })
  })

  it('of an unknown application is an error', async () => {
    expect(await weaver('kube status shop -n status')).toEqual(anError(1, 'no WeaverApp "shop" in namespace "status"', '--all-namespaces'))
  })

  it('shows what the operator wrote: a table, one application, or the objects as JSON', async () => {
    await apps.create('shop')
    await apps.status('shop', {
      phase: 'Progressing',
      ready: '2/2',
      active: 'aaaaaaaa',
      preview: 'bbbbbbbb',
      weight: '10/25',
      step: '2/5',
      waitingFor: 'proxy "shop-proxy-1" to see a pod of version "bbbbbbbb"',
      versions: [
        {
          id: 'aaaaaaaa',
          image: 'registry.example/shop:1',
          phase: 'Ready',
          ready: '2/2',
          weightDesired: 75,
          weightObserved: 90,
          inFlight: 3,
        },
        {
          id: 'bbbbbbbb',
          image: 'registry.example/shop:2',
          phase: 'Ready',
          ready: '2/2',
          weightDesired: 25,
          weightObserved: 10,
          analysis: { state: 'Inconclusive', reason: 'no method has had 50 calls in both versions yet' },
        },
      ],
      conditions: [
        { type: 'Ready', status: 'True', reason: 'Serving', message: 'it serves', lastTransitionTime: new Date().toISOString() },
      ],
    })
    const labels = { [LABELS.app]: 'shop', [LABELS.version]: 'bbbbbbbb', [LABELS.group]: 'main', [LABELS.role]: 'weavelet' }
    await server.admin.call({
      method: 'POST',
      path: '/api/v1/namespaces/status/pods',
      body: {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'shop-main-0', namespace: 'status', labels },
        spec: { containers: [{ name: 'app', image: 'i' }], automountServiceAccountToken: false },
      },
      what: 'a pod',
    })
    const table = (await weaver('kube status -n status')).stdout.split('\n').map((line) => line.split(/\s{2,}/))
    expect(table[0]).toEqual(['NAME', 'READY', 'PHASE', 'ACTIVE', 'PREVIEW', 'WEIGHT', 'STEP', 'AGE'])
    expect(table[1]?.slice(0, 7)).toEqual(['shop', '2/2', 'Progressing', 'aaaaaaaa', 'bbbbbbbb', '10/25', '2/5'])
    expect((await weaver('kube status -A')).stdout).toMatch(/^NAMESPACE .*\nstatus +shop /)

    const { stdout } = await weaver('kube status shop -n status')
    expect(stdout).toMatch(/aaaaaaaa +active +Ready +2\/2 +90 % +75 % +3/)
    expect(stdout).toMatch(
      /bbbbbbbb +preview +Ready +2\/2 +10 % +25 % +\?\n    ├─ analysis Inconclusive: no method has .* yet\n    └─ main  0\/1 ready\n {7}└─ shop-main-0  pending\n/,
    )
    expect(stdout).toContain('waiting for proxy "shop-proxy-1"')
    expect(stdout).toMatch(/Ready +True +Serving +it serves/)
    expect(stdout).not.toContain('has not seen the last change')

    const [one] = JSON.parse((await weaver('kube status -n status --json')).stdout) as WeaverApp[]
    expect(one).toMatchObject({
      apiVersion: 'weaver.dev/v1alpha1',
      kind: 'WeaverApp',
      metadata: { name: 'shop', namespace: 'status' },
      status: { active: 'aaaaaaaa' },
    })
    expect(JSON.parse((await weaver('kube status shop -n status --json')).stdout)).toEqual(one)
  })

  it('says when the operator has not seen the last change', async () => {
    await apps.patch('shop', { spec: { image: 'registry.example/shop:3' } })
    expect((await weaver('kube status shop -n status')).stdout).toContain('has not seen the last change yet (generation 2, seen 1)')
  })

  it('with --watch shows each change once, until Ctrl-C', async () => {
    const watching = start('kube status shop -n status --watch --json')
    await new Promise((resolve) => setTimeout(resolve, 1500))
    await apps.status('shop', { phase: 'Ready' })
    await new Promise((resolve) => setTimeout(resolve, 1500))
    watching.interrupt()
    const { code, stdout } = await watching.done
    const phases = stdout
      .split(/(?<=\n\})\n/)
      .filter((text) => text !== '')
      .map((text) => (JSON.parse(text) as WeaverApp).status?.phase)
    expect({ code, phases }).toEqual({ code: 0, phases: ['Progressing', 'Ready'] })
  })
})

describe('verbs of a rollout', () => {
  let apps: AppsOf
  beforeAll(async () => {
    apps = await makeNamespace(server.admin, 'verbs')
    await apps.create('shop')
  })

  const annotations = async () => (await apps.read('shop'))?.metadata.annotations ?? {}

  it.each([
    ['promote', 'promote', 'promote version bbbbbbbb'],
    ['promote --full', 'promote-full', 'promote version bbbbbbbb'],
    ['pause', 'pause', 'pause the rollout of version bbbbbbbb'],
    ['resume', 'resume', 'resume the rollout of version bbbbbbbb'],
    ['abort', 'abort', 'abort the rollout of version bbbbbbbb'],
    ['retry', 'retry', 'try version bbbbbbbb again'],
  ])('%s asks the operator by an annotation that says who and why; it warns where there is nothing to do', async (command, name, asked) => {
    const annotation = `weaver.dev/${name}`
    await apps.status('shop', { active: 'aaaaaaaa' })
    const early = await weaver(`kube ${command} shop -n verbs`)
    expect(early).toMatchObject({
      code: 0,
      stdout: `verbs/shop: the operator was asked to ${command.split(' ')[0]}\n`,
      stderr: expect.stringMatching(/no rollout is under way|has neither failed nor been aborted/) as unknown,
    })
    const who = (await annotations())[annotation] ?? ''
    expect(who).not.toBe('')
    await apps.patch('shop', { metadata: { annotations: { [annotation]: null } } })

    await apps.status('shop', { active: 'aaaaaaaa', preview: 'bbbbbbbb', desired: 'bbbbbbbb', phase: 'Failed' })
    expect(await weaver(`kube ${command} shop -n verbs -m tested`)).toEqual({
      code: 0,
      stderr: '',
      stdout: `verbs/shop: the operator was asked to ${asked}\n`,
    })
    expect(await annotations()).toEqual({ [annotation]: `${who}: tested` })
    expect(JSON.parse((await weaver(`kube ${command} shop -n verbs --json`)).stdout)).toMatchObject({ preview: 'bbbbbbbb', note: who })
    await apps.patch('shop', { metadata: { annotations: null } })
    await server.admin.call({
      method: 'PATCH',
      path: '/apis/weaver.dev/v1alpha1/namespaces/verbs/weaverapps/shop/status',
      contentType: 'application/merge-patch+json',
      body: { status: null },
      what: 'status',
    })
  })

  it('the same command a second time waits for the operator to have carried out the first', async () => {
    const forget = () => apps.patch('shop', { metadata: { annotations: null } })
    await weaver('kube promote shop -n verbs -m tested')
    const given = await annotations()
    const second = weaver('kube promote shop -n verbs -m tested')
    // What it would do without the wait is done by then.
    await new Promise((resolve) => setTimeout(resolve, 500))
    await forget()
    expect((await second).code).toBe(0)
    expect(await annotations()).toEqual(given)
    await forget()
  })

  it('rollback has the spec ask for a known version as it was, and keeps what acts in place; history lists them', async () => {
    const known = await makeVersions('verbs', 'shop', [
      { image: 'reg.example/shop:1', env: [{ name: 'A', value: '1' }] },
      { image: 'reg.example/shop:2' },
      { image: 'reg.example/shop:3' },
    ])
    const [v1, v2, v3] = known as [string, string, string]
    await apps.patch('shop', { spec: { image: 'reg.example/shop:3', rollout: { duration: '90s' } } })
    const promoted = (version: string) => ({
      at: '2026-01-01T00:00:00Z',
      event: 'Promoted',
      version,
      message: `version "${version}" is the active version`,
    })
    await apps.status('shop', { active: v3, desired: v3, phase: 'Ready', history: [promoted(v1), promoted(v2), promoted(v3)] })
    expect((await weaver('kube history shop -n verbs')).stdout).toMatch(
      new RegExp(`^REVISION  VERSION .*\n3 +${v3}  active .*\n2 +${v2}  retired .*\n1 +${v1}  retired +reg.example/shop:1  Promoted: `),
    )
    expect(JSON.parse((await weaver('kube history shop -n verbs --json')).stdout)).toMatchObject([
      { id: v3 },
      { id: v2 },
      { id: v1, state: 'retired' },
    ])

    // Neither active nor on its way: what its own status says, if it has one yet.
    for (const [versions, state] of [
      [[{ id: v3, image: 'reg.example/shop:3', phase: 'Failed', ready: '0/1', weightDesired: 0 }], 'failed'],
      [[{ id: v3, image: 'reg.example/shop:3', phase: 'Draining', ready: '1/1', weightDesired: 0 }], 'draining'],
      [[], 'pending'],
    ] as const) {
      await apps.status('shop', { active: v2, desired: v2, phase: 'Ready', versions: [...versions] })
      expect(JSON.parse((await weaver('kube history shop -n verbs --json')).stdout)).toMatchObject([{ id: v3, state }, {}, {}])
    }
    await apps.status('shop', {
      active: v3,
      desired: v3,
      phase: 'Ready',
      history: [promoted(v1), promoted(v2), promoted(v3)],
      versions: [],
    })

    expect(await weaver('kube rollback shop -n verbs')).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining(`the spec asks for version ${v2} again (reg.example/shop:2)`) as unknown,
    })
    expect((await apps.read('shop'))?.spec).toMatchObject({ image: 'reg.example/shop:2', rollout: { duration: '90s' } })
    // Nothing is active but what was; the spec asks for another: back to the active one.
    await apps.status('shop', { active: v3, desired: v2 })
    expect((await weaver('kube rollback shop -n verbs --json')).stdout).toContain(`"version": "${v3}"`)
    await apps.status('shop', { active: v3, desired: v3 })
    expect((await weaver(`kube rollback shop -n verbs --to ${v1.slice(0, 5)}`)).code).toBe(0)
    expect((await apps.read('shop'))?.spec).toMatchObject({ image: 'reg.example/shop:1', env: [{ name: 'A', value: '1' }] })
    await apps.status('shop', { active: v3, desired: v1 })
    expect((await weaver(`kube rollback shop -n verbs --to ${v1}`)).stdout).toContain('already')
    // The next deploy takes away what only the version rolled back to had, and conflicts with nobody.
    const spec = { image: 'reg.example/shop:4', rollout: { duration: '90s' } }
    await server.admin.call({
      method: 'PATCH',
      path: '/apis/weaver.dev/v1alpha1/namespaces/verbs/weaverapps/shop',
      query: { fieldManager: 'weaver-cli' },
      contentType: 'application/apply-patch+yaml',
      body: { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', metadata: { name: 'shop' }, spec },
      what: 'apply',
    })
    const applied = (await apps.read('shop'))?.spec
    expect(applied).toMatchObject(spec)
    expect(applied).not.toHaveProperty('env')
    expect(await weaver('kube rollback shop -n verbs --to zzz')).toEqual(anError(1, 'no version is called "zzz"'))
  })

  it('burn asks first, and names what goes and what stays; nothing leads back to it', async () => {
    const { active = '', desired = '' } = (await apps.read('shop'))?.status ?? {}
    const ids = (JSON.parse((await weaver('kube history shop -n verbs --json')).stdout) as { id: string }[]).map(({ id }) => id)
    const [v3 = '', v2 = '', v1 = ''] = ids
    await apps.status('shop', {
      active: v3,
      desired: v3,
      burned: [],
      engine: { active: v3, step: -1, progressAt: 1, draining: [], failed: [] },
    })
    await apps.patch('shop', { metadata: { annotations: null } })
    expect(await weaver('kube burn shop -n verbs')).toEqual(
      anError(
        1,
        `Burn version ${v2}, with the older one ${v1}, of "verbs/shop"? None of them ever serves again. Version ${v3} is left. There is no terminal`,
      ),
    )
    expect(await annotations()).toEqual({})
    expect(await weaver('kube burn shop -n verbs --yes -m leaks')).toEqual({
      code: 0,
      stderr: '',
      stdout: `verbs/shop: the operator was asked to burn version ${v2}, with the older one ${v1}\n`,
    })
    expect((await annotations())['weaver.dev/burn']).toMatch(new RegExp(`^${v2} .+: leaks$`))
    await apps.patch('shop', { metadata: { annotations: null } })
    expect(await weaver(`kube burn shop -n verbs --version ${v3}`)).toEqual(anError(1, 'No version is left then, and nothing answers.'))
    expect(await weaver('kube burn shop -n verbs --version zzz --yes')).toEqual(anError(1, 'no version is called "zzz"'))

    await apps.status('shop', { burned: [v1, v2] })
    const again = await weaver(`kube burn shop -n verbs --version ${v1} --json`)
    expect(again.stderr).toContain('all of that is burned already')
    expect(JSON.parse(again.stdout)).toMatchObject({ verb: 'burn', version: v1, versions: [v1] })
    expect(await weaver(`kube rollback shop -n verbs --to ${v1}`)).toEqual(anError(1, `version "${v1}" is burned, and never serves again`))
    expect((await weaver('kube rollback shop -n verbs')).stderr).toContain('no version is known that served before')
    expect((await weaver('kube history shop -n verbs')).stdout).toMatch(new RegExp(`2 +${v2}  burned .*\n1 +${v1}  burned `))
    await apps.status('shop', { active: v3, desired: v1, phase: 'Failed' })
    expect((await weaver('kube retry shop -n verbs')).stderr).toContain(`version ${v1} is burned, and does not start again`)
    await apps.status('shop', { active, desired, burned: [], phase: 'Ready' })
    await apps.patch('shop', { metadata: { annotations: null } })
  })

  it('explain tells the last rollout from history and events, in the order in which things happened', async () => {
    const at = (second: number): string => `2026-01-01T00:00:0${second}.000Z`
    const version = 'bbbbbbbb'
    expect(await weaver('kube explain other -n verbs')).toEqual(anError(1, 'no WeaverApp "other"'))
    const app = await apps.read('shop')
    await server.admin.call({
      method: 'POST',
      path: '/apis/events.k8s.io/v1/namespaces/verbs/events',
      body: {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'shop.1', namespace: 'verbs' },
        eventTime: '2026-01-01T00:00:01.000000Z',
        reportingController: 'weaver.dev/operator',
        reportingInstance: 'test',
        action: 'Reconcile',
        reason: 'ImagePullFailed',
        type: 'Warning',
        note: 'the image could not be pulled',
        regarding: { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', name: 'shop', namespace: 'verbs', uid: app?.metadata.uid },
      },
      what: 'an event',
    })
    await apps.status('shop', {
      phase: 'Progressing',
      active: 'aaaaaaaa',
      preview: version,
      history: [
        { at: at(0), event: 'RolloutStarted', version, message: 'version "bbbbbbbb" starts' },
        { at: at(2), event: 'StepStarted', version, message: 'step 1/5: version "bbbbbbbb" gets 10 %' },
      ],
    })
    expect(await weaver('kube explain shop -n verbs')).toEqual({
      code: 0,
      stderr: '',
      stdout: `verbs/shop: version "bbbbbbbb" is under way. It began at 2026-01-01T00:00:00Z:

  +0s        version "bbbbbbbb" starts
  +1s        the image could not be pulled
  +2s        step 1/5: version "bbbbbbbb" gets 10 %

Now the phase is Progressing, and nothing is awaited.
`,
    })
    expect(JSON.parse((await weaver('kube explain shop -n verbs --json')).stdout)).toMatchObject({
      version,
      outcome: 'underWay',
      entries: [{}, { event: 'ImagePullFailed', afterMs: 1_000 }, {}],
    })
    await apps.status('shop', { history: [] })
    expect(await weaver('kube explain shop -n verbs')).toMatchObject({
      code: 0,
      stdout: '',
      stderr: expect.stringContaining('nothing is noted of a rollout') as unknown,
    })
  })

  it('restart marks the application, with who and why', async () => {
    await apps.status('shop', { active: 'aaaaaaaa' })
    expect(await weaver('kube restart shop -n verbs -m certificates')).toEqual({
      code: 0,
      stderr: '',
      stdout: 'verbs/shop: the operator was asked to replace the pods of version aaaaaaaa\n',
    })
    expect((await annotations())['weaver.dev/restarted-at']).toMatch(/^20\d\d-[-0-9T:.]+Z .+: certificates$/)
  })

  it('an unknown application is an error', async () => {
    expect(await weaver('kube promote none -n verbs')).toEqual(anError(1, 'no WeaverApp "none" in namespace "verbs"'))
  })
})

/** Records of versions as the operator keeps them, all but the last retired. @returns their ids */
async function makeVersions(namespace: string, app: string, specs: readonly WeaverAppSpecInput[]): Promise<readonly string[]> {
  const { body: found } = await server.admin.call({
    path: `/apis/weaver.dev/v1alpha1/namespaces/${namespace}/weaverapps/${app}`,
    what: app,
  })
  const owner = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', name: app, uid: (found as WeaverApp).metadata.uid }
  const ids: string[] = []
  for (const [index, input] of specs.entries()) {
    const parsed = parseWeaverAppSpec(input)
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues))
    const versionId = versionIdOf(parsed.spec)
    const annotations = index === specs.length - 1 ? {} : { 'weaver.dev/retired': '2026-01-01T00:00:00Z' }
    await server.admin.call({
      method: 'POST',
      path: `/apis/apps/v1/namespaces/${namespace}/controllerrevisions`,
      body: {
        apiVersion: 'apps/v1',
        kind: 'ControllerRevision',
        metadata: {
          name: `${app}-${versionId}`,
          labels: { 'weaver.dev/app': app, 'weaver.dev/version': versionId },
          annotations,
          ownerReferences: [owner],
        },
        revision: index + 1,
        data: { format: 1, versionId, spec: parsed.spec, imageReference: input.image, digest: `sha256:${String(index).repeat(64)}` },
      },
      what: 'ControllerRevision',
    })
    ids.push(versionId)
  }
  return ids
}

describe('kube delete', () => {
  let apps: AppsOf
  beforeAll(async () => {
    apps = await makeNamespace(server.admin, 'gone')
  })

  it('does nothing without a yes', async () => {
    await apps.create('shop')
    expect(await weaver('kube delete shop -n gone')).toEqual(anError(1, 'no terminal to ask on; give --yes'))
    expect(await weaver('kube delete shop -n gone', { answer: false })).toEqual(anError(1, 'nothing was done'))
    expect(await apps.read('shop')).toBeDefined()
  })

  it('takes a name or a weaver.toml', async () => {
    expect(await weaver('kube delete weaver.toml -n gone', { answer: true })).toMatchObject({ code: 0, stdout: 'gone/shop: deleted\n' })
    expect(await apps.read('shop')).toBeUndefined()
    expect(await weaver('kube delete shop -n gone --yes')).toEqual(anError(1, 'no WeaverApp "shop"'))
  })

  it('--wait ends when the operator has cleared its finalizer', async () => {
    await apps.create('shop', { metadata: { finalizers: ['weaver.dev/clean-up'] } })
    const running = start('kube delete shop -n gone --yes --wait --json')
    await eventually('the deletion', async () => (await apps.read('shop'))?.metadata.deletionTimestamp)
    let isDone = false
    void running.done.then(() => (isDone = true))
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(isDone).toBe(false)
    await apps.patch('shop', { metadata: { finalizers: null } })
    const { code, stdout } = await running.done
    expect({ code, ...(JSON.parse(stdout) as object) }).toEqual({ code: 0, namespace: 'gone', name: 'shop', gone: true })
  })

  it('--wait gives up after --timeout', async () => {
    await apps.create('stuck', { metadata: { finalizers: ['weaver.dev/clean-up'] } })
    expect(await weaver('kube delete stuck -n gone --yes --wait --timeout 500ms')).toEqual(
      anError(124, 'still being removed after 0.5 s', 'is the operator running?'),
    )
    await apps.patch('stuck', { metadata: { finalizers: null } })
  })
})

describe('kube deploy --simulate', () => {
  const simulate = (flags: string) => weaver(`kube deploy weaver.toml --simulate --no-build --image r.example/shop:2 -n simulated ${flags}`)

  it('plays the rollout from what is on the cluster, for a user who may only read', async () => {
    const apps = await makeNamespace(server.admin, 'simulated')
    const create = (path: string, body: object) => server.admin.call({ method: 'POST', path, body, what: path })
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/simulated'
    const rule = (apiGroups: string[], resources: string[]) => ({ apiGroups, resources, verbs: ['get', 'list'] })
    await create(`${rbac}/roles`, {
      metadata: { name: 'look' },
      rules: [rule(['weaver.dev'], ['weaverapps']), rule(['apps'], ['deployments']), rule([''], ['namespaces'])],
    })
    await create(`${rbac}/rolebindings`, {
      metadata: { name: 'look' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'look' },
      subjects: [{ kind: 'User', name: 'nobody' }],
    })
    await apps.create('shop')
    const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString()
    await apps.status('shop', {
      phase: 'Ready',
      active: 'aaaaaaaa',
      desired: 'aaaaaaaa',
      engine: { active: 'aaaaaaaa', step: -1, progressAt: 1, draining: [], failed: [], weights: { aaaaaaaa: 100 } },
      versions: [{ id: 'aaaaaaaa', image: 'r.example/shop:1', phase: 'Ready', ready: '2/2', weightDesired: 100, weightObserved: 100 }],
      history: [
        { at: at(0), event: 'RolloutStarted', version: 'aaaaaaaa', message: '' },
        { at: at(7), event: 'Promoted', version: 'aaaaaaaa', message: '' },
      ],
    })
    const labels = { 'weaver.dev/app': 'shop', 'weaver.dev/role': 'weavelet', 'weaver.dev/version': 'aaaaaaaa', 'weaver.dev/group': 'main' }
    const container = { name: 'app', image: 'r.example/shop:1', resources: { requests: { cpu: '250m' } } }
    await create('/apis/apps/v1/namespaces/simulated/deployments', {
      metadata: { name: 'shop-main-aaaaaaaa', labels },
      spec: { replicas: 4, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [container] } } },
    })
    const before = await apps.read('shop')

    const ran = await simulate('--context nobody --fail shop/Cart@2')
    expect(ran).toMatchObject({ code: 0, stderr: '' })
    expect(await apps.read('shop')).toEqual(before)
    const [told = '', fault = ''] = ran.stdout.split('if group cart dies at step 2:')
    const version = /version (\S+) beside/.exec(told)?.[1] ?? ''
    for (const line of [
      'it is ready after 7.0 s (as version aaaaaaaa was)',
      '0.0 s   0 %     6     1.1  version "NEW" starts beside the active version "aaaaaaaa"',
      'creates ControllerRevision shop-NEW; Secret shop-cart-NEW-nats, shop-main-NEW-nats; NetworkPolicy shop-NEW; Service shop-lis-NEW; Deployment shop-cart-NEW, shop-main-NEW',
      '19.2 s  25 %    6     1.1  step 2/5: version "NEW" gets 25 %',
      'peak    6 pods that request 1.1 CPU',
      'end     Ready after 69.2 s, version NEW is active',
    ])
      expect(told.replaceAll(version, 'NEW')).toContain(line)
    for (const line of [
      'no replica of group "cart" of',
      'cannot serve',
      'traffic goes back to "aaaaaaaa"',
      'end     Failed after 620.4 s, version aaaaaaaa is active',
    ])
      expect(fault).toContain(line)
    const { undisturbed } = JSON.parse((await simulate('--json')).stdout) as {
      readonly undisturbed: { readonly moments: readonly object[] }
    }
    expect(undisturbed.moments[0]).toMatchObject({
      atMs: 0,
      events: [{ event: 'RolloutStarted', version }],
      pods: 6,
      weights: { aaaaaaaa: 100 },
    })
  })

  it('refuses a group or step that there is not, and --fail alone', async () => {
    expect(await simulate('--fail nope@1')).toEqual(anError(2, 'no group or component "nope"', 'cart, main'))
    expect(await simulate('--fail cart@9')).toEqual(anError(2, 'the rollout has 5 steps'))
    expect(await simulate('--fail cart')).toEqual(anError(2, 'not GROUP@STEP'))
    expect(await weaver('kube deploy weaver.toml --fail cart@1')).toEqual(anError(2, 'add --simulate'))
  })
})

describe('kube manifest', () => {
  it('is what deploy applies: through kubectl it makes the same object', async () => {
    const deployed = await makeNamespace(server.admin, 'deployed')
    const applied = await makeNamespace(server.admin, 'applied')
    expect(await weaver('kube deploy weaver.toml --no-build --image r.example/shop:1 -n deployed --detach')).toMatchObject({ code: 0 })
    const { stdout } = await weaver('kube manifest weaver.toml --image r.example/shop:1 -n applied')
    await writeFile(join(shop, 'app.yaml'), stdout)
    const kubectl = join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl')
    await promisify(execFile)(kubectl, ['apply', '--validate=strict', '-f', join(shop, 'app.yaml'), '--kubeconfig', server.kubeconfig])
    const [ours, theirs] = [await deployed.read('shop'), await applied.read('shop')]
    expect(ours?.spec).toMatchObject({
      image: 'r.example/shop:1',
      config: { 'shop/Cart': { size: 3 } },
      listeners: [{ name: 'lis', port: 8080 }],
    })
    expect(theirs?.spec).toEqual(ours?.spec)
    const asJson = await weaver('kube manifest weaver.toml --image r.example/shop:1 -n applied --json')
    expect(JSON.parse(asJson.stdout)).toEqual(parse(stdout))
  })

  it('needs no cluster', async () => {
    expect(await weaver('kube manifest weaver.toml --image r.example/shop:1', { env: { KUBECONFIG: '/nowhere' } })).toMatchObject({
      code: 0,
    })
  })
})
