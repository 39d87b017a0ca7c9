import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { KINDS, type KubeApi, type KubeObject, type ResourceKind } from '@weaver/kube'
import { childMetadata, finishManifest, type Manifest } from '../desired/manifest.js'
import { createChildApplier } from './child-applier.js'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { createRecordingApi } from '../testing/recording-api.js'
import { applyOwn, deleteOwn } from './own-objects.js'

// A real API server: what is another's is found out by what it says of owners and of fields.

let server: ApiServer
beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
}, 240_000)
afterAll(async () => {
  await server?.close()
})

const NAMESPACE = 'default'
const APP = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', namespace: NAMESPACE, name: 'foreign', uid: 'uid-of-the-app' }
const selector = { matchLabels: { app: 'x' } }
const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } }

/**
 * Every kind that the operator makes for an app, as ours and as somebody else's of the same name.
 */
const CHILDREN: readonly (readonly [ResourceKind, ours: object, theirs: object])[] = [
  [KINDS.services, { spec: { selector: { 'weaver.dev/app': 'foreign' }, ports: [{ name: 'listener', port: 80, targetPort: 8080, protocol: 'TCP' }] } }, { spec: { selector: { app: 'old' }, ports: [{ name: 'web', port: 80, targetPort: 80 }, { name: 'more', port: 81 }] } }],
  [KINDS.deployments, { spec: { replicas: 1, selector, template } }, { spec: { replicas: 2, selector, template } }],
  [KINDS.secrets, { data: { key: 'b3Vycw==' } }, { data: { other: 'dGhlaXJz' } }],
  [KINDS.configMaps, { data: { key: 'ours' } }, { data: { other: 'theirs' } }],
  [KINDS.controllerRevisions, { revision: 1, data: { format: 1 } }, { revision: 7, data: { format: 1 } }],
  [KINDS.horizontalPodAutoscalers, { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'x' } } }, { spec: { maxReplicas: 9, scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'y' } } }],
  [KINDS.podDisruptionBudgets, { spec: { maxUnavailable: 1, selector } }, { spec: { minAvailable: 1, selector } }],
  [KINDS.networkPolicies, { spec: { podSelector: selector, policyTypes: ['Ingress'] } }, { spec: { podSelector: {}, policyTypes: ['Egress'] } }],
  [KINDS.leases, { spec: { holderIdentity: 'us' } }, { spec: { holderIdentity: 'them' } }],
  [KINDS.pods, { spec: template.spec }, { spec: { containers: [{ name: 'c', image: 'theirs' }] } }],
] // prettier-ignore

function apiVersionOf(kind: ResourceKind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`
}
function wantedOf(kind: ResourceKind, name: string, body: object): Manifest {
  return finishManifest({
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: childMetadata(APP, name, { 'weaver.dev/app': APP.name }),
    ...body,
  })
}
/** As `kubectl create` would. */
async function createTheirs(kind: ResourceKind, name: string, body: object, metadata: object = {}): Promise<KubeObject> {
  await server.api.create(kind, {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: { name, namespace: NAMESPACE, ...metadata },
    ...body,
  })
  const found = await server.api.get(kind, NAMESPACE, name)
  // Written under our own manager by this client: as if by another.
  const managedFields = found?.metadata.managedFields?.map((m) => ({ ...m, manager: 'kubectl-create' }))
  return server.api.patch(kind, NAMESPACE, name, { metadata: { managedFields } })
}
const read = (kind: ResourceKind, name: string) => server.api.get<KubeObject & { spec?: any; data?: any }>(kind, NAMESPACE, name)

describe.each(CHILDREN)('children', (kind, ours, theirs) => {
  it(`${kind.kind}: one that someone else made is neither written nor deleted, and the refusal names it`, async () => {
    const name = `taken-${kind.plural}`
    const before = await createTheirs(kind, name, theirs)
    await expect(applyOwn(server.api, kind, wantedOf(kind, name, ours))).rejects.toMatchObject({
      code: 'WEAVER_NAME_TAKEN',
      message: expect.stringMatching(
        new RegExp(
          `${kind.kind} "${name}" in namespace "default" has no owner \\(written by kubectl-create\\).*kubectl annotate ${kind.plural} ${name} -n default weaver.dev/adopt=foreign`,
        ),
      ),
    })
    const applier = createChildApplier(server.api, Date.now)
    await applier.ensureAbsent(kind, { namespace: NAMESPACE, name, owner: APP.uid }, before)
    expect(await deleteOwn(server.api, kind, { namespace: NAMESPACE, name, owner: APP.uid })).toBe(false)
    expect(await read(kind, name)).toEqual(before)
  })

  it(`${kind.kind}: one that appears between look and write is given back as it was`, async () => {
    const name = `raced-${kind.plural}`
    let before: KubeObject | undefined
    const racing: KubeApi = {
      ...server.api,
      get: async (...args) => {
        const found = await server.api.get(...args)
        before ??= await createTheirs(kind, name, theirs)
        return found as never // absent at this look
      },
    }
    await expect(applyOwn(racing, kind, wantedOf(kind, name, ours))).rejects.toThrow(/Conflict|Invalid|is left alone/) // by its fields, or by its name
    const after = await read(kind, name)
    expect(after?.metadata.ownerReferences).toBeUndefined()
    expect([after?.spec, after?.data, after?.metadata.annotations]).toEqual([
      before?.['spec'],
      before?.['data'],
      before?.metadata.annotations,
    ])
  })
})

it('an object of another app is refused by its owner, and cannot be given away', async () => {
  const owner = { apiVersion: APP.apiVersion, kind: 'WeaverApp', name: 'first', uid: 'u-first', controller: true }
  await createTheirs(
    KINDS.services,
    'owned',
    { spec: { ports: [{ port: 80 }] } },
    { ownerReferences: [owner], annotations: { 'weaver.dev/adopt': 'foreign' } },
  )
  await expect(applyOwn(server.api, KINDS.services, wantedOf(KINDS.services, 'owned', CHILDREN[0]?.[1] ?? {}))).rejects.toThrow(
    /Service "owned" in namespace "default" belongs to WeaverApp "first", not to WeaverApp "foreign", and is left alone; rename/,
  )
})

it('a Service that is given to the app is switched in one write, and keeps nothing of its former selector and ports', async () => {
  const [kind, ours, theirs] = CHILDREN[0] as (typeof CHILDREN)[number] // the Service
  const before = await createTheirs(kind, 'given', theirs, { annotations: { 'weaver.dev/adopt': 'foreign' } })
  const api = createRecordingApi(server.api)
  const selectors: unknown[] = []
  const seeing: KubeApi = {
    ...api,
    apply: async (...args) => (selectors.push((await read(kind, 'given'))?.spec.selector), api.apply(...args)),
  }
  await expect(applyOwn(seeing, kind, wantedOf(kind, 'given', ours), { adoptsOnce: 'a proxy to be ready' })).rejects.toThrow(
    'a proxy to be ready: then Service "given", which is given to WeaverApp "foreign", is taken over',
  )
  expect((await read(kind, 'given'))?.spec.selector).toEqual({ app: 'old' })
  await applyOwn(seeing, kind, wantedOf(kind, 'given', ours))
  expect(selectors).toEqual([{ 'weaver.dev/app': 'foreign' }]) // already before the rest was applied
  const given = await read(kind, 'given')
  expect(given?.spec).toMatchObject({ clusterIP: (before['spec'] as any).clusterIP, selector: { 'weaver.dev/app': 'foreign' } }) // users keep their address
  expect(given?.spec.ports).toEqual([{ name: 'listener', port: 80, targetPort: 8080, protocol: 'TCP' }])
  expect(given?.metadata.ownerReferences).toMatchObject([{ uid: APP.uid }])
  // Owned like any other: what is left out later goes away.
  await applyOwn(
    server.api,
    kind,
    wantedOf(kind, 'given', {
      spec: { selector: { 'weaver.dev/app': 'foreign' }, ports: [{ name: 'listener', port: 8080, targetPort: 8080, protocol: 'TCP' }] },
    }),
  )
  expect((await read(kind, 'given'))?.spec.ports.map((p: any) => p.port)).toEqual([8080])
})

it('does not adopt a Service whose users would lose its address', async () => {
  const [kind, ours] = CHILDREN[0] as (typeof CHILDREN)[number] // the Service
  await createTheirs(
    kind,
    'balanced',
    { spec: { type: 'NodePort', selector: { app: 'old' }, ports: [{ port: 80 }] } },
    { annotations: { 'weaver.dev/adopt': 'foreign' } },
  )
  await expect(applyOwn(server.api, kind, wantedOf(kind, 'balanced', ours))).rejects.toThrow(/is of another type \(NodePort\)/)
  expect((await read(kind, 'balanced'))?.spec).toMatchObject({ type: 'NodePort', selector: { app: 'old' } })
})

it("takes another's key out of a selector of ours, and puts an owner reference back", async () => {
  const [kind, ours] = CHILDREN[0] as (typeof CHILDREN)[number] // the Service
  const wanted = wantedOf(kind, 'edited', ours)
  const applier = createChildApplier(server.api, Date.now)
  await applier.ensure(kind, wanted, undefined)
  await server.api.patch(kind, NAMESPACE, 'edited', { metadata: { ownerReferences: null }, spec: { selector: { stray: 'x' } } })
  expect(await applier.ensure(kind, wanted, await read(kind, 'edited'))).toBe(true)
  const edited = await read(kind, 'edited')
  expect(edited?.spec.selector).toEqual({ 'weaver.dev/app': 'foreign' })
  expect(edited?.metadata.ownerReferences).toMatchObject([{ uid: APP.uid }])
  expect(await applier.ensure(kind, wanted, edited)).toBe(false)
})

/** Every write of the operator, and why it cannot change an object of others that has a name of ours. */
const WRITES: Readonly<Record<string, string>> = {
  'control/kube-leases.ts: create': 'a name that is taken is refused',
  'control/kube-leases.ts: patch': 'of a Lease whose owner was read, by its resourceVersion',
  'kube/events.ts: create': 'a name by chance',
  'kube/leader-lease.ts: create': 'a name that is taken is refused',
  'kube/leader-lease.ts: patch': "the operator's own Lease, by its resourceVersion",
  'kube/own-objects.ts: apply': 'after its owner was read',
  'kube/own-objects.ts: delete': 'by its uid, after its owner was read',
  'kube/own-objects.ts: patch': 'by its resourceVersion, after its owner was read',
  'manager/ensure-broker-secret.ts: create': 'a name that is taken is refused',
  'reconcile/app-object.ts: patch': 'the WeaverApp',
  'reconcile/commands.ts: patch': 'the WeaverApp',
  'reconcile/finalize-app.ts: patch': 'the WeaverApp',
  'reconcile/known-versions.ts: delete': 'by its uid, of records that are owned',
  'reconcile/reconcile-app.ts: replaceStatus': 'the WeaverApp',
  'reconcile/version-children.ts: create': 'a name that is taken is refused',
  'reconcile/version-children.ts: delete': 'by its uid, after its owner was read',
  'reconcile/version-children.ts: patch': 'by its uid, of a Deployment that is owned',
  'traffic/proxy/proxy-objects.ts: delete': 'by its uid, after its owner was read',
}

it('nothing of the operator writes an object in another way', () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('testing/'))
    .flatMap((file) => {
      const calls = /\.(apply|create|patch|replaceStatus|delete)(?:<[^>]*>)?\(\s*(?:KINDS\.\w+|kind)\b/g
      return [...readFileSync(join(root, file), 'utf8').matchAll(calls)].map(([, verb]) => `${file}: ${verb}`)
    })
  expect([...new Set(found)].sort()).toEqual(Object.keys(WRITES))
})
