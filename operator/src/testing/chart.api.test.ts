import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { WeaverApp } from '@weaver/crds'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { parse, parseAllDocuments } from 'yaml'
import { KINDS, type KubeObject } from '@weaver/kube'
import { kubeConfigOf } from '@weaver/kube/testing'
import { eventually } from '@weaver/sdk/test-support'
import { createOperatorClient } from '../kube/operator-client.js'
import { createLogger } from '../log/logger.js'
import { ensureBrokerSecret } from '../manager/ensure-broker-secret.js'
import { createKubeLeases } from '../control/kube-leases.js'
import { startManager } from '../manager/manager.js'
import { createNoneDriver } from '../traffic/none/none-driver.js'
import { createProxyDriver } from '../traffic/proxy/proxy-driver.js'
import type { TrafficDriver } from '../traffic/driver.js'
import { startApiServer, type ApiServer } from './api-server.js'
import { createClusterPlayer } from './cluster-player.js'
import { createFakeBroker } from './fake-broker.js'
import { createFakeTrafficDriver } from './fake-traffic-driver.js'

// The charts by the real helm; what they render by a real API server, with the rights that it really grants.

const CHARTS = new URL('../../../charts', import.meta.url).pathname
const CHART = `${CHARTS}/weaver-operator`
const BROKER_CHART = `${CHARTS}/weaver-nats`
const CRD_FILE = new URL('../../../crds/weaver.dev_weaverapps.yaml', import.meta.url).pathname
const NAMESPACE = 'weaver-system'
const run = promisify(execFile)

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}
interface Failed {
  readonly stderr: string
}

async function helm(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'helm'), args, { timeout: 30_000, maxBuffer: 1 << 24 })
  return stdout
}

async function render(...sets: readonly string[]): Promise<KubeObject[]> {
  return renderChart('weaver', CHART, sets)
}

async function renderBroker(...sets: readonly string[]): Promise<KubeObject[]> {
  return renderChart('weaver-nats', BROKER_CHART, sets)
}

async function renderChart(release: string, chart: string, sets: readonly string[]): Promise<KubeObject[]> {
  const args = sets.flatMap((s) => [s.includes('=[') || s.includes('={}') ? '--set-json' : '--set', s])
  const text = await helm('template', release, chart, '--namespace', NAMESPACE, '--kube-version', '1.36.1', ...args)
  return parseAllDocuments(text).flatMap((d) => (d.contents === null ? [] : [d.toJSON() as KubeObject]))
}

async function refusal(...sets: readonly string[]): Promise<string> {
  return render(...sets).then(
    () => 'it was accepted',
    (error: unknown) => (error as Failed).stderr,
  )
}
const find = (objects: readonly KubeObject[], kind: string, name: string) =>
  objects.find((o) => o.kind === kind && o.metadata.name === name) as any // deep looks into manifests

describe('the chart', () => {
  it.each([CHART, BROKER_CHART])('%s passes helm lint', async (chart) => {
    expect(await helm('lint', '--strict', chart)).toContain('0 chart(s) failed')
  })

  it('installs the CRD of this very release, and keeps it on uninstall', async () => {
    const crd = find(await render(), 'CustomResourceDefinition', 'weaverapps.weaver.dev')
    expect({ ...crd, metadata: { name: crd.metadata.name } }).toEqual(parse(await readFile(CRD_FILE, 'utf8')))
    expect(crd.metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    expect(find(await render('crds.keep=false'), 'CustomResourceDefinition', 'weaverapps.weaver.dev').metadata.annotations).toBeUndefined()
    expect(find(await render('crds.install=false'), 'CustomResourceDefinition', 'weaverapps.weaver.dev')).toBeUndefined()
  })

  it('holds nothing that running applications need: the broker is a release of its own, which the operator finds by its name', async () => {
    const kinds = (objects: readonly KubeObject[]) => new Set(objects.map(({ kind }) => kind))
    const objects = await render()
    for (const kind of ['StatefulSet', 'NetworkPolicy', 'ConfigMap', 'Secret', 'Job']) expect(kinds(objects)).not.toContain(kind)
    const env = find(objects, 'Deployment', 'weaver-operator').spec.template.spec.containers[0].env
    expect(env).toContainEqual({ name: 'WEAVER_NATS_SERVERS', value: 'nats://weaver-nats.weaver-system.svc:4222' })
    const { ports } = find(await renderBroker(), 'Service', 'weaver-nats').spec
    expect(ports).toEqual([{ name: 'client', port: 4222, targetPort: 'client' }])
  })

  it('NATS runs in operator mode: servers get the public half of the keys, the operator the private one', async () => {
    const objects = await renderBroker()
    expect(find(objects, 'ConfigMap', 'weaver-nats').data['nats.conf']).toMatch(/include auth.conf/)
    const servers = find(objects, 'StatefulSet', 'weaver-nats').spec
    expect(
      JSON.stringify(servers.template.spec.containers[0].env).match(/nats:\/\/weaver:\$\(ROUTE_PASSWORD\)@weaver-nats-\d/g),
    ).toHaveLength(3)
    expect(find(objects, 'ConfigMap', 'weaver-nats').data['nats.conf']).toMatch(/authorization { user: weaver, password: \$ROUTE_PASSWORD/)
    const wall = find(objects, 'NetworkPolicy', 'weaver-nats').spec
    expect(
      wall.ingress.flatMap((rule: { ports: { port: string }[]; from?: object }) =>
        rule.ports.map(({ port }) => [port, rule.from !== undefined]),
      ),
    ).toEqual([
      ['client', false],
      ['cluster', true],
    ])
    expect(find(await renderBroker('networkPolicy.enabled=false'), 'NetworkPolicy', 'weaver-nats')).toBeUndefined()
    expect(JSON.stringify(servers.template.spec.volumes)).toContain('auth.conf')
    expect(JSON.stringify(servers)).not.toContain('operator.seed')
    const operator = find(await render(), 'Deployment', 'weaver-operator').spec.template.spec
    expect(operator.volumes[1].secret.secretName).toBe('weaver-nats-auth')
    expect(operator.volumes[1].secret.items.map((i: { key: string }) => i.key)).toEqual(['operator.seed', 'system.creds'])
    expect(find(objects, 'Job', 'weaver-keygen').spec.template.spec.containers[0].args).toEqual([
      'keygen',
      '--secret',
      'weaver-nats-auth',
      '--namespace',
      NAMESPACE,
    ])
  })

  it('gives operator and broker as long to start on a busy node as it gives the pods of applications', async () => {
    const containers = [
      find(await render(), 'Deployment', 'weaver-operator').spec.template.spec.containers[0],
      find(await renderBroker(), 'StatefulSet', 'weaver-nats').spec.template.spec.containers[0],
    ]
    for (const { startupProbe } of containers)
      expect(startupProbe).toMatchObject({ periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 300 })
  })

  it('runs one server without a cluster, and without volumes where asked', async () => {
    const objects = await renderBroker('replicas=1', 'persistence.enabled=false')
    expect(find(objects, 'ConfigMap', 'weaver-nats').data['nats.conf']).not.toContain('cluster')
    const { spec } = find(objects, 'StatefulSet', 'weaver-nats')
    expect(spec.volumeClaimTemplates).toBeUndefined()
    expect(spec.template.spec.volumes).toContainEqual({ name: 'data', emptyDir: {} })
    expect(find(objects, 'PodDisruptionBudget', 'weaver-nats')).toBeUndefined()
  })

  it.each([
    ['an account for each version', 'nats.authSecret=mine', ['WEAVER_NATS_AUTH_DIR'], ['operator.seed', 'system.creds']],
    ['one account', 'nats.credentialsSecret=mine', ['WEAVER_NATS_CREDS'], ['user.creds']],
  ])('uses a broker of the user with %s', async (_what, set, variables, keys) => {
    const objects = await render('nats.servers={nats://a:4222,nats://b:4222}', set)
    const { containers, volumes } = find(objects, 'Deployment', 'weaver-operator').spec.template.spec
    const env = Object.fromEntries(containers[0].env.map((e: { name: string; value?: string }) => [e.name, e.value]))
    expect(env['WEAVER_NATS_SERVERS']).toBe('nats://a:4222,nats://b:4222')
    expect(Object.keys(env).filter((name) => /AUTH_DIR|CREDS/.test(name))).toEqual(variables)
    expect(volumes[1].secret).toMatchObject({ secretName: 'mine', items: keys.map((key) => ({ key })) })
  })

  it('gives rights only in the namespaces that it watches', async () => {
    const objects = await render('watchNamespaces={shop,bank}', 'rbac.aggregate=false')
    expect(objects.filter((o) => o.kind.startsWith('ClusterRole'))).toEqual([])
    const roles = objects.filter((o) => o.kind === 'Role' && o.metadata.name === 'weaver-operator').map((o) => o.metadata.namespace)
    expect(roles.sort()).toEqual(['bank', 'shop'])
    expect(JSON.stringify(find(objects, 'Deployment', 'weaver-operator'))).toContain('"shop,bank"')
  })

  it.each([
    ['replcas=3', 'replcas'],
    ['nats.replica=3', 'replica'],
    ['nats.replicas=3', 'nats.replicas is not a value of this chart any more'],
    ['nats.enabled=false', 'the broker is a release of its own'],
    ['nats.external.servers={nats://a:4222}', 'a broker of your own is nats.servers'],
    ['image.pullPolicy=Sometimes', 'pullPolicy'],
    ['image.digest=latest', 'digest'],
    ['nats.authSecret=mine', 'nats.servers is empty'],
  ])('refuses %s', async (set, message) => {
    expect(await refusal(set)).toContain(message)
  })

  it.each([
    ['replicas=0', 'replicas'],
    ['nats.replicas=1', 'nats'],
    ['keygen.image.digest=latest', 'digest'],
  ])('of the broker refuses %s', async (set, message) => {
    await expect(renderBroker(set)).rejects.toThrow(message)
  })

  it('an upgrade of the broker that changes nothing of the servers does not restart them', async () => {
    const pods = find(await renderBroker(), 'StatefulSet', 'weaver-nats').spec.template.metadata.labels
    expect(pods).toEqual({
      'app.kubernetes.io/name': 'weaver',
      'app.kubernetes.io/instance': 'weaver',
      'app.kubernetes.io/component': 'nats',
      'app.kubernetes.io/part-of': 'weaver',
    })
  })

  it('of the broker can take over the servers of a release of another name', async () => {
    const { selector } = find(await renderBroker('instance=weaver-operator'), 'StatefulSet', 'weaver-nats').spec
    expect(selector.matchLabels['app.kubernetes.io/instance']).toBe('weaver-operator')
  })
})

describe('what the chart renders, on a real API server', () => {
  let server: ApiServer
  let folder: string
  let objects: KubeObject[]
  const kubectl = (...args: readonly string[]) =>
    run(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl'), [`--kubeconfig=${folder}/config`, ...args], { timeout: 30_000 })

  beforeAll(async () => {
    server = await startApiServer()
    folder = await mkdtemp(join(tmpdir(), 'weaver-chart-'))
    await writeFile(join(folder, 'config'), server.config.exportConfig())
    objects = [...(await render()), ...(await renderBroker())]
    for (const name of [NAMESPACE, 'apps'])
      await server.api.create(KINDS.namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' } },
      })
  }, 300_000)
  afterAll(async () => {
    await server?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  it('is accepted without a warning, in a namespace of the restricted Pod Security Standard', async () => {
    await writeFile(
      join(folder, 'all.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.filter((o) => o.kind !== 'CustomResourceDefinition') }),
    )
    const { stderr } = await kubectl('apply', '--server-side', '--dry-run=server', '-f', join(folder, 'all.json'))
    expect(stderr).toBe('')
  })

  it('grants exactly the verbs that the operator uses', async () => {
    const rbac = objects.filter((o) => /^(ServiceAccount|(Cluster)?Role(Binding)?)$/.test(o.kind))
    await writeFile(join(folder, 'rbac.json'), JSON.stringify({ apiVersion: 'v1', kind: 'List', items: rbac }))
    await kubectl('apply', '-f', join(folder, 'rbac.json'))
    const used = { operator: new Set<string>(), keygen: new Set<string>() }
    const refused: string[] = []
    const clientOf = async (account: 'operator' | 'keygen') => {
      const { stdout } = await kubectl('create', 'token', `weaver-${account}`, '-n', NAMESPACE)
      return createOperatorClient({
        config: kubeConfigOf(server.url, stdout.trim()),
        onCall({ verb, group, resource, code }) {
          used[account].add(`${group}/${resource} ${verb}`)
          if (code === '403') refused.push(`${account}: ${group}/${resource} ${verb}`)
        },
      })
    }
    const keygen = await clientOf('keygen')
    expect(await ensureBrokerSecret(keygen, { namespace: NAMESPACE, name: 'weaver-nats-auth' })).toBe('made')
    await keygen.close()
    const client = await clientOf('operator')
    await rollOut(server, client)
    await client.close()
    expect(refused).toEqual([])
    // The objects of a version whose deletion this asks for are the server's to check, not calls.
    const granted = (rules: readonly Rule[]) =>
      rules
        .flatMap((r) => r.resources.flatMap((resource) => r.verbs.map((verb) => `${r.apiGroups[0]}/${resource} ${verb}`)))
        .filter((g, i, all) => g !== 'weaver.dev/weaverapps/finalizers update' && all.indexOf(g) === i)
    const rules = async (chart: string) =>
      parse(await readFile(join(chart, 'files/rbac.yaml'), 'utf8')) as Record<'app' | 'own' | 'keygen', Rule[]>
    const [{ app, own }, { keygen: keys }] = [await rules(CHART), await rules(BROKER_CHART)]
    // Server-side apply of an object that is not there needs `create` besides.
    const needed = (uses: ReadonlySet<string>) =>
      new Set(
        [...uses].flatMap((use) =>
          use.endsWith(' patch') && !/weaverapps|leases/.test(use) ? [use, use.replace(/ patch$/, ' create')] : [use],
        ),
      )
    expect([...needed(used.operator)].sort()).toEqual(granted([...app, ...own]).sort())
    expect([...needed(used.keygen)].sort()).toEqual(granted(keys).sort())
  }, 300_000)
})

const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'app/Foreman', methods: [], refs: [], listeners: [], leader: 'version' },
    { name: 'weaver/Main', methods: [], refs: [], listeners: ['lis'] },
  ],
}

/** What a replica that leads makes the operator do. There is no broker here by which it could ask. */
async function leadOnce(client: ReturnType<typeof createOperatorClient>, app: (WeaverApp & KubeObject) | undefined): Promise<void> {
  const { name = '', uid = '' } = app?.metadata ?? {}
  const identity = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: 'apps', name, uid }
  const leases = createKubeLeases({ api: client, app: identity, versionOf: (id) => id })
  const lease = { component: 'app/Foreman', deploymentId: app?.status?.active ?? '' } // of the version, so that it goes with it
  for (const replica of ['a', 'b']) {
    expect(await leases.take(lease, replica, 1_000)).toBeGreaterThan(0)
    await leases.release(lease, replica)
  }
}

/** v1, v2, scaling there and back, and deletion, with the operator's own rights; the real driver makes its objects, a fake stands for the proxies. */
async function rollOut(server: ApiServer, client: ReturnType<typeof createOperatorClient>): Promise<void> {
  const player = createClusterPlayer(server.api, 'apps')
  player.images.set('reg/app:v1', { graph: GRAPH, digest: '1'.repeat(64) })
  player.images.set('reg/app:v2', { graph: GRAPH, digest: '2'.repeat(64) })
  const log = createLogger({ level: 'error' })
  const real = createProxyDriver({ kube: client, proxyPods: () => [], image: 'haproxy', log, operatorNamespace: NAMESPACE })
  const proxies = createFakeTrafficDriver()
  const proxy: TrafficDriver = {
    ...proxies,
    async sync(plan, options) {
      await real.sync(plan, options)
      return proxies.sync(plan, options)
    },
    remove: (app, signal) => real.remove(app, signal),
  }
  const stop = new AbortController()
  const playing = (async () => {
    while (!stop.signal.aborted) {
      await player.tick().catch(() => undefined) // an object that changed meanwhile is played in the next tick
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  })()
  const manager = startManager({
    // The podLogs of an API server without a kubelet: asked for, so that the right to it is used, and answered by the player.
    client: {
      ...client,
      podLogs: async (namespace, pod, options) => {
        await client.podLogs(namespace, pod, { ...options, timeoutMs: 2_000 }).catch(() => undefined)
        return player.logOf(pod)
      },
    },
    broker: createFakeBroker(),
    drivers: { proxy, none: createNoneDriver() },
    log,
    namespace: NAMESPACE,
    identity: 'one',
    watchNamespaces: [],
    onLost: () => undefined,
  })
  const apply = (image: string, replicas: object, driver: 'proxy' | 'none' = 'proxy') =>
    server.api.apply(KINDS.weaverApps, {
      apiVersion: 'weaver.dev/v1alpha1',
      kind: 'WeaverApp',
      metadata: { name: 'hello', namespace: 'apps' },
      spec: {
        image,
        groups: [{ name: 'all', components: ['app/Foreman', 'weaver/Main'], replicas }],
        rollout: { strategy: 'cutover', drainTimeout: '2s' },
        revisionHistoryLimit: 0, // the record of a version is deleted, too
        traffic: { driver },
      },
    })
  const app = async () => (await server.api.get(KINDS.weaverApps, 'apps', 'hello')) as (WeaverApp & KubeObject) | undefined
  const until = (what: string, look: () => Promise<boolean>) =>
    eventually(what, look, { everyMs: 100, soFar: async () => (await app())?.status?.waitingFor ?? 'nothing is awaited' })
  const serves = (image: string) => async () => {
    const found = await app()
    return (
      found?.status?.phase === 'Ready' &&
      found.status.versions?.length === 1 &&
      found.status.versions[0]?.image === image &&
      found.status.observedGeneration === found.metadata.generation
    )
  }
  try {
    await apply('reg/app:v1', { min: 2, max: 4 })
    await until('v1', serves('reg/app:v1'))
    await leadOnce(client, await app())
    await apply('reg/app:v1', { min: 1 })
    await until('v1 scaled', serves('reg/app:v1'))
    await apply('reg/app:v2', { min: 2, max: 4 })
    await until('v2', serves('reg/app:v2'))
    await apply('reg/app:v2', { min: 1 }, 'none')
    await until('the proxy to go', async () => (await server.api.get(KINDS.configMaps, 'apps', 'hello-proxy')) === undefined)
    await server.api.delete(KINDS.weaverApps, 'apps', 'hello')
    await until('the end', async () => (await app()) === undefined)
  } finally {
    await manager.close()
    await real.close()
    stop.abort()
    await playing
  }
}
