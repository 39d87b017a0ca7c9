import { eventually } from '@weaver/sdk/test-support'
import { startApiServer, type ApiServer } from '../testing/api-server.js'
import { startFaultProxy, type FaultProxy } from '../testing/fault-proxy.js'
import type { KubeObject } from '../api/kube-api.js'
import { createKubeClient, type KubeClient } from '../api/kube-client.js'
import { KINDS } from '../api/kinds.js'
import { startReflector, type Reflector, type ReflectorOptions } from './reflector.js'

// A real API server behind a proxy that breaks what it is told to. Each test has a namespace of its
// own.

let server: ApiServer
let proxy: FaultProxy
let client: KubeClient
let namespace = ''
let serial = 0
const open: Reflector<KubeObject>[] = []

beforeAll(async () => {
  server = await startApiServer({ withCrd: false })
  proxy = await startFaultProxy(server)
  client = createKubeClient({ config: proxy.config, fieldManager: 'tester' })
}, 300_000)
beforeEach(async () => {
  namespace = `ns-${serial++}`
  await server.api.create(KINDS.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } })
})
afterEach(async () => {
  proxy.fault = () => undefined
  await Promise.all(open.splice(0).map((reflector) => reflector.close()))
})
afterAll(async () => {
  await client?.close()
  await proxy?.close()
  await server?.close()
})

const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }
const create = (name: string, labels: Record<string, string> = {}) =>
  server.api.create(KINDS.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { v: '0' } })
const change = (name: string, v: string) => server.api.patch(KINDS.configMaps, namespace, name, { data: { v } })
const remove = (name: string) => server.api.delete(KINDS.configMaps, namespace, name)

interface Watched {
  readonly reflector: Reflector<KubeObject>
  /** `+name=v` and `-name`, in the order told. */
  readonly told: string[]
  readonly restarts: string[]
  /** Names and values in the store. */
  content(): string[]
}
function watch(options: Partial<ReflectorOptions<KubeObject>> = {}): Watched {
  const told: string[] = []
  const restarts: string[] = []
  const valueOf = (o: KubeObject) => `${o.metadata.name}=${(o['data'] as { readonly v?: string } | undefined)?.v}`
  const reflector = startReflector({
    client,
    kind: KINDS.configMaps,
    namespace,
    indexLabel: 'app',
    log: SILENT,
    onChange: (object, isDeleted) => void told.push(isDeleted ? `-${object.metadata.name}` : `+${valueOf(object)}`),
    onRestart: (reason) => void restarts.push(reason),
    firstBackoffMs: 20,
    ...options,
  })
  open.push(reflector)
  const content = () =>
    reflector.store
      .all()
      .map(valueOf)
      .filter((v) => !v.startsWith('kube-root-ca'))
      .sort()
  return { reflector, told, restarts, content }
}
const isWatch = (url: URL) => url.searchParams.get('watch') === 'true'
const has = (watched: Watched, ...expected: string[]) => watched.content().join() === expected.join()

describe('reflector', () => {
  it('has the list when synced, then follows creation, change and deletion, in order', async () => {
    await create('a', { app: 'x' })
    await create('b')
    const watched = watch()
    await watched.reflector.synced
    expect(watched.content()).toEqual(['a=0', 'b=0'])
    expect(watched.reflector.store.byLabel(namespace, 'x').map((o) => o.metadata.name)).toEqual(['a'])
    await create('c')
    await change('c', '1')
    await remove('b')
    await eventually('the changes', () => has(watched, 'a=0', 'c=1'))
    expect(watched.told).toEqual(['+a=0', '+b=0', '+c=0', '+c=1', '-b'])
    expect(watched.restarts).toEqual([])
  })

  it('takes only what the selector names', async () => {
    await create('in', { app: 'x' })
    await create('out')
    const watched = watch({ labelSelector: 'app=x' })
    await watched.reflector.synced
    await server.api.patch(KINDS.configMaps, namespace, 'out', { metadata: { labels: { app: 'x' } } })
    await eventually('the one that came in', () => has(watched, 'in=0', 'out=0'))
    await server.api.patch(KINDS.configMaps, namespace, 'in', { metadata: { labels: { app: null } } })
    await eventually('the one that went', () => has(watched, 'out=0'))
    expect(watched.told.at(-1)).toBe('-in')
    expect(watched.reflector.store.byLabel(namespace, 'x').map((o) => o.metadata.name)).toEqual(['out'])
  })

  it('reads a first list of several pages', async () => {
    const names = Array.from({ length: 520 }, (_, i) => `m-${String(i).padStart(3, '0')}`)
    for (let i = 0; i < names.length; i += 40) await Promise.all(names.slice(i, i + 40).map((name) => create(name)))
    const before = proxy.requests.length
    const watched = watch()
    await watched.reflector.synced
    expect(watched.content()).toEqual(names.map((n) => `${n}=0`))
    expect(proxy.requests.slice(before).filter((r) => r.includes('limit=500')).length).toBe(2)
    await change('m-519', '1')
    await eventually('a change on the last page', () => watched.told.at(-1) === '+m-519=1')
  })

  it('starts the list over when it expired between two pages', async () => {
    const names = Array.from({ length: 520 }, (_, i) => `m-${String(i).padStart(3, '0')}`)
    for (let i = 0; i < names.length; i += 40) await Promise.all(names.slice(i, i + 40).map((name) => create(name)))
    let isBroken = false
    proxy.fault = ({ url }) => {
      if (isBroken || !url.searchParams.has('continue')) return undefined
      isBroken = true
      return {
        status: 410,
        body: JSON.stringify({ kind: 'Status', reason: 'Expired', message: 'The provided continue parameter is too old' }),
      }
    }
    const watched = watch()
    await watched.reflector.synced
    expect(isBroken).toBe(true)
    expect(watched.content()).toHaveLength(520)
  })

  it('goes on where a cut connection left it: nothing is lost, nothing listed again, nothing told twice', async () => {
    const watched = watch()
    await watched.reflector.synced
    await create('a')
    await eventually('the first event', () => has(watched, 'a=0'))
    const before = proxy.requests.length
    proxy.fault = ({ url }) => (isWatch(url) ? 'cut' : undefined)
    proxy.cutWatches()
    // One attempt fails by itself, and while the server is away, things happen.
    await eventually('a refused attempt', () => watched.restarts.includes('Unreachable'))
    await create('b')
    await change('a', '1')
    await remove('b')
    await create('c')
    proxy.fault = () => undefined
    await eventually('what happened meanwhile', () => has(watched, 'a=1', 'c=0'))
    expect(watched.told.filter((t) => !t.includes('kube-root'))).toEqual(['+a=0', '+b=0', '+a=1', '-b', '+c=0'])
    expect(proxy.requests.slice(before).filter((r) => !r.includes('watch=true'))).toEqual([])
  })

  it('resumes without a list after each of many cuts under load, and ends equal to the server', async () => {
    const watched = watch({ firstBackoffMs: 2 })
    await watched.reflector.synced
    const before = proxy.requests.length
    await eventually('the watch', () => proxy.openWatches === 1)
    proxy.cutWatches() // before it has said anything
    await eventually('the first restart', () => watched.restarts.length > 0)
    await create('n')
    let told = 0
    for (let i = 1; i <= 60; i++) {
      await change('n', String(i))
      if (i % 10 === 0) {
        await eventually('an event', () => watched.told.length > told)
        told = watched.told.length
        await eventually('an open watch', () => proxy.openWatches === 1)
        const restarts = watched.restarts.length
        proxy.cutWatches()
        await eventually('the restart', () => watched.restarts.length > restarts)
      }
    }
    await eventually('the last', () => has(watched, 'n=60'))
    const values = watched.told.filter((t) => t.startsWith('+n=')).map((t) => Number(t.slice(3)))
    expect(values).toEqual([...values].sort((a, b) => a - b))
    expect(new Set(values).size).toBe(values.length)
    expect(watched.restarts.length).toBeGreaterThanOrEqual(6)
    expect(proxy.requests.slice(before).filter((r) => r.includes(`${namespace}/configmaps`) && !r.includes('watch=true'))).toEqual([])
  })

  it('finds deletions and replacements of a time that the watch cannot go back to (410), by listing', async () => {
    await create('a')
    await create('b')
    const watched = watch()
    await watched.reflector.synced
    await eventually('the watch', () => proxy.openWatches === 1)
    let expired = 0
    proxy.fault = ({ url }) => {
      if (!isWatch(url) || expired > 0) return undefined
      expired++
      const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
      return { status: 200, body: `${JSON.stringify({ type: 'ERROR', object: status })}\n` }
    }
    proxy.cutWatches()
    await remove('a')
    await remove('b')
    await create('b')
    await change('b', 'new')
    await eventually('the list', () => has(watched, 'b=new'))
    await eventually('the watch after it', () => proxy.openWatches === 1)
    expect([expired, watched.restarts.includes('expired')]).toEqual([1, true])
    await create('c')
    await eventually('what came later', () => has(watched, 'b=new', 'c=0'))
    expect(watched.told).toContain('-a')
  })

  it('lists again when the real server says 410', async () => {
    await create('a')
    let isAsked = false
    // A version that the API server never had.
    const watched = watch({
      client: {
        ...client,
        watch(kind, options) {
          const resourceVersion = isAsked ? options.resourceVersion : '1'
          isAsked = true
          return client.watch(kind, { ...options, resourceVersion })
        },
      },
    })
    await watched.reflector.synced
    await create('b')
    await eventually('the next', () => has(watched, 'a=0', 'b=0'))
    expect(isAsked).toBe(true)
  })

  it('goes on from a bookmark, not from the last event it saw', async () => {
    const versions: string[] = []
    const bookmark = (version: string) =>
      `${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: version } } })}\n`
    const now = Number((await create('a')).metadata.resourceVersion) + 1
    await create('b')
    proxy.fault = ({ url }) => {
      if (!isWatch(url)) return undefined
      versions.push(url.searchParams.get('resourceVersion') ?? '')
      return versions.length === 1 ? { status: 200, body: bookmark(String(now)) } : undefined
    }
    const watched = watch()
    await eventually('the second watch', () => versions.length === 2)
    expect(versions[1]).toBe(String(now))
    expect(watched.told.some((t) => t.includes('undefined='))).toBe(false)
    expect(watched.restarts).toEqual(['closed'])
  })

  it('leaves a connection that has gone silent', async () => {
    const watched = watch({ idleMs: 200 })
    await watched.reflector.synced
    await eventually('the watch', () => proxy.openWatches === 1)
    proxy.silenceWatches()
    await create('unheard')
    await eventually('what was not heard', () => has(watched, 'unheard=0'))
    expect(watched.restarts).toContain('Silent')
  })

  it('waits between tries while the server refuses, and honours Retry-After', async () => {
    const tries: number[] = []
    proxy.fault = ({ url }) => {
      if (url.pathname.includes('/configmaps')) tries.push(Date.now())
      return { status: 429, headers: { 'retry-after': '1' }, body: '{}' }
    }
    const watched = watch()
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(tries.length).toBe(2)
    expect((tries[1] ?? 0) - (tries[0] ?? 0)).toBeGreaterThanOrEqual(990)
    proxy.fault = () => undefined
    await watched.reflector.synced
    expect(watched.restarts.slice(0, 2)).toEqual(['HTTP429', 'HTTP429'])
  })

  it('a handler that throws stops nothing', async () => {
    const watched = watch({
      onChange: () => {
        throw new Error('a bug')
      },
    })
    await watched.reflector.synced
    await create('a')
    await eventually('the change', () => has(watched, 'a=0'))
    expect(watched.restarts).toEqual([])
  })

  it('closes at once in any state, and hears nothing afterwards', async () => {
    const started = Date.now()
    const watched = watch()
    await watched.reflector.synced
    await watched.reflector.close() // before the watch is open
    const watching = watch()
    await eventually('the watch', () => proxy.openWatches === 1)
    await watching.reflector.close()
    proxy.fault = () => 'hang'
    const listing = watch()
    await listing.reflector.close()
    proxy.fault = () => ({ status: 429, headers: { 'retry-after': '60' }, body: '{}' })
    const waiting = watch()
    await eventually('the refusal', () => waiting.restarts.length > 0)
    await waiting.reflector.close()
    await eventually('the end of the watches', () => proxy.openWatches === 0)
    expect(Date.now() - started).toBeLessThan(30_000) // not the minute that the refusal names
    const told = watching.told.length
    await create('late')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(watching.told).toHaveLength(told)
  })
})
