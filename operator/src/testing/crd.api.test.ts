import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parseWeaverAppSpec } from '@weaver/crds'
import { KINDS, type KubeObject } from '@weaver/kube'
import { startApiServer, type ApiServer } from './api-server.js'

let server: ApiServer
let folder: string
const run = promisify(execFile)

beforeAll(async () => {
  server = await startApiServer()
  folder = await mkdtemp(join(tmpdir(), 'weaver-crd-'))
  await writeFile(join(folder, 'config'), server.config.exportConfig())
}, 300_000)
afterAll(async () => {
  await server?.close()
  if (folder !== undefined) await rm(folder, { recursive: true, force: true })
})

async function kubectl(...args: readonly string[]): Promise<string> {
  const { stdout } = await run(join(process.env['KUBEBUILDER_ASSETS'] ?? '', 'kubectl'), [`--kubeconfig=${folder}/config`, ...args], {
    timeout: 20_000,
  })
  return stdout
}

const good = { image: 'registry.example/hello:v1' }
let count = 0
function app(spec: unknown, name = `app-${(count += 1)}`): KubeObject {
  return { apiVersion: 'weaver.dev/v1alpha1', kind: 'WeaverApp', metadata: { name, namespace: 'default' }, spec }
}
const create = (spec: unknown, name?: string) =>
  server.api.create<KubeObject & { readonly spec: unknown }>(KINDS.weaverApps, app(spec, name))
const group = (name: string, ...components: readonly string[]) => ({ name, components })

describe('the CRD on a real API server', () => {
  it('is established, its names are accepted, and its schema is structural', async () => {
    const crd = await server.api.get<KubeObject & { status: { conditions: { type: string; status: string; message?: string }[] } }>(
      KINDS.customResourceDefinitions,
      '',
      'weaverapps.weaver.dev',
    )
    const conditions = Object.fromEntries(crd?.status.conditions.map((c) => [c.type, c.status]) ?? [])
    expect(conditions).toMatchObject({ Established: 'True', NamesAccepted: 'True' })
    expect(conditions['NonStructuralSchema'] ?? 'False').toBe('False')
  })

  it('fills the same defaults as the schema in TypeScript', async () => {
    const full = { ...good, groups: [{ ...group('a', 'x/Y'), replicas: {} }], listeners: [{ name: 'lis' }] }
    for (const spec of [good, full]) {
      const parsed = parseWeaverAppSpec(spec)
      expect((await create(spec)).spec).toEqual(parsed.ok ? parsed.spec : undefined)
    }
  })

  it('keeps what is free in form', async () => {
    const spec = {
      ...good,
      config: { 'httpserver/Greeter': { greeting: 'Bonjour', deep: { list: [1, 'a', { b: null }] } } },
      tolerations: [{ key: 'x', operator: 'Exists', tolerationSeconds: 5 }],
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      groups: [
        {
          ...group('a', 'x/Y'),
          resources: { requests: { cpu: 1, memory: '64Mi' }, limits: { cpu: '1.5' } },
          env: [{ name: 'A', value: 'b' }],
        },
      ],
    }
    const { deep, ...rest } = spec.config['httpserver/Greeter']
    const made = (await create(spec)).spec as typeof spec
    expect(made.config).toMatchObject({ 'httpserver/Greeter': { ...rest, deep: { list: [1, 'a', expect.anything()] } } })
    expect(deep).toBeDefined()
    expect(made).toMatchObject({
      tolerations: spec.tolerations,
      nodeSelector: spec.nodeSelector,
      groups: [{ resources: spec.groups[0]?.resources }],
    })
  })

  it.each([
    ['no spec', undefined, 'spec: Required'],
    ['no image', {}, 'spec.image: Required'],
    ['an empty image', { image: '' }, 'spec.image: Invalid'],
    ['negative replicas', { ...good, groups: [{ ...group('a', 'x/Y'), replicas: { min: -1 } }] }, 'spec.groups[0].replicas.min: Invalid'],
    [
      'max below min',
      { ...good, groups: [{ ...group('a', 'x/Y'), replicas: { min: 3, max: 2 } }] },
      'spec.groups[0].replicas.max: Invalid value: max is less than min',
    ],
    [
      'max below the default of min',
      { ...good, groups: [{ ...group('a', 'x/Y'), replicas: { max: 0 } }] },
      'spec.groups[0].replicas.max: Invalid',
    ],
    ['an empty group', { ...good, groups: [group('a')] }, 'spec.groups[0].components: Invalid'],
    ['a group name that is no label', { ...good, groups: [group('A_b', 'x/Y')] }, 'spec.groups[0].name: Invalid'],
    ['a component name with a space', { ...good, groups: [group('a', 'x Y')] }, 'spec.groups[0].components[0]: Invalid'],
    ['two groups of one name', { ...good, groups: [group('a', 'x/Y'), group('a', 'x/Z')] }, 'spec.groups[1]: Duplicate'],
    [
      'two groups that claim one component',
      { ...good, groups: [group('a', 'x/Y'), group('b', 'x/Z', 'x/Y')] },
      'spec.groups: Invalid value: two groups claim one component',
    ],
    ['a component twice in a group', { ...good, groups: [group('a', 'x/Y', 'x/Y')] }, 'spec.groups[0].components[1]: Duplicate'],
    ['two listeners of one name', { ...good, listeners: [{ name: 'lis' }, { name: 'lis', port: 81 }] }, 'spec.listeners[1]: Duplicate'],
    ['a port out of range', { ...good, listeners: [{ name: 'lis', port: 70_000 }] }, 'spec.listeners[0].port: Invalid'],
    [
      'weights that descend',
      { ...good, rollout: { steps: [{ weight: 50 }, { weight: 20 }, { weight: 100 }] } },
      'spec.rollout.steps: Invalid value: weights must ascend',
    ],
    [
      'equal weights',
      { ...good, rollout: { steps: [{ weight: 50 }, { weight: 50 }, { weight: 100 }] } },
      'spec.rollout.steps: Invalid value: weights must ascend',
    ],
    [
      'a last weight below 100',
      { ...good, rollout: { steps: [{ weight: 50, hold: '1m' }] } },
      'spec.rollout.steps: Invalid value: the last weight must be 100',
    ],
    ['an empty step', { ...good, rollout: { steps: [{}, { weight: 100 }] } }, 'spec.rollout.steps[0]: Invalid value: the step is empty'],
    ['a weight above 100', { ...good, rollout: { steps: [{ weight: 101 }] } }, 'spec.rollout.steps[0].weight: Invalid'],
    [
      'duration and steps',
      { ...good, rollout: { duration: '5m', steps: [{ weight: 100 }] } },
      'spec.rollout.steps: Invalid value: duration and steps exclude each other',
    ],
    [
      'a cutover with a duration',
      { ...good, rollout: { strategy: 'cutover', duration: '5m' } },
      'spec.rollout.strategy: Invalid value: a cutover has neither',
    ],
    [
      'an affinity whose key is two',
      { ...good, traffic: { affinity: { key: { header: 'A', cookie: 'b' } } } },
      'spec.traffic.affinity.key: Invalid value: give either header or cookie',
    ],
    [
      'sessions without their cookie',
      { ...good, traffic: { affinity: { mode: 'newSessionsOnly', carriers: ['header'] } } },
      'spec.traffic.affinity: Invalid value: newSessionsOnly keeps the version in the cookie',
    ],
    ['no duration', { ...good, rollout: { duration: '5 minutes' } }, 'spec.rollout.duration: Invalid'],
    [
      'a deadline of nothing',
      { ...good, rollout: { progressDeadline: '0s' } },
      'spec.rollout.progressDeadline: Invalid value: "0s": must not be 0',
    ],
    [
      'an analysis of a cutover',
      { ...good, rollout: { strategy: 'cutover', analysis: {} } },
      'spec.rollout.analysis: Invalid value: in a cutover the versions do not serve side by side',
    ],
    [
      'a latency factor below 1',
      { ...good, rollout: { analysis: { maxLatencyFactor: 0.5 } } },
      'spec.rollout.analysis.maxLatencyFactor: Invalid value: 0.5: spec.rollout.analysis.maxLatencyFactor in body should be greater than or equal to 1',
    ],
    [
      'a retention of nothing',
      { ...good, rollout: { retain: { for: '0s' } } },
      'spec.rollout.retain.for: Invalid value: "0s": must not be 0',
    ],
    ['an unknown strategy', { ...good, rollout: { strategy: 'hope' } }, 'spec.rollout.strategy: Unsupported value'],
    ['an unknown driver', { ...good, traffic: { driver: 'mesh' } }, 'spec.traffic.driver: Unsupported value'],
    ['a variable of ours', { ...good, env: [{ name: 'WEAVER_BOOTSTRAP', value: 'x' }] }, 'spec.env[0].name: Invalid value: WEAVER_'],
    [
      'a variable twice',
      {
        ...good,
        env: [
          { name: 'A', value: 'x' },
          { name: 'A', value: 'y' },
        ],
      },
      'spec.env[1]: Duplicate',
    ],
    ['a quantity that is none', { ...good, resources: { requests: { cpu: true } } }, 'spec.resources.requests.cpu: Invalid'],
    ['configuration that is no object', { ...good, config: { 'a/B': 'x' } }, 'spec.config.a/B: Invalid'],
  ])('refuses %s and names the field', async (_what, spec, message) => {
    await expect(create(spec)).rejects.toThrow(message)
  })

  it('refuses a name from which no label and no Service name can be made', async () => {
    await expect(create(good, `a${'b'.repeat(63)}`)).rejects.toThrow('metadata.name: Too long')
    await expect(create(good, 'my.app')).rejects.toThrow('metadata.name: Invalid')
    await expect(create(good, '1app')).rejects.toThrow('metadata.name: Invalid')
  })

  it('accepts 700 components in groups; the server gives its rules a budget, which bounds what they can check', async () => {
    const groups = Array.from({ length: 20 }, (_, i) =>
      group(`group-${i}`, ...Array.from({ length: 35 }, (_, j) => `app/pack/Component${i}x${j}`)),
    )
    await expect(create({ ...good, groups })).resolves.toBeDefined()
    const all = Array.from({ length: 100 }, (_, j) => `app/pack/Component${j}`)
    await expect(create({ ...good, groups: [group('all', ...all), group('other', 'app/pack/Component99')] })).rejects.toThrow(
      'two groups claim one component',
    )
  })

  it('has a status of its own: writing it leaves the generation alone, and the spec cannot be written with it', async () => {
    const made = await create(good)
    const status = {
      phase: 'Progressing',
      ready: '2/3',
      active: 'v1aaaaaa',
      preview: 'v2bbbbbb',
      weight: '25/25',
      step: '2/5',
      waitingFor: 'the hold',
      next: '50% at 12:00',
      engine: { step: 1, draining: [] },
    }
    const written = await server.api.replaceStatus<KubeObject>(KINDS.weaverApps, { ...made, spec: { image: 'other' }, status })
    expect(written.metadata.generation).toBe(made.metadata.generation)
    expect(written).toMatchObject({ spec: { image: good.image }, status })
  })

  it('shows its columns, has a short name, and is part of `all`', async () => {
    const made = await create(good, 'columns')
    await server.api.replaceStatus(KINDS.weaverApps, {
      ...made,
      status: {
        phase: 'Progressing',
        ready: '2/3',
        active: 'aaa',
        preview: 'bbb',
        weight: '25/25',
        step: '2/5',
        waitingFor: 'the hold of step 2 to be over, in 40 s',
        awaits: 'hold',
        next: '50% soon',
      },
    })
    const table = async (...args: readonly string[]) =>
      (await kubectl('get', ...args)).split('\n').map((line) => line.split(/ {2,}/).map((cell) => cell.trim()))
    const [header, row] = await table('wa', 'columns')
    expect(header).toEqual(['NAME', 'READY', 'PHASE', 'ACTIVE', 'PREVIEW', 'WEIGHT', 'STEP', 'AGE'])
    expect(row?.slice(0, 7)).toEqual(['columns', '2/3', 'Progressing', 'aaa', 'bbb', '25/25', '2/5'])
    const [wide, wideRow] = await table('weaverapps', 'columns', '-o', 'wide')
    expect(wide?.slice(8)).toEqual(['NEXT', 'WAITING-FOR', 'IMAGE'])
    expect(wideRow?.slice(8)).toEqual(['50% soon', 'hold', good.image])
    expect(await kubectl('get', 'all')).toContain('weaverapp.weaver.dev/columns')
    expect(await kubectl('explain', 'wa.spec.rollout.steps')).toContain('The way to 100 %')
  })
})
