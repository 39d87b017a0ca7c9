import { COMPARED_METRICS, type ComponentGraph, type MetricFamily, type WeaveletMetrics } from '@weaver/sdk/contract'
import { podsToAsk, readCounters } from './version-counters.js'
import type { PlacedVersion } from './version.js'

const method = (name: string) => ({ name, signature: '' })
const GRAPH: ComponentGraph = {
  format: 1,
  generator: 'test',
  fingerprint: 'f',
  components: [
    { name: 'shop/Cart', methods: [method('add')], refs: [], listeners: [] },
    { name: 'weaver/Main', methods: [], refs: ['shop/Cart'], listeners: ['lis'] },
  ],
}

/** Of a version, as much as is read here. */
function version(versionId: string, readyPodsOf: Readonly<Record<string, readonly string[]>>): PlacedVersion {
  const plan = { versionId, deploymentId: `d-${versionId}`, app: { uid: 'u' }, groups: [], snapshot: { graph: GRAPH } }
  return { plan, observed: { readyPodsOf } } as never
}

function counts(of: readonly (readonly [caller: string, component: string, method: string, value: number])[]): MetricFamily {
  const series = of.map(([caller, component, name, value]) => ({ labels: [caller, component, name, 'true'], value }))
  return { name: COMPARED_METRICS.calls, kind: 'counter', help: '', labels: ['caller', 'component', 'method', 'remote'], series }
}

const answer = (replica: string, families: readonly MetricFamily[]): WeaveletMetrics => ({
  kind: 'metrics',
  replica,
  group: 'g',
  versionId: 'v',
  families,
})

describe('what two versions have counted', () => {
  it('is of the methods of their graphs, whatever a pod says', async () => {
    const requests: MetricFamily = {
      name: COMPARED_METRICS.requests,
      kind: 'counter',
      help: '',
      labels: ['listener', 'method', 'code'],
      series: [
        { labels: ['lis', 'GET', '200'], value: 7 },
        { labels: ['lis', 'NONSENSE', '200'], value: 1 },
        { labels: ['admin', 'GET', '200'], value: 1 },
      ],
    }
    const families = [
      counts([
        ['weaver/Main', 'shop/Cart', 'add', 3],
        ['weaver/Main', 'shop/Cart', `m${'x'.repeat(100)}`, 1],
        ['weaver/Main', 'shop/Other', 'add', 1],
        ['shop/Other', 'shop/Cart', 'add', 1],
        ['weaver/Main', 'shop/Cart', 'add', Number.NaN],
      ]),
      requests,
    ]
    const broken = { kind: 'metrics', replica: 'cart-1', families: 3 } as unknown as WeaveletMetrics // what any pod may send
    const asked: (readonly string[])[] = []
    const broker = {
      async metrics(_identity: unknown, { replicas }: { readonly replicas: readonly string[] }) {
        asked.push(replicas)
        return [answer('main-0', families.slice(1)), answer('cart-0', [counts([['weaver/Main', 'shop/Cart', 'add', 3]])]), broken]
      },
    }
    const versions = ['v1', 'v2'].map((id) => version(id, { cart: ['cart-1', 'cart-0'], main: ['main-0'] }))
    const read = await readCounters(broker, versions, { window: 'w', active: 'v1', preview: 'v2' })
    expect(asked).toEqual([
      ['cart-0', 'main-0', 'cart-1'],
      ['cart-0', 'main-0', 'cart-1'],
    ])
    expect(read.active).toEqual([
      { replica: 'main-0', methods: [{ caller: undefined, component: 'listener lis', method: 'GET', calls: 7, errors: 0 }] },
      { replica: 'cart-0', methods: [{ caller: 'weaver/Main', component: 'shop/Cart', method: 'add', calls: 3, errors: 0 }] },
    ])
    const all = { metrics: async () => [answer('main-0', families), answer('cart-0', families)] }
    const { preview } = await readCounters(all, versions, { window: 'w', active: 'v1', preview: 'v2' })
    expect(preview.map(({ methods }) => methods.map(({ component }) => component))).toEqual([['listener lis'], ['listener lis']])
  })

  it.each([
    ['a group is silent', { main: ['main-0'], cart: ['cart-0', 'cart-1'] }, 'version "v2": no pod of group "cart" answers when asked'],
    ['a group has no ready pod', { main: ['main-0'], cart: [] }, 'version "v2": no pod of group "cart" is ready'],
  ])('cannot be told while %s', async (_what, pods, why) => {
    const broker = { metrics: async () => [answer('main-0', [])] }
    const versions = [version('v1', { main: ['main-0'] }), version('v2', pods)]
    await expect(readCounters(broker, versions, { window: 'w', active: 'v1', preview: 'v2' })).rejects.toThrow(why)
    const unwell = [version('v1', { main: ['main-0'], cart: [] }), version('v2', { main: ['main-0'] })]
    expect((await readCounters(broker, unwell, { window: 'w', active: 'v1', preview: 'v2' })).active).toHaveLength(1)
    await expect(readCounters(broker, versions, { window: 'w', active: 'v1', preview: 'v3' })).rejects.toThrow('version "v3" is not there')
  })
})

it('asks one pod of each group before a second one of any, and not hundreds of them', () => {
  const many = Array.from({ length: 200 }, (_, i) => `big-${String(i).padStart(3, '0')}`)
  const asked = podsToAsk([many.toReversed(), ['small-1', 'small-0'], []])
  expect(asked.slice(0, 5)).toEqual(['big-000', 'small-0', 'big-001', 'small-1', 'big-002'])
  expect(asked).toHaveLength(64)
  expect(podsToAsk([])).toEqual([])
  // A group that is not asked would count as silent.
  expect(podsToAsk(many.map((name) => [name, `${name}-more`]))).toEqual(many)
})
