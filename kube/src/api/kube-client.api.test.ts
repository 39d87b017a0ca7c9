import { createServer } from 'node:http'
import { once } from 'node:events'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.js'
import { kubeConfigOf } from '../testing/kube-config-of.js'
import type { KubeObject } from './kube-api.js'
import { createKubeClient, type KubeClient } from './kube-client.js'
import { isNamespaceTerminating, KubeError } from '../errors/kube-error.js'
import { KINDS } from './kinds.js'

let server: ApiServer
let proxy: FaultProxy
let client: KubeClient
const calls: string[] = []

beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
  proxy = await startFaultProxy(server)
  client = createKubeClient({
    config: proxy.config,
    fieldManager: 'tester',
    onCall: ({ verb, resource, code }) => void calls.push(`${verb} ${resource} ${code}`),
  })
}, 300_000)
afterEach(() => {
  proxy.fault = () => undefined
  calls.length = 0
})
afterAll(async () => {
  await client?.close()
  await proxy?.close()
  await server?.close()
})

const map = (name: string, data: Record<string, string>, more: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', ...more },
  data,
})
const failure = async (work: Promise<unknown>): Promise<KubeError> => {
  const error = await work.then(
    () => new Error('it did not fail'),
    (e: unknown) => e,
  )
  expect(error).toBeInstanceOf(KubeError)
  return error as KubeError
}
const read = () => client.get(KINDS.configMaps, 'default', 'x')

describe('kube client', () => {
  it('tells a namespace that is going away from a right that is missing', async () => {
    await client.create(KINDS.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } })
    await client.delete(KINDS.namespaces, '', 'leaving') // no controller runs here: it stays for ever
    const refused = await failure(client.apply(KINDS.configMaps, map('a', {}, { namespace: 'leaving' })))
    expect(isNamespaceTerminating(refused)).toBe(true)
    expect(isNamespaceTerminating(new KubeError('apply', { status: 403, reason: 'Forbidden', message: 'no' }))).toBe(false)
  })

  it('makes, reads, patches, applies and deletes', async () => {
    expect(await client.get(KINDS.configMaps, 'default', 'a')).toBeUndefined()
    const made = await client.create(KINDS.configMaps, map('a', { k: '1' }))
    expect(await client.get(KINDS.configMaps, 'default', 'a')).toMatchObject({ data: { k: '1' }, metadata: { uid: made.metadata.uid } })
    await client.patch(KINDS.configMaps, 'default', 'a', { data: { k: null, l: '2' } })
    expect((await client.get(KINDS.configMaps, 'default', 'a'))?.['data']).toEqual({ l: '2' })
    await client.apply(KINDS.configMaps, map('a', { l: '3' }))
    expect((await client.get(KINDS.configMaps, 'default', 'a'))?.['data']).toEqual({ l: '3' })
    expect(await client.delete(KINDS.configMaps, 'default', 'a', { uid: 'another' })).toBe(false)
    expect(await client.delete(KINDS.configMaps, 'default', 'a')).toBe(true)
    expect(await client.delete(KINDS.configMaps, 'default', 'a')).toBe(false)
    expect(calls).toContain('get configmaps 404')
  })

  it('apply takes over what another manager set, and leaves fields that it does not name to them', async () => {
    await client.create(KINDS.configMaps, map('shared', { ours: 'by hand', theirs: 'stays' }))
    await client.apply(KINDS.configMaps, map('shared', { ours: 'applied' }))
    expect((await client.get(KINDS.configMaps, 'default', 'shared'))?.['data']).toEqual({ ours: 'applied', theirs: 'stays' })
  })

  it('lists more than a page completely', async () => {
    await client.create(KINDS.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'pages' } })
    const names = Array.from({ length: 1_050 }, (_, i) => `m-${String(i).padStart(4, '0')}`)
    for (let i = 0; i < names.length; i += 50)
      await Promise.all(
        names
          .slice(i, i + 50)
          .map((name) => server.api.create(KINDS.configMaps, { ...map(name, {}), metadata: { name, namespace: 'pages' } })),
      )
    const before = proxy.requests.length
    const { items, resourceVersion } = await client.list(KINDS.configMaps, { namespace: 'pages' })
    expect(items.map((i) => i.metadata.name).filter((n) => n.startsWith('m-'))).toEqual(names)
    expect(items[0]).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' })
    expect(Number(resourceVersion)).toBeGreaterThan(0)
    expect(proxy.requests.length - before).toBe(3)
  })

  it('409: a stale version and a second creation are told as conflicts', async () => {
    const old = await client.create(KINDS.configMaps, map('c', {}))
    await client.patch(KINDS.configMaps, 'default', 'c', { data: { k: '1' } })
    const stale = { metadata: { resourceVersion: old.metadata.resourceVersion }, data: { k: '2' } }
    expect(await failure(client.patch(KINDS.configMaps, 'default', 'c', stale))).toMatchObject({ status: 409, reason: 'Conflict' })
    const twice = await failure(client.create(KINDS.configMaps, map('c', {})))
    expect(twice).toMatchObject({ status: 409, reason: 'AlreadyExists' })
    expect(twice.message).toContain('configmaps "c" already exists')
  })

  it('403: says what is missing, and the remedy of its user', async () => {
    const anonymous = createKubeClient({
      config: kubeConfigOf(server.url),
      fieldManager: 'tester',
      remedyOf: ({ reason, message }) =>
        reason === 'Forbidden' && message.includes(' cannot list ') ? 'Check the ClusterRole' : undefined,
    })
    const error = await failure(anonymous.list(KINDS.secrets, { namespace: 'default' }))
    expect(error.status).toBe(403)
    expect(error.message).toMatch(/secrets.*ClusterRole/s)
    await anonymous.close()
  })

  it('429 and 503 carry Retry-After; an answer that is no Status keeps its text', async () => {
    const body = JSON.stringify({ kind: 'Status', message: 'too many requests', reason: 'TooManyRequests' })
    proxy.fault = () => ({ status: 429, headers: { 'retry-after': '2' }, body })
    expect(await failure(read())).toMatchObject({ status: 429, reason: 'TooManyRequests', retryAfterMs: 2_000 })
    proxy.fault = () => ({ status: 503, body: '<html>upstream is down</html>' })
    const error = await failure(read())
    expect(error).toMatchObject({ status: 503, reason: 'HTTP503', retryAfterMs: undefined })
    expect(error.message).toContain('upstream is down')
    expect(error.message).toContain('ConfigMap "default/x"')
  })

  it('no answer, a body that stops half-way, a cut connection, nobody there: an error within the limit that says which', async () => {
    await client.create(KINDS.configMaps, map('x', { k: 'v'.repeat(1000) }))
    for (const [fault, reason] of [
      ['hang', 'Timeout'],
      ['stall', 'Timeout'],
      ['cut', 'Unreachable'],
    ] as const) {
      proxy.fault = () => fault
      const started = Date.now()
      const error = await failure(client.get(KINDS.configMaps, 'default', 'x', { timeoutMs: 300 }))
      expect([fault, error.status, error.reason]).toEqual([fault, 0, reason])
      expect(Date.now() - started).toBeLessThan(20_000) // and not never
    }
    proxy.fault = () => ({ status: 200, body: '{"kind": "ConfigMap", "meta' })
    expect(await failure(read())).toMatchObject({ status: 0, reason: 'Unreachable' })
    const nowhere = createServer().listen(0, '127.0.0.1')
    await once(nowhere, 'listening')
    const { port } = nowhere.address() as { readonly port: number }
    nowhere.close()
    await once(nowhere, 'close')
    const lost = createKubeClient({ config: kubeConfigOf(`http://127.0.0.1:${port}`), fieldManager: 'tester' })
    const gone = await failure(lost.get(KINDS.configMaps, 'default', 'x'))
    expect(gone).toMatchObject({ status: 0, reason: 'Unreachable' })
    expect(gone.message).toContain('ECONNREFUSED')
    await lost.close()
    proxy.fault = () => undefined
    expect(await read()).toBeDefined()
  })

  it('an abort rejects with its reason, before and during the call, and while a watch opens', async () => {
    const why = new Error('shutting down')
    await expect(client.get(KINDS.configMaps, 'default', 'x', { signal: AbortSignal.abort(why) })).rejects.toBe(why)
    proxy.fault = () => 'hang'
    const stop = new AbortController()
    setTimeout(() => stop.abort(why), 50)
    const watch = client.watch(KINDS.configMaps, { resourceVersion: '0', timeoutSeconds: 10, signal: stop.signal })
    await Promise.all([
      expect(client.get(KINDS.configMaps, 'default', 'x', { signal: stop.signal })).rejects.toBe(why),
      expect(watch).rejects.toBe(why),
    ])
  })

  it('a watch that cannot be opened ends within the limit', async () => {
    proxy.fault = () => 'hang'
    const error = await failure(client.watch(KINDS.configMaps, { resourceVersion: '0', timeoutSeconds: 10, timeoutMs: 200 }))
    expect(error).toMatchObject({ status: 0, reason: 'Timeout' })
  })

  it('reads a pod that is not there as a refusal', async () => {
    expect(await failure(client.podLogs('default', 'none'))).toMatchObject({ status: 404, reason: 'NotFound' })
  })
})
