import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

const fixture = fixtures()
const parsed = new ParsedFiles()

describe('a run', () => {
  const source = `${IMPORTS}import { z } from 'zod'
export interface Cart { add(item: string, count?: number): Promise<number> }
export const Cart = component<Cart>('shop/Cart', { notRetriable: ['add'], router: { add: (item: string) => item } })
class CartImpl implements Cart { readonly options = config(z.object({ limit: z.number(), currency: z.enum(['EUR', 'USD']).optional(), tags: z.array(z.string()).default([]) })); async add() { return 1 } }
export const cartImpl = implement(Cart, CartImpl)
`
  const main = `import { App } from './app.js'\nimport { run } from '@weaver/sdk'\nimport { weaver } from './weaver.gen.js'\nawait run(App, weaver)\n`
  const app = `import { listener, ref, type Main } from '@weaver/sdk'\nimport { Cart } from './cart.js'\nabstract class Base { readonly cart = ref(Cart) }\nexport class App extends Base implements Main { readonly http = listener('lis'); main() {} }\n`

  it('needs no generated file to be there, tells the graph, and is stale only after a change', async () => {
    const made = fixture({ 'cart.ts': source, 'app.ts': app, 'main.ts': main })
    expect(await generate({ projectDir: made.folder, parsed, check: true })).toMatchObject({ status: 'stale' })
    expect(await generate({ projectDir: made.folder, parsed })).toMatchObject({ status: 'written', diagnostics: [] })
    expect(made.typeErrors()).toEqual([])
    const graph = JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
    expect(graph.components).toEqual([
      {
        name: 'shop/Cart',
        source: 'src/cart.ts',
        token: { name: 'Cart', source: 'src/cart.ts' },
        methods: [{ name: 'add', signature: expect.stringContaining('item: string'), notRetriable: true, routed: true }],
        refs: [],
        listeners: [],
        config: {
          type: 'object',
          properties: { limit: { type: 'number' }, currency: { enum: ['EUR', 'USD'] }, tags: { type: 'array', items: { type: 'string' } } },
          required: ['limit'],
        },
      },
      { name: 'weaver/Main', source: 'src/app.ts', methods: [], refs: ['shop/Cart'], listeners: ['lis'] },
    ])
    // Nothing changed: the compiler is not even loaded.
    expect(await generate({ projectDir: made.folder, parsed })).toMatchObject({ status: 'unchanged', hasCompiled: false })
    expect(await generate({ projectDir: made.folder, parsed, check: true })).toMatchObject({ status: 'unchanged' })
    made.write('src/cart.ts', source.replace('count?: number', 'count?: string'))
    expect(await generate({ projectDir: made.folder, parsed, check: true })).toMatchObject({ status: 'stale' })
    await generate({ projectDir: made.folder, parsed })
    const after = JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
    expect(after.fingerprint).not.toBe(graph.fingerprint)
  })

  it('a file that was generated before a method was added does not compile', async () => {
    const made = fixture({ 'cart.ts': source })
    await generate({ projectDir: made.folder, parsed })
    made.write(
      'src/cart.ts',
      source
        .replace('Promise<number> }', 'Promise<number>; clear(): Promise<void> }')
        .replace('async add()', 'async clear() {} async add()'),
    )
    expect(made.typeErrors().join()).toMatch(/weaver\.gen\.ts.*clear/)
  })

  it('tells the deployer which component has a leader; that is nothing two builds must agree on', async () => {
    const graphs = await Promise.all(
      [`('shop/Cart')`, `('shop/Cart', { leader: 'app' })`].map(async (declared) => {
        const made = fixture({
          'cart.ts': source
            .replace(/\('shop\/Cart'.*\)/, declared)
            .replace('async add()', declared.includes('leader') ? 'async lead() {} async add()' : 'async add()'),
        })
        await generate({ projectDir: made.folder, parsed })
        return JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
      }),
    )
    expect(graphs.map((graph) => graph.components[0]?.leader)).toEqual([undefined, 'app'])
    expect(graphs[0]?.fingerprint).toBe(graphs[1]?.fingerprint)
  })

  it('tells the deployer how the keys of a component are spread; that is nothing two builds must agree on either', async () => {
    const graphs = await Promise.all(
      ['', `, balance: 'load'`].map(async (balance) => {
        const made = fixture({
          'cart.ts': source.replace(/\('shop\/Cart'.*\)/, `('shop/Cart', { router: { add: (item) => item }${balance} })`),
        })
        await generate({ projectDir: made.folder, parsed })
        return JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
      }),
    )
    expect(graphs.map((graph) => graph.components[0]?.balance)).toEqual([undefined, 'load'])
    expect(graphs[0]?.fingerprint).toBe(graphs[1]?.fingerprint)
  })

  it('a nested type changes the fingerprint, its name does not', async () => {
    const withType = (name: string, field: string) =>
      `${IMPORTS}interface ${name} { deep: { ${field}: string }[] }\nexport interface A { m(a: ${name}): Promise<void> }\nexport const A = component<A>('a')\nclass AImpl implements A { async m() {} }\nexport const aImpl = implement(A, AImpl)\n`
    const prints = await Promise.all(
      [withType('One', 'x'), withType('Two', 'x'), withType('One', 'y')].map(async (text) => {
        const made = fixture({ 'a.ts': text })
        await generate({ projectDir: made.folder, parsed })
        return (JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph).fingerprint
      }),
    )
    expect(prints[0]).toBe(prints[1])
    expect(prints[0]).not.toBe(prints[2])
  })
})
