import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ComponentGraph } from '@weaver/sdk/contract'
import { Reader, Writer, type WeaverGen } from '../../sdk/src/internal.js'
import { CATALOGUE, formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { createFixture, type Fixture } from './testing/fixture.js'

const fixtures: Fixture[] = []
afterAll(() => {
  for (const fixture of fixtures) fixture.remove()
})
const fixture = (files: Readonly<Record<string, string>>): Fixture => {
  const made = createFixture(files)
  fixtures.push(made)
  return made
}
const IMPORTS = `import { component, config, implement, listener, ref, run, type Main } from '@weaver/sdk'\nvoid [component, config, implement, listener, ref, run, {} as Main]\n`

/** A package with one component whose methods echo a value of each type. */
function echoPackage(types: Readonly<Record<string, string>>, declarations: string): Fixture {
  const methods = Object.entries(types)
  return fixture({
    'echo.ts': `${IMPORTS}${declarations}
export interface Echo {
${methods.map(([name, type]) => `  ${name}(value: ${type}): Promise<${type}>`).join('\n')}
}
export const Echo = component<Echo>('test/Echo')
class EchoImpl implements Echo {
${methods.map(([name, type]) => `  async ${name}(value: ${type}): Promise<${type}> {\n    return value\n  }`).join('\n')}
}
export const echoImpl = implement(Echo, EchoImpl)
`,
  })
}

describe('every supported type arrives as it was sent', () => {
  const declarations = `
export interface Point { x: number; y: number }
export interface Named extends Point { name: string; note?: string; maybe: string | null | undefined; both?: number | null }
export interface Tree { value: number; children: Tree[]; parent?: Tree }
export type Event = { kind: 'made'; at: Date } | { kind: 'moved'; to: Point; by?: string } | { kind: 'gone' }
export enum Color { Red = 'red', Blue = 'blue' }
export enum Level { Low, High = 5 }
export interface Page<T> { items: T[]; next: string | null }
export type Wide = Point & { z: bigint }
`
  const cases: Readonly<Record<string, readonly [type: string, values: readonly unknown[]]>> = {
    text: ['string', ['', 'ü😀', '\ud800']],
    amount: ['number', [0, -0, NaN, -Infinity, 1e300, 0.1]],
    flag: ['boolean', [true, false]],
    big: ['bigint', [0n, -(2n ** 100n)]],
    date: ['Date', [new Date(0), new Date(1e12)]],
    bytes: ['Uint8Array', [new Uint8Array([1, 2, 255])]],
    list: ['readonly string[]', [[], ['a', 'b']]],
    nested: ['number[][]', [[[1], [], [2, 3]]]],
    tuple: ['[string, number, boolean]', [['a', 1, true]]],
    looseTuple: ['[string, number?]', [['a'], ['a', 2]]],
    map: ['Map<string, Date>', [new Map([['a', new Date(5)]]), new Map()]],
    set: ['ReadonlySet<number>', [new Set([1, 2])]],
    record: ['Record<string, number[]>', [{}, { a: [1], 'x-y': [] }]],
    point: ['Point', [{ x: 1, y: -2.5 }]],
    named: [
      'Named',
      [
        { x: 1, y: 2, name: 'n', maybe: null },
        { x: 1, y: 2, name: 'n', maybe: undefined, note: 's', both: null },
        { x: 0, y: 0, name: '', maybe: 'm', both: 7 },
      ],
    ],
    tree: ['Tree', [{ value: 1, children: [{ value: 2, children: [], parent: { value: 3, children: [] } }] }]],
    event: [
      'Event',
      [
        { kind: 'made', at: new Date(7) },
        { kind: 'moved', to: { x: 1, y: 2 }, by: 'me' },
        { kind: 'moved', to: { x: 1, y: 2 } },
        { kind: 'gone' },
      ],
    ],
    color: ['Color', ['red', 'blue']],
    level: ['Level', [0, 5]],
    page: [
      'Page<Point>',
      [
        { items: [{ x: 1, y: 1 }], next: null },
        { items: [], next: 'n' },
      ],
    ],
    pageOfText: ['Page<string>', [{ items: ['a'], next: null }]],
    wide: ['Wide', [{ x: 1, y: 2, z: 3n }]],
    literal: [`'a' | 'b' | 3 | false`, ['a', 'b', 3, false]],
    mixed: [`string | number | Date | string[] | Point | null`, ['a', 1, new Date(3), ['x'], { x: 1, y: 2 }, null]],
    partial: ['Partial<Point>', [{}, { x: 1 }, { x: 1, y: 2 }]],
    picked: [`Pick<Named, 'name' | 'note'>`, [{ name: 'a' }, { name: 'a', note: 'b' }]],
    template: ['`id-${number}`', ['id-5']],
    empty: ['{}', [{}]],
  }
  let weaver: WeaverGen
  let made: Fixture

  beforeAll(async () => {
    made = echoPackage(Object.fromEntries(Object.entries(cases).map(([name, [type]]) => [name, type])), declarations)
    const result = await generate({ projectDir: made.folder })
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
    weaver = ((await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }).weaver
  }, 60_000)

  it('and the generated file compiles under the strictest settings', () => {
    expect(made.typeErrors()).toEqual([])
  }, 60_000)

  it.each(Object.entries(cases))('%s', (name, [, values]) => {
    const [binding] = weaver.components()
    const method = binding?.methods.find((found) => found.name === name)
    if (method === undefined) throw new Error(`no method ${name}`)
    for (const value of values) {
      const w = new Writer()
      method.encodeArgs(w, [value])
      const args = new Reader(w.finish())
      // toStrictEqual tells an absent property from an undefined one.
      expect(method.decodeArgs(args)).toStrictEqual([value])
      expect(args.left).toBe(0)
      method.encodeResult(w, value)
      const result = new Reader(w.finish())
      expect(method.decodeResult(result)).toStrictEqual(value)
      expect(result.left).toBe(0)
    }
  })

  it('a value outside its union is refused where it is written', () => {
    const method = weaver.components()[0]?.methods.find((found) => found.name === 'color')
    expect(() => method?.encodeArgs(new Writer(), ['green'])).toThrow('"green" is none of "blue", "red"')
  })
})

describe('what cannot be sent is refused, with the place and the way to it', () => {
  const inMethod = (type: string, declarations = ''): Readonly<Record<string, string>> => ({
    'bad.ts': `${IMPORTS}${declarations}\nexport interface Bad { m(value: ${type}): Promise<void> }\nexport const Bad = component<Bad>('test/Bad')\nclass BadImpl implements Bad { async m() {} }\nexport const badImpl = implement(Bad, BadImpl)\n`,
  })
  const good = `export interface Good { m(): Promise<void> }\nexport const Good = component<Good>('test/Good')\nclass GoodImpl implements Good { async m() {} }\nexport const goodImpl = implement(Good, GoodImpl)\n`
  const withMethod = (method: string): Readonly<Record<string, string>> => ({
    'bad.ts': `${IMPORTS}export interface Bad { ${method} }\nexport const Bad = component<Bad>('test/Bad')\nclass BadImpl { }\nexport const badImpl = implement(Bad, BadImpl)\n`,
  })
  const cases: readonly (readonly [
    code: keyof typeof CATALOGUE,
    title: string,
    files: Readonly<Record<string, string>>,
    message: RegExp,
  ])[] = [
    [
      'WVG001',
      'a component that is not exported',
      { 'a.ts': `${IMPORTS}interface A { m(): Promise<void> }\nconst A = component<A>('a')\nvoid A` },
      /exported top-level const/,
    ],
    [
      'WVG002',
      'a computed name',
      { 'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport const A = component<A>('a' + 'b')` },
      /not a string literal/,
    ],
    ['WVG003', 'no type argument', { 'a.ts': `${IMPORTS}export const A = component('a')` }, /does not name its interface/],
    ['WVG004', 'one name twice', { 'a.ts': IMPORTS + good, 'b.ts': `${IMPORTS}${good}` }, /declared already at src\/a\.ts:\d+/],
    [
      'WVG005',
      'no implementation',
      { 'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport const A = component<A>('a')` },
      /no implementation/,
    ],
    ['WVG006', 'two implementations', { 'a.ts': `${IMPORTS}${good}export const again = implement(Good, GoodImpl)` }, /implemented twice/],
    [
      'WVG007',
      'an implementation that is not exported',
      { 'a.ts': `${IMPORTS}${good.replace('export const goodImpl', 'const goodImpl')}void goodImpl` },
      /exported top-level const/,
    ],
    [
      'WVG008',
      'a ref to something else',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly x = ref({} as never); async m() {}')}` },
      /not given a component/,
    ],
    [
      'WVG009',
      'a ref in a function',
      { 'a.ts': `${IMPORTS}${good}export const make = () => ref(Good)` },
      /not the initialiser of a class field/,
    ],
    [
      'WVG010',
      'a ref in a class that nobody gives',
      { 'a.ts': `${IMPORTS}${good}export class Other { readonly good = ref(Good) }` },
      /neither to implement\(\) nor to run\(\)/,
    ],
    [
      'WVG011',
      'a computed listener',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly x = listener(String(1)); async m() {}')}` },
      /not a string literal/,
    ],
    [
      'WVG012',
      'one listener twice',
      { 'a.ts': `${IMPORTS}${good.replace('async m() {}', `readonly x = listener('lis'); readonly y = listener('lis'); async m() {}`)}` },
      /declared by "test\/Good" and by "test\/Good"/,
    ],
    [
      'WVG013',
      'a circle',
      {
        'a.ts': `${IMPORTS}export interface A { m(): Promise<void> }\nexport interface B { m(): Promise<void> }\nexport const A = component<A>('a')\nexport const B = component<B>('b')\nclass AImpl implements A { readonly b = ref(B); async m() {} }\nclass BImpl implements B { readonly a = ref(A); async m() {} }\nexport const aImpl = implement(A, AImpl)\nexport const bImpl = implement(B, BImpl)`,
      },
      /a → b → a/,
    ],
    [
      'WVG014',
      'an option for a method that is not there',
      { 'a.ts': `${IMPORTS}${good.replace(`('test/Good')`, `('test/Good', { notRetriable: ['n'] })`)}` },
      /names "n"/,
    ],
    [
      'WVG015',
      'options from elsewhere',
      { 'a.ts': `${IMPORTS}const options = {}\n${good.replace(`('test/Good')`, `('test/Good', options)`)}` },
      /not an object literal/,
    ],
    [
      'WVG016',
      'two configs',
      {
        'a.ts': `${IMPORTS}${good.replace('async m() {}', 'readonly a = config({ parse: String }); readonly b = config({ parse: String }); async m() {}')}`,
      },
      /second config/,
    ],
    ['WVG020', 'a property', withMethod('readonly size: number'), /test\/Bad\.size is not a method/],
    ['WVG021', 'a synchronous method', withMethod('m(): string'), /returns string/],
    ['WVG022', 'an overload', withMethod('m(a: string): Promise<void>; m(a: number): Promise<void>'), /2 forms/],
    ['WVG023', 'a generic method', withMethod('m<T>(a: T): Promise<T>'), /type parameters/],
    ['WVG024', 'a rest parameter', withMethod('m(...a: string[]): Promise<void>'), /\.\.\.a/],
    ['WVG025', 'a stream', withMethod('m(): AsyncIterable<string>'), /AsyncIterable/],
    [
      'WVG030',
      'a function deep inside',
      inMethod('Order', 'export interface Order { items: { price: () => number }[] }'),
      /m\(value\)\.items\[\]\.price is a function/,
    ],
    ['WVG030', 'a library class', inMethod('RegExp'), /is a RegExp/],
    ['WVG031', 'any', inMethod('{ a: any }'), /m\(value\)\.a is any/],
    ['WVG031', 'unknown', inMethod('unknown'), /is unknown/],
    [
      'WVG032',
      'a class instance',
      inMethod('Money', 'export class Money { constructor(readonly cents: number) {} }'),
      /instance of class Money/,
    ],
    ['WVG033', 'objects that look alike', inMethod('{ a: string } | { b: string }'), /no common literal property/],
    ['WVG034', 'named properties beside free keys', inMethod('{ a: string; [key: string]: string }'), /index signature/],
    ['WVG041', 'an empty package', { 'a.ts': 'export {}' }, /nothing to generate/],
    [
      'WVG042',
      'two mains',
      {
        'a.ts': `${IMPORTS}import { weaver } from './weaver.gen.js'\nclass App implements Main { main() {} }\nawait run(App, weaver)\nawait run(App, weaver)`,
      },
      /second time/,
    ],
  ]

  it.each(cases)(
    '%s %s',
    async (code, _, files, message) => {
      const made = fixture(files)
      const { status, diagnostics } = await generate({ projectDir: made.folder })
      expect(status).toBe('failed')
      const found = diagnostics.find((diagnostic) => diagnostic.code === code)
      expect(found === undefined ? diagnostics.map(formatDiagnostic) : found.message).toEqual(expect.stringMatching(message))
      if (code !== 'WVG041' && code !== 'WVG012')
        expect(found).toMatchObject({ file: expect.stringMatching(/^src\//), line: expect.any(Number), column: expect.any(Number) })
    },
    30_000,
  )

  it('WVG040 a folder without tsconfig.json', async () => {
    expect((await generate({ projectDir: '/nowhere' })).diagnostics[0]).toMatchObject({ code: 'WVG040' })
  })

  it('every code has a case here', () => {
    const shown = new Set<string>([...cases.map(([code]) => code), 'WVG040'])
    expect(Object.keys(CATALOGUE).filter((code) => !shown.has(code))).toEqual([])
  })
})

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
    expect(await generate({ projectDir: made.folder, check: true })).toMatchObject({ status: 'stale' })
    expect(await generate({ projectDir: made.folder })).toMatchObject({ status: 'written', diagnostics: [] })
    expect(made.typeErrors()).toEqual([])
    const graph = JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
    expect(graph.components).toEqual([
      {
        name: 'shop/Cart',
        source: 'src/cart.ts',
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
    expect(await generate({ projectDir: made.folder })).toMatchObject({ status: 'unchanged', hasCompiled: false })
    expect(await generate({ projectDir: made.folder, check: true })).toMatchObject({ status: 'unchanged' })
    made.write('src/cart.ts', source.replace('count?: number', 'count?: string'))
    expect(await generate({ projectDir: made.folder, check: true })).toMatchObject({ status: 'stale' })
    await generate({ projectDir: made.folder })
    const after = JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph
    expect(after.fingerprint).not.toBe(graph.fingerprint)
  }, 60_000)

  it('a file that was generated before a method was added does not compile', async () => {
    const made = fixture({ 'cart.ts': source })
    await generate({ projectDir: made.folder })
    made.write(
      'src/cart.ts',
      source
        .replace('Promise<number> }', 'Promise<number>; clear(): Promise<void> }')
        .replace('async add()', 'async clear() {} async add()'),
    )
    expect(made.typeErrors().join()).toMatch(/weaver\.gen\.ts.*clear/)
  }, 60_000)

  it('a nested type changes the fingerprint, its name does not', async () => {
    const withType = (name: string, field: string) =>
      `${IMPORTS}interface ${name} { deep: { ${field}: string }[] }\nexport interface A { m(a: ${name}): Promise<void> }\nexport const A = component<A>('a')\nclass AImpl implements A { async m() {} }\nexport const aImpl = implement(A, AImpl)\n`
    const prints = await Promise.all(
      [withType('One', 'x'), withType('Two', 'x'), withType('One', 'y')].map(async (text) => {
        const made = fixture({ 'a.ts': text })
        await generate({ projectDir: made.folder })
        return (JSON.parse(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')) as ComponentGraph).fingerprint
      }),
    )
    expect(prints[0]).toBe(prints[1])
    expect(prints[0]).not.toBe(prints[2])
  }, 60_000)
})
