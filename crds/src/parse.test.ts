import { checkAgainstGraph } from './check-graph.js'
import type { GraphShape } from './graph-shape.js'
import { resolveGroups } from './groups.js'
import { parseWeaverApp, parseWeaverAppSpec } from './parse.js'
import { nearestName } from './problems.js'
import type { WeaverAppSpec } from './weaver-app.js'

const good = { image: 'registry.example/hello:v1' }
function parse(spec: object): WeaverAppSpec {
  const parsed = parseWeaverAppSpec(spec)
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.issues))
  return parsed.spec
}
const graph: GraphShape = {
  components: [
    { name: 'httpserver/Converter', refs: [], listeners: [] },
    {
      name: 'httpserver/Reverser',
      refs: ['httpserver/Converter'],
      listeners: [],
      config: {
        type: 'object',
        additionalProperties: false,
        properties: {
          greeting: { type: 'string' },
          times: { type: 'integer' },
          mode: { enum: ['a', 'b'] },
          tags: { type: 'array', items: { type: 'string' } },
        },
      },
    },
    { name: 'weaver/Main', refs: ['httpserver/Reverser'], listeners: ['lis', 'admin'] },
  ],
}

describe('a spec', () => {
  it('is given its defaults', () => {
    expect(parse(good)).toEqual({
      image: good.image,
      groups: [],
      listeners: [],
      rollout: { strategy: 'gradual', progressDeadline: '10m', onFailure: 'rollback', paused: false, drainTimeout: '5m' },
      revisionHistoryLimit: 10,
      traffic: { driver: 'proxy', replicas: 2 },
      suspend: false,
    })
  })

  it('takes what a pod takes', () => {
    const resources = { requests: { memory: '1e9', cpu: '.5', 'nvidia.com/gpu': 1, 'hugepages-2Mi': '4Mi' }, limits: { memory: '1Gi' } }
    expect(parse({ ...good, resources }).resources).toEqual(resources)
    const listeners = [
      { name: 'a', hosts: ['x.example', '*.x.example'] },
      { name: 'b', port: 81, hosts: ['x.example'] },
    ]
    expect(parse({ ...good, listeners }).listeners).toMatchObject(listeners)
  })

  it('says what was meant', () => {
    const parsed = parseWeaverAppSpec({
      ...good,
      resources: { limits: { cpus: 1, memory: '1gb' } },
      listeners: [{ name: 'a', hosts: ['x/'] }],
    })
    expect(parsed.ok ? [] : parsed.issues.map((i) => i.remedy)).toEqual([
      expect.stringContaining('like shop.example.com or *.example.com'),
      expect.stringContaining('128Mi or 1e9'),
    ])
    const named = parseWeaverAppSpec({ ...good, resources: { limits: { cpus: 1 } } })
    expect(named.ok ? [] : named.issues).toEqual([expect.objectContaining({ remedy: 'did you mean "cpu"?' })])
  })

  it.each([
    ['nothing', undefined, 'spec'],
    ['no image', {}, 'spec.image'],
    ['an empty image', { image: '' }, 'spec.image'],
    ['negative replicas', { ...good, groups: [{ name: 'a', components: ['x/Y'], replicas: { min: -1 } }] }, 'spec.groups[0].replicas.min'],
    [
      'max below min',
      { ...good, groups: [{ name: 'a', components: ['x/Y'], replicas: { min: 3, max: 2 } }] },
      'spec.groups[0].replicas.max',
    ],
    // A pod would be refused for these, long after the spec was applied (issue 10, 39).
    ['a limit below its request', { ...good, resources: { requests: { cpu: '1' }, limits: { cpu: '500m' } } }, 'spec.resources.limits.cpu'],
    [
      'a resource that is misspelt',
      { ...good, groups: [{ name: 'a', components: ['x/Y'], resources: { requests: { cpus: '1' } } }] },
      'spec.groups[0].resources.requests.cpus',
    ],
    ['a quantity that is none', { ...good, resources: { requests: { memory: '1gb' } } }, 'spec.resources.requests.memory'],
    // Hosts were read by nobody (issue 10, 38).
    ['a host that is a URL', { ...good, listeners: [{ name: 'lis', hosts: ['http://x y/'] }] }, 'spec.listeners[0].hosts[0]'],
    ['a host in upper case', { ...good, listeners: [{ name: 'lis', hosts: ['Shop.example'] }] }, 'spec.listeners[0].hosts[0]'],
    ['a host with a port', { ...good, listeners: [{ name: 'lis', hosts: ['a.example', 'b.example:80'] }] }, 'spec.listeners[0].hosts[1]'],
    ['a wildcard within a host', { ...good, listeners: [{ name: 'lis', hosts: ['a.*.example'] }] }, 'spec.listeners[0].hosts[0]'],
    ['an address as a host', { ...good, listeners: [{ name: 'lis', hosts: ['10.0.0.1'] }] }, 'spec.listeners[0].hosts[0]'],
    [
      'a host of two listeners at one port',
      {
        ...good,
        listeners: [
          { name: 'a', hosts: ['x.example'] },
          { name: 'b', hosts: ['x.example'] },
        ],
      },
      'spec.listeners[1].hosts[0]',
    ],
    [
      'an annotation of ours',
      { ...good, listeners: [{ name: 'a', service: { annotations: { 'weaver.dev/applied-hash': 'x' } } }] },
      'spec.listeners[0].service.annotations["weaver.dev/applied-hash"]',
    ],
    ['an empty group', { ...good, groups: [{ name: 'a', components: [] }] }, 'spec.groups[0].components'],
    ['a group name that is no label', { ...good, groups: [{ name: 'A_b', components: ['x/Y'] }] }, 'spec.groups[0].name'],
    [
      'two groups of one name',
      {
        ...good,
        groups: [
          { name: 'a', components: ['x/Y'] },
          { name: 'a', components: ['x/Z'] },
        ],
      },
      'spec.groups[1].name',
    ],
    [
      'two groups that claim one component',
      {
        ...good,
        groups: [
          { name: 'a', components: ['x/Y'] },
          { name: 'b', components: ['x/Z', 'x/Y'] },
        ],
      },
      'spec.groups[1].components[1]',
    ],
    ['a component twice in a group', { ...good, groups: [{ name: 'a', components: ['x/Y', 'x/Y'] }] }, 'spec.groups[0].components[1]'],
    ['two listeners of one name', { ...good, listeners: [{ name: 'lis' }, { name: 'lis', port: 81 }] }, 'spec.listeners[1].name'],
    ['a port out of range', { ...good, listeners: [{ name: 'lis', port: 70000 }] }, 'spec.listeners[0].port'],
    [
      'weights that descend',
      { ...good, rollout: { steps: [{ weight: 50 }, { weight: 20 }, { weight: 100 }] } },
      'spec.rollout.steps[1].weight',
    ],
    ['equal weights', { ...good, rollout: { steps: [{ weight: 50 }, { weight: 50 }, { weight: 100 }] } }, 'spec.rollout.steps[1].weight'],
    ['a last weight below 100', { ...good, rollout: { steps: [{ weight: 50 }] } }, 'spec.rollout.steps[0].weight'],
    ['an empty step', { ...good, rollout: { steps: [{}, { weight: 100 }] } }, 'spec.rollout.steps[0]'],
    ['a weight above 100', { ...good, rollout: { steps: [{ weight: 101 }] } }, 'spec.rollout.steps[0].weight'],
    ['duration and steps', { ...good, rollout: { duration: '5m', steps: [{ weight: 100 }] } }, 'spec.rollout.steps'],
    ['a cutover with steps', { ...good, rollout: { strategy: 'cutover', steps: [{ weight: 100 }] } }, 'spec.rollout.strategy'],
    ['no duration', { ...good, rollout: { duration: '5 minutes' } }, 'spec.rollout.duration'],
    ['a deadline of nothing', { ...good, rollout: { progressDeadline: '0s' } }, 'spec.rollout.progressDeadline'],
    ['an analysis of a cutover', { ...good, rollout: { strategy: 'cutover', analysis: {} } }, 'spec.rollout.analysis'],
    ['a factor below 1', { ...good, rollout: { analysis: { maxLatencyFactor: 0.5 } } }, 'spec.rollout.analysis.maxLatencyFactor'],
    ['no samples', { ...good, rollout: { analysis: { minSamples: 0 } } }, 'spec.rollout.analysis.minSamples'],
    ['a retention of nothing', { ...good, rollout: { retain: { for: '0s' } } }, 'spec.rollout.retain.for'],
    ['an unknown driver', { ...good, traffic: { driver: 'mesh' } }, 'spec.traffic.driver'],
    ['a key that is two', { ...good, traffic: { affinity: { key: { header: 'A', cookie: 'b' } } } }, 'spec.traffic.affinity.key'],
    ['a key that is none', { ...good, traffic: { affinity: { key: {} } } }, 'spec.traffic.affinity.key'],
    ['a header with a space', { ...good, traffic: { affinity: { key: { header: 'A b' } } } }, 'spec.traffic.affinity.key.header'],
    [
      'sessions without their cookie',
      { ...good, traffic: { affinity: { mode: 'newSessionsOnly', carriers: ['header'] } } },
      'spec.traffic.affinity.carriers',
    ],
    ['an affinity of no time', { ...good, traffic: { affinity: { maxAge: '999ms' } } }, 'spec.traffic.affinity.maxAge'],
    ['a variable of ours', { ...good, env: [{ name: 'WEAVER_BOOTSTRAP', value: 'x' }] }, 'spec.env[0].name'],
    [
      'a variable twice',
      {
        ...good,
        env: [
          { name: 'A', value: 'x' },
          { name: 'A', value: 'y' },
        ],
      },
      'spec.env[1].name',
    ],
    ['a bad component name in config', { ...good, config: { 'a b': {} } }, 'spec.config["a b"]'],
  ])('is refused for %s, by the path of the field, with a remedy', (_what, spec, path) => {
    const parsed = parseWeaverAppSpec(spec)
    if (parsed.ok) throw new Error('it was accepted')
    expect(parsed.issues.map((i) => i.path)).toContain(path)
    for (const issue of parsed.issues) {
      expect(issue.message).not.toBe('')
      expect(issue.remedy).not.toBe('')
      expect(issue.message).not.toMatch(/undefined|Invalid input/)
    }
  })

  it('is told everything that is wrong at once', () => {
    const parsed = parseWeaverAppSpec({ listeners: [{ name: 'X' }], rollout: { duration: 'x' } })
    if (parsed.ok) throw new Error('it was accepted')
    expect(parsed.issues.map((i) => i.path).sort()).toEqual(['spec.image', 'spec.listeners[0].name', 'spec.rollout.duration'])
  })
})

describe('a WeaverApp from a file', () => {
  const app = { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', metadata: { name: 'hello', namespace: 'shop' }, spec: good }
  it('gives name, namespace and spec', () =>
    expect(parseWeaverApp(app)).toMatchObject({ ok: true, name: 'hello', namespace: 'shop', spec: { image: good.image } }))
  it.each([
    [{ ...app, kind: 'Deployment' }, 'kind'],
    [{ ...app, apiVersion: 'weaver.dev/v1' }, 'apiVersion'],
    [{ ...app, metadata: { name: 'Hello' } }, 'metadata.name'],
    [{ ...app, metadata: { name: 'a'.repeat(64) } }, 'metadata.name'],
    [{ ...app, spec: undefined }, 'spec'],
    ['text', ''],
  ])('is refused when it is something else (%#)', (raw, path) => {
    const parsed = parseWeaverApp(raw)
    expect(parsed.ok ? [] : parsed.issues.map((i) => i.path)).toContain(path)
  })
})

describe('a spec against the component graph', () => {
  it('passes when everything it names is there', () => {
    const spec = parse({
      ...good,
      groups: [{ name: 'text', components: ['httpserver/Reverser', 'httpserver/Converter'] }],
      listeners: [{ name: 'lis' }],
      config: { 'httpserver/Reverser': { greeting: 'hi', times: 3, mode: 'a', tags: ['x'] } },
    })
    expect(checkAgainstGraph(spec, graph)).toEqual([])
  })

  it('names what the image does not have, and the nearest that it has', () => {
    const spec = parse({
      ...good,
      groups: [{ name: 'text', components: ['httpserver/Revreser'] }],
      listeners: [{ name: 'list' }],
      config: { Reverser: {} },
    })
    expect(checkAgainstGraph(spec, graph)).toEqual([
      {
        path: 'spec.groups[0].components[0]',
        message: 'the application has no component "httpserver/Revreser"',
        remedy: expect.stringContaining('"httpserver/Reverser"'),
      },
      { path: 'spec.listeners[0].name', message: 'the application has no listener "list"', remedy: expect.stringContaining('"lis"') },
      {
        path: 'spec.config.Reverser',
        message: 'the application has no component "Reverser"',
        remedy: expect.stringContaining('"httpserver/Reverser"'),
      },
    ])
  })

  it.each([
    [{ greeting: 5 }, 'spec.config["httpserver/Reverser"].greeting'],
    [{ gretting: 'x' }, 'spec.config["httpserver/Reverser"].gretting'],
    [{ times: 1.5 }, 'spec.config["httpserver/Reverser"].times'],
    [{ mode: 'c' }, 'spec.config["httpserver/Reverser"].mode'],
    [{ tags: ['x', 1] }, 'spec.config["httpserver/Reverser"].tags[1]'],
  ])('checks configuration by the schema of the component: %j', (config, path) => {
    expect(checkAgainstGraph(parse({ ...good, config: { 'httpserver/Reverser': config } }), graph).map((p) => p.path)).toEqual([path])
  })

  it('says that a component takes no configuration', () => {
    expect(checkAgainstGraph(parse({ ...good, config: { 'weaver/Main': { x: 1 } } }), graph)).toMatchObject([
      { path: 'spec.config["weaver/Main"]' },
    ])
  })
})

describe('groups', () => {
  it('are those of the spec and one for each component that none of them names', () => {
    const groups = resolveGroups(
      parse({ ...good, groups: [{ name: 'text', components: ['httpserver/Reverser', 'httpserver/Converter'] }] }),
      graph,
    )
    expect(groups).toMatchObject([
      { name: 'main', hosts: ['weaver/Main'], calls: ['httpserver/Reverser'], listeners: ['admin', 'lis'], hasMain: true },
      {
        name: 'text',
        hosts: ['httpserver/Converter', 'httpserver/Reverser'],
        calls: ['httpserver/Converter'],
        listeners: [],
        hasMain: false,
      },
    ])
  })

  it('do not need what they refer to by lazy refs alone', () => {
    const groups = resolveGroups(parse({ ...good, groups: [{ name: 'shop', components: ['x/Cart', 'x/Web'] }] }), {
      components: [
        { name: 'x/Cart', refs: ['x/Mail', 'x/Stock'], lazyRefs: ['x/Mail', 'x/Stock'], listeners: [] },
        { name: 'x/Mail', refs: [], listeners: [] },
        { name: 'x/Stock', refs: [], listeners: [] },
        { name: 'x/Web', refs: ['x/Stock'], listeners: [] },
      ],
    })
    expect(groups.find(({ name }) => name === 'shop')).toMatchObject({ calls: ['x/Mail', 'x/Stock'], needs: ['x/Stock'] })
  })

  it('keep apart two components whose last segments are the same, and one whose name a group has', () => {
    const node = (name: string) => ({ name, refs: [], listeners: [] })
    const names = resolveGroups(parse({ ...good, groups: [{ name: 'cart', components: ['x/Y'] }] }), {
      components: [node('a/Store'), node('b/Store'), node('c/Cart'), node('x/Y')],
    }).map((g) => g.name)
    expect(new Set(names).size).toBe(4)
    expect(names).toEqual(expect.arrayContaining(['cart', 'store']))
  })
})

describe('the nearest name', () => {
  it.each([
    ['revreser', ['reverser', 'converter'], 'reverser'],
    ['zzz', ['reverser'], undefined],
    ['Reverser', ['httpserver/Reverser'], 'httpserver/Reverser'],
  ])('of %s among %j is %s', (name, known, nearest) => expect(nearestName(name, known)).toBe(nearest))
})
