import { canonicalJson, earlierVersionIdOf, versionIdOf } from './version-id.js'
import { weaverAppSpecSchema, type WeaverAppSpecInput } from './weaver-app.js'

const base: WeaverAppSpecInput = {
  image: 'registry.example/hello:v1',
  config: { 'a/A': { x: 1, y: 2 } },
  groups: [
    { name: 'text', components: ['a/A', 'a/B'], replicas: { min: 1 }, resources: { requests: { cpu: '1' } } },
    { name: 'rest', components: ['a/C'], env: [{ name: 'K', value: 'v' }] },
  ],
  listeners: [{ name: 'lis' }, { name: 'admin' }],
}
const idOf = (change: Partial<WeaverAppSpecInput> = {}) => versionIdOf(weaverAppSpecSchema.parse({ ...base, ...change }))
const groups = base.groups ?? []

describe('the version id', () => {
  it('stays the same when nothing of a pod changes', () => {
    const same: Partial<WeaverAppSpecInput>[] = [
      { groups: [...groups].reverse() },
      { groups: groups.map((g) => ({ ...g, components: [...g.components].reverse() })) },
      { groups: groups.map((g) => ({ ...g, replicas: { min: 3, max: 9 } })) },
      { config: { 'a/A': { y: 2, x: 1 } } },
      {
        listeners: [
          { name: 'admin', port: 8080 },
          { name: 'lis', public: true, hosts: ['x.example'] },
        ],
      },
      { rollout: { duration: '5m' } },
      { traffic: { replicas: 5 } },
      { suspend: true },
      { env: [], tolerations: [], nodeSelector: {} },
    ]
    for (const change of same) expect(idOf(change)).toBe(idOf())
  })

  it('stays the same when what runs together does, whatever the groups are called (issue 10, 41)', () => {
    const same: Partial<WeaverAppSpecInput>[] = [
      { groups: groups.map((g) => ({ ...g, name: `${g.name}2` })) },
      { groups: [...groups, { name: 'd', components: ['a/D'] }] },
      { groups: [...groups, { name: 'anything', components: ['a/D'], replicas: { min: 3 }, env: [], resources: {} }] },
    ]
    for (const change of same) expect(idOf(change)).toBe(idOf())
  })

  it('differs for everything that changes a pod', () => {
    const different: Partial<WeaverAppSpecInput>[] = [
      { image: 'registry.example/hello:v2' },
      { imagePullPolicy: 'Always' },
      { imagePullSecrets: [{ name: 's' }] },
      { config: { 'a/A': { x: 1, y: 3 } } },
      { config: {} },
      { groups: [] },
      { groups: groups.slice(0, 1) },
      { groups: groups.map((g) => ({ ...g, components: [...g.components, `${g.name}/D`] })) },
      { groups: [{ name: 'text', components: ['a/A', 'a/B'] }] },
      { groups: [{ name: 'text', components: ['a/A', 'a/C'] }] },
      { groups: groups.map((g) => ({ ...g, env: [{ name: 'K', value: 'w' }] })) },
      { groups: groups.map((g) => ({ ...g, resources: { requests: { cpu: '2' } } })) },
      { listeners: [{ name: 'lis' }] },
      { env: [{ name: 'A', value: 'b' }] },
      { resources: { limits: { memory: '1Gi' } } },
      { nodeSelector: { disk: 'ssd' } },
      { tolerations: [{ key: 'x', operator: 'Exists' }] },
    ]
    const ids = [idOf(), ...different.map(idOf)]
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id).toMatch(/^[a-z][0-9a-z]{7}$/)
  })

  it('is the same in every release: changing how it is made would roll every application', () => {
    expect(idOf()).toBe('rfrza9g9')
    expect(earlierVersionIdOf(weaverAppSpecSchema.parse(base))).toBe('bzna1nft')
  })
})

describe('canonical JSON', () => {
  it('sorts keys at every depth and leaves lists alone', () => {
    expect(canonicalJson({ b: [{ d: 1, c: undefined, a: 2 }, 3], a: null })).toBe('{"a":null,"b":[{"a":2,"d":1},3]}')
  })
})
