import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ComponentGraph, ComponentNode } from '@weaver/sdk/contract'
import { makeTree } from '../testing/fixtures.js'
import { startWeaver } from '../testing/run-weaver.js'

const node = (name: string, more: Partial<ComponentNode> = {}): ComponentNode => ({ name, methods: [], refs: [], listeners: [], ...more })
const graphOf = (...components: readonly ComponentNode[]): ComponentGraph => ({
  format: 1,
  generator: '0.1.0',
  fingerprint: 'aa',
  components,
})
const add = { name: 'add', signature: '(item: string) => number' }
const list = { name: 'list', signature: '() => string[]' }
const MAIN = node('weaver/Main', { refs: ['shop/Cart'], listeners: ['lis'] })
const BEFORE = graphOf(
  node('shop/Cart', {
    methods: [add, list],
    refs: ['shop/Stock'],
    config: { type: 'object', properties: { size: { type: 'number' }, old: {} }, required: ['size'] },
  }),
  node('shop/Stock', { refs: ['shop/Cart'], lazyRefs: ['shop/Cart'], methods: [{ ...list, routed: true }], leader: 'app' }),
  MAIN,
)

async function weaver(files: Readonly<Record<string, string>>, ...args: readonly string[]) {
  const folder = await makeTree(files)
  return startWeaver(args, { cwd: folder, env: {} }).done
}
const diff = (after: ComponentGraph, ...flags: readonly string[]) =>
  weaver({ 'old.json': JSON.stringify(BEFORE), 'new/weaver.graph.json': JSON.stringify(after) }, 'diff', 'old.json', 'new', ...flags)

describe('weaver callgraph', () => {
  it('prints components, listeners and refs as Mermaid', async () => {
    expect(await weaver({ 'weaver.graph.json': JSON.stringify(BEFORE) }, 'callgraph')).toEqual({
      code: 0,
      stderr: '',
      stdout: `${[
        'flowchart LR',
        '  c0["shop/Cart"]',
        '  c0 --> c1',
        '  c1["shop/Stock<br/>routed<br/>leader of each app"]',
        '  c1 -.-> c0',
        '  c2["weaver/Main"]',
        '  c2l0(["lis"]) --> c2',
        '  c2 --> c0',
      ].join('\n')}\n`,
    })
  })

  it('prints the graph itself with --json', async () => {
    const { stdout } = await weaver({ 'g.json': JSON.stringify(BEFORE) }, 'callgraph', 'g.json', '--json')
    expect(JSON.parse(stdout)).toEqual(BEFORE)
  })

  it('says what to do where there is no graph, or none that it reads', async () => {
    expect(await weaver({}, 'callgraph')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/weaver\.graph\.json" cannot be read: ENOENT; run `weaver generate`/) as string }) // prettier-ignore
    expect(await weaver({ 'g.json': '{"format":7}' }, 'callgraph', 'g.json')).toMatchObject({ code: 2, stderr: expect.stringContaining('format 7 is unknown') as string }) // prettier-ignore
  })
})

describe('weaver diff', () => {
  it('ends with 0 where nothing changed', async () => {
    expect(await diff(BEFORE)).toEqual({ code: 0, stdout: 'no changes\n', stderr: '' })
  })

  it('tells every change, and what of it would have broken', async () => {
    const after = graphOf(
      node('shop/Cart', {
        methods: [list, { ...add, signature: '(item: string, count: number) => number', notRetriable: true }, { name: 'clear', signature: '() => undefined' }], // prettier-ignore
        config: { type: 'object', properties: { size: { type: 'string' }, colour: {} }, required: ['colour'] },
      }),
      node('shop/Price'),
      { ...MAIN, listeners: ['admin'] },
    )
    const { code, stdout } = await diff(after)
    expect(code).toBe(1)
    expect(stdout.split('\n')).toEqual([
      '! shop/Cart: method clear is new (mixed: new callers would call what old processes do not have)',
      '! shop/Cart: method add: (item: string) => number is now (item: string, count: number) => number (mixed: the bytes of one would be misread by the other)',
      '  shop/Cart: method add must no longer run twice',
      '! shop/Cart: methods list, add: other numbers on the wire (mixed: a call would run another method)',
      '  shop/Cart: ref to shop/Stock is gone',
      '  shop/Cart: configuration colour is new, and must be given',
      '  shop/Cart: configuration old is gone',
      '  shop/Cart: configuration size may now be left out',
      '  shop/Cart: configuration size: number is now string',
      '! shop/Price: is new (mixed: new callers would find no method to call in old processes)',
      '! shop/Stock: is gone (mixed: old callers would find no method to call in new processes)',
      '  weaver/Main: listener lis is gone',
      '  weaver/Main: listener admin is new',
      '',
      '5 of 13 changes would have broken mixed versions; Weaver keeps them apart.',
      '',
    ])
  })

  it('shows of long signatures and of schemas the part that changed', async () => {
    const order = (price: string): string =>
      `(order: { "id": string; "lines": { "item": string; "count": number; "price": ${price}; "tags": string[] }[]; "note"?: string }) => { "id": string; "total": number }`
    const limits = (more: object) => ({ type: 'object', properties: { max: { type: 'integer', ...more } } })
    const build = (price: string, more: object, root: object): ComponentGraph =>
      graphOf(
        node('shop/Cart', {
          methods: [{ name: 'add', signature: order(price) }],
          config: { type: 'object', properties: { limits: limits(more) }, ...root },
        }),
      )
    const folder = await makeTree({
      'old.json': JSON.stringify(build('number', { minimum: 1 }, {})),
      'new.json': JSON.stringify(build('bigint', { minimum: 2, default: 5 }, { additionalProperties: false, required: ['limits'] })),
    })
    const { stdout } = await startWeaver(['diff', 'old.json', 'new.json'], { cwd: folder, env: {} }).done
    expect(stdout.split('\n').slice(0, 4)).toEqual([
      '! shop/Cart: method add: … number; "price": number; "tags": string … is now … number; "price": bigint; "tags": string … (mixed: the bytes of one would be misread by the other)',
      '  shop/Cart: configuration limits must now be given',
      '  shop/Cart: configuration limits.max: integer (minimum 1) is now integer (minimum 2, default 5)',
      '  shop/Cart: configuration no longer takes unknown keys',
    ])
  })

  it('tells a graph whose keys are spread by load from one whose keys are not', async () => {
    const [cart, stock, main] = BEFORE.components as [ComponentNode, ComponentNode, ComponentNode]
    const after = graphOf(cart, { ...stock, balance: 'load' }, main)
    expect((await diff(after)).stdout).toContain('  shop/Stock: balance of keys: slices is now load\n')
    const { stdout } = await weaver({ 'g.json': JSON.stringify(after) }, 'callgraph', 'g.json')
    expect(stdout).toContain('shop/Stock<br/>routed by load<br/>')
  })

  it('knows changes that break nothing', async () => {
    const after = graphOf(
      ...BEFORE.components.map((component) => (component.name === 'weaver/Main' ? { ...component, listeners: [] } : component)),
    )
    const { code, stdout } = await diff(after, '--json')
    expect([code, JSON.parse(stdout)]).toEqual([
      1,
      { isCompatible: true, changes: [{ component: 'weaver/Main', what: 'listener lis is gone' }] },
    ])
  })

  it('ends with 2 where one cannot be read', async () => {
    const folder = await makeTree({ 'old.json': JSON.stringify(BEFORE) })
    writeFileSync(join(folder, 'new.json'), 'no json')
    expect(await startWeaver(['diff', 'old.json', 'new.json'], { cwd: folder, env: {} }).done).toMatchObject({ code: 2, stdout: '' })
    expect(await startWeaver(['diff', 'old.json', 'none.json'], { cwd: folder, env: {} }).done).toMatchObject({ code: 2, stdout: '' })
  })
})
