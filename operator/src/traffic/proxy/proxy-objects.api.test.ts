/**
 * The proxy's objects against a real API server: accepted as they are, applied once, restricted
 * enough, and never taken from another owner.
 */
import { API_GROUP, API_VERSION, LABELS, WEAVER_APP_KIND } from '@weaver/crds'
import { KINDS, type KubeObject } from '@weaver/kube'
import { PROXY_ROLE } from './proxy-manifests.js'
import { createLogger } from '../../log/logger.js'
import { startApiServer, type ApiServer } from '../../testing/api-server.js'
import { createProxyDriver } from './proxy-driver.js'
import type { TrafficPlan } from '../driver.js'

let server: ApiServer

beforeAll(async () => {
  server = await startApiServer()
  await server.api.apply(KINDS.namespaces, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'shop', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  })
})
afterAll(async () => {
  await server?.close()
})

const BACKEND = { versionId: 'v1', deploymentId: 'web-v1', serviceHost: '10.0.0.1', servicePort: 8080, pods: [] }

function planFor(app: KubeObject, listeners: readonly string[]): TrafficPlan {
  const { name, uid = '' } = app.metadata
  return {
    app: { namespace: 'shop', name, uid, replicas: 2 },
    versions: ['v1'],
    weights: {},
    listeners: listeners.map((listener, i) => ({ listener: { name: listener, port: 80 + i }, backends: [BACKEND], weights: {} })),
  }
}
/** What marks an object of an app's proxy; an owner reference makes it the app's own. */
const proxyLabels = (app: string) => ({ [LABELS.app]: app, [LABELS.role]: PROXY_ROLE, [LABELS.listener]: 'own' })
/** The pod template of a Deployment, as it was applied. */
function templateOf(deployment: KubeObject | undefined) {
  if (deployment === undefined) throw new Error('there is no Deployment')
  return (
    deployment['spec'] as {
      template: { metadata: { annotations: Record<string, string> }; spec: { containers: [{ lifecycle: unknown }] } }
    }
  ).template
}
const newDriver = () =>
  createProxyDriver({
    kube: server.api,
    proxyPods: () => [],
    image: 'haproxy:2.6',
    log: createLogger({ write: () => undefined }),
    operatorNamespace: 'weaver',
  })
const newApp = (name: string) =>
  server.api.create<KubeObject>(KINDS.weaverApps, {
    apiVersion: `${API_GROUP}/${API_VERSION}`,
    kind: WEAVER_APP_KIND,
    metadata: { name, namespace: 'shop' },
    spec: { image: 'web:1' },
  })

it('makes every object once, drops a listener that is gone, and writes nothing when nothing changed', async () => {
  const app = await newApp('web')
  const driver = newDriver()
  await driver.sync(planFor(app, ['admin', 'lis']))
  const names = async () => (await server.api.list(KINDS.services, { namespace: 'shop' })).items.map((s) => s.metadata.name).sort()
  expect(await names()).toEqual(['web-admin', 'web-lis'])
  const kinds = [KINDS.deployments, KINDS.configMaps, KINDS.podDisruptionBudgets, KINDS.networkPolicies]
  const read = () => Promise.all(kinds.map((kind) => server.api.get(kind, 'shop', 'web-proxy')))
  const before = await read()
  for (const object of before) expect(object?.metadata.ownerReferences?.[0]?.uid).toBe(app.metadata.uid)
  expect(before[2]?.['spec']).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
  expect(templateOf(before[0]).spec.containers[0].lifecycle).toEqual({ preStop: { sleep: { seconds: 5 } } })

  await newDriver().sync(planFor(app, ['admin', 'lis']))
  expect((await read()).map((o) => o?.metadata.resourceVersion)).toEqual(before.map((o) => o?.metadata.resourceVersion))

  await driver.sync(planFor(app, ['lis']))
  expect(await names()).toEqual(['web-lis'])
  const hash = (o: KubeObject | undefined) => templateOf(o).metadata.annotations['weaver.dev/config-hash']
  expect(hash((await read())[0])).not.toBe(hash(before[0]))
  await driver.close()
})

it('makes the Service as the listener says, and of another type when that changes (issue 10, 38)', async () => {
  const app = await newApp('outside')
  const driver = newDriver()
  const annotations = { 'service.example/scheme': 'internet-facing' }
  const serviceAs = async (listener: object) => {
    const plan = planFor(app, ['lis'])
    await driver.sync({ ...plan, listeners: plan.listeners.map((l) => ({ ...l, listener: { ...l.listener, ...listener } })) })
    return server.api.get(KINDS.services, 'shop', 'outside-lis')
  }
  expect((await serviceAs({}))?.['spec']).toMatchObject({ type: 'ClusterIP' })
  const balanced = await serviceAs({ type: 'LoadBalancer', annotations })
  expect(balanced?.['spec']).toMatchObject({ type: 'LoadBalancer', ports: [{ port: 80, nodePort: expect.any(Number) }] })
  expect(balanced?.metadata.annotations).toMatchObject(annotations)
  expect((await serviceAs({ type: 'NodePort' }))?.['spec']).toMatchObject({ type: 'NodePort' })
  const inside = await serviceAs({ type: 'ClusterIP' })
  expect(inside?.['spec']).not.toHaveProperty('ports.0.nodePort')
  expect(inside?.metadata.annotations).not.toHaveProperty(Object.keys(annotations)[0] ?? '')
  await driver.close()
})

it('an app that uses the proxy no more keeps nothing of it, and loses nothing else', async () => {
  const app = await newApp('leaves')
  const driver = newDriver()
  await newDriver().remove(planFor(app, []).app) // there is nothing yet
  await driver.sync(planFor(app, ['lis']))
  const kinds = [KINDS.deployments, KINDS.configMaps, KINDS.podDisruptionBudgets, KINDS.networkPolicies]
  const left = async () =>
    [
      ...(await Promise.all(kinds.map((kind) => server.api.get(kind, 'shop', 'leaves-proxy')))),
      await server.api.get(KINDS.secrets, 'shop', 'leaves-proxy-tls'),
      await server.api.get(KINDS.services, 'shop', 'leaves-lis'),
    ].filter((object) => object !== undefined && object.metadata.deletionTimestamp === undefined)
  expect(await left()).toHaveLength(6)
  const foreign = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'leaves-own', namespace: 'shop' }, spec: { ports: [{ port: 1 }] } }
  await server.api.create(KINDS.services, { ...foreign, metadata: { ...foreign.metadata, labels: proxyLabels('leaves') } })

  await driver.remove(planFor(app, []).app)
  expect(await left()).toEqual([])
  expect(await server.api.get(KINDS.services, 'shop', 'leaves-own')).toBeDefined()

  await driver.sync(planFor(app, ['lis'])) // and back again
  expect(await left()).toHaveLength(6)
  await driver.close()
})

it('a pod of the template meets the restricted Pod Security Standard', async () => {
  const app = await newApp('pods')
  const driver = newDriver()
  await driver.sync(planFor(app, ['lis']))
  const deployment = await server.api.get(KINDS.deployments, 'shop', 'pods-proxy')
  await server.api.apply(KINDS.serviceAccounts, {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'shop' },
  })
  // Refused by the API server if it did not.
  const pod = await server.api.create(KINDS.pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'one', namespace: 'shop' },
    spec: templateOf(deployment).spec,
  })
  expect(pod.metadata.uid).toBeDefined()
  await driver.close()
})

it('does not take over a Service of the same name that another app owns', async () => {
  // Both want "a-b-c".
  const first = await newApp('a-b')
  const second = await newApp('a')
  const driver = newDriver()
  await driver.sync(planFor(first, ['c']))
  const taken = expect.stringContaining(
    'Service "a-b-c" in namespace "shop" belongs to WeaverApp "a-b", not to WeaverApp "a", and is left alone',
  )
  expect(await driver.sync(planFor(second, ['b-c']))).toMatchObject({ taken, unreachable: taken, inSync: false, weightObserved: {} })
  await driver.close()
})
