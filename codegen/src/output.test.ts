/**
 * What holds for every package, whatever its types: settings of the compiler, where parts stand,
 * and that one input gives one text.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Reader, Writer, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { fixtures, IMPORTS } from './testing/fixture.js'

const fixture = fixtures()
const parsed = new ParsedFiles()

const THREE = {
  'interfaces.ts': `export interface Line { readonly item: string; readonly count?: number; readonly note: string | null }\nexport interface Cart { add(line: Line): Promise<Line> }\n`,
  'tokens.ts': `import { component } from '@weaver/sdk'\nimport type { Cart } from './interfaces.js'\nexport const CartToken = component<Cart>('shop/Cart')\n`,
  'cart.ts': `import { implement } from '@weaver/sdk'\nimport type { Cart, Line } from './interfaces.js'\nimport { CartToken } from './tokens.js'\nclass CartImpl implements Cart { async add(line: Line) { return line } }\nexport const cartImpl = implement(CartToken, CartImpl)\n`,
  'app.ts': `import { ref, type Main } from '@weaver/sdk'\nimport { CartToken } from './tokens.js'\nexport class App implements Main { readonly cart = ref(CartToken); main() {} }\n`,
  'main.ts': `import { run } from '@weaver/sdk'\nimport { App } from './app.js'\nimport { weaver } from './weaver.gen.js'\nawait run(App, weaver)\n`,
}

it('interface, token and implementation may stand in three modules; who refers to the token loads no implementation', async () => {
  const made = fixture(THREE)
  const result = await generate({ projectDir: made.folder, parsed })
  expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
  expect(made.typeErrors()).toEqual([])
  expect(made.generated()).toContain(`import { cartImpl } from './cart.js'\nimport { CartToken } from './tokens.js'\n`)
  const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }
  expect(weaver.components().map(({ token, implementation }) => [token.name, implementation.component.name])).toEqual([
    ['shop/Cart', 'shop/Cart'],
  ])
  expect(readFileSync(join(made.folder, 'src/app.ts'), 'utf8')).not.toContain('cart.js')
})

it('is accepted by every strict setting there is', async () => {
  const made = fixture({
    'a.ts': `${IMPORTS}export interface A { m(a: Record<string, { n?: number; kind: 'x' } | { kind: 'y' }>, ...rest: [string, number?][]): Promise<Map<string, Date | null>>; s(a: AsyncIterable<bigint>): AsyncIterable<string> }
export const A = component<A>('a/A')
class AImpl implements A { async m() { return new Map() } async *s() { yield '' } }
export const aImpl = implement(A, AImpl)\n`,
  })
  expect((await generate({ projectDir: made.folder, parsed })).status).toBe('written')
  expect(
    made.typeErrors({
      isolatedDeclarations: true,
      declaration: true,
      isolatedModules: true,
      noPropertyAccessFromIndexSignature: true,
      noUncheckedSideEffectImports: true,
      allowUnreachableCode: false,
      allowUnusedLabels: false,
      erasableSyntaxOnly: true,
      alwaysStrict: true,
      forceConsistentCasingInFileNames: true,
    }),
  ).toEqual([])
})

describe('absent, undefined and null stay apart', () => {
  const value = `{ a?: string; b?: string | undefined; c: string | undefined; d?: string | null; e: null }`
  const source = `${IMPORTS}export interface A { m(value: ${value}): Promise<void> }\nexport const A = component<A>('a/A')\nclass AImpl implements A { async m() {} }\nexport const aImpl = implement(A, AImpl)\n`
  it.each([true, false])('with exactOptionalPropertyTypes %s', async (exactOptionalPropertyTypes) => {
    const made = fixture({ 'a.ts': source })
    const tsconfig = JSON.parse(readFileSync(join(made.folder, 'tsconfig.json'), 'utf8')) as { compilerOptions: object }
    made.write(
      'tsconfig.json',
      JSON.stringify({ ...tsconfig, compilerOptions: { ...tsconfig.compilerOptions, exactOptionalPropertyTypes } }),
    )
    expect((await generate({ projectDir: made.folder, parsed })).diagnostics).toEqual([])
    expect(made.typeErrors({ exactOptionalPropertyTypes })).toEqual([])
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }
    const method = weaver.components()[0]?.methods[0]
    for (const sent of [
      { c: undefined, e: null },
      { a: 'x', b: undefined, c: 'y', d: null, e: null },
      { b: '', c: '', d: '', e: null },
    ]) {
      const writer = new Writer()
      method?.encodeArgs(writer, [sent])
      expect(method?.decodeArgs(new Reader(writer.finish()))).toStrictEqual([sent])
    }
  })
})

it('one input gives one text: elsewhere, in another order of files, in a process that has seen other packages', async () => {
  const made = fixture({
    ...THREE,
    'more.ts': `${IMPORTS}import type { Line } from './interfaces.js'\nexport type Any = 'c' | Line | Date | 'a' | null | 7 | string[] | 'b'\nexport interface More { all(a: Any): Promise<Any> }\nexport const More = component<More>('shop/More')\nclass MoreImpl implements More { async all(a: Any) { return a } }\nexport const moreImpl = implement(More, MoreImpl)\n`,
    'errors.ts': 'export class Late extends Error {}\n',
  })
  expect((await generate({ projectDir: made.folder, parsed })).diagnostics).toEqual([])
  const texts = (folder: string) => ['src/weaver.gen.ts', 'weaver.graph.json'].map((file) => readFileSync(join(folder, file), 'utf8'))
  const first = texts(made.folder)
  const names = ['interfaces', 'tokens', 'cart', 'app', 'main', 'more', 'errors']
  for (const order of [names, names.toReversed()]) {
    const other = fixture({})
    cpSync(join(made.folder, 'src'), join(other.folder, 'src'), { recursive: true })
    rmSync(join(other.folder, 'src/weaver.gen.ts'))
    const { include: _, ...tsconfig } = JSON.parse(readFileSync(join(other.folder, 'tsconfig.json'), 'utf8')) as { include: unknown }
    writeFileSync(join(other.folder, 'tsconfig.json'), JSON.stringify({ ...tsconfig, files: order.map((name) => `src/${name}.ts`) }))
    expect((await generate({ projectDir: other.folder })).status).toBe('written')
    expect(texts(other.folder)).toEqual(first)
  }
})

describe('packages of other kinds', () => {
  const source = `${IMPORTS}export interface A { m(): Promise<void> }\nexport const A = component<A>('a/A')\nclass AImpl implements A { async m() {} }\nexport const aImpl = implement(A, AImpl)\n`
  it('a component in a .tsx, in .mts, in a package of CommonJS', async () => {
    const tsx = fixture({ 'a.tsx': source, 'b.mts': source.replaceAll(/\bA\b/g, 'B').replaceAll('aImpl', 'bImpl').replace('a/A', 'a/B').replaceAll('AImpl', 'BImpl').replace(`'a/B'`, `'b/B'`) }) // prettier-ignore
    expect((await generate({ projectDir: tsx.folder, parsed })).diagnostics.map(formatDiagnostic)).toEqual([])
    expect(tsx.generated()).toContain(`from './a.js'`)
    expect(tsx.generated()).toContain(`from './b.mjs'`)
    const common = fixture({ 'a.ts': source })
    common.write('package.json', JSON.stringify({ name: 'common' }))
    expect((await generate({ projectDir: common.folder, parsed })).status).toBe('written')
  })

  it('what is wrong before any rule is told in place, all of it', async () => {
    const broken = fixture({ 'a.ts': source.replace('m(): Promise', 'm( : Promise'), 'b.ts': 'export const x = {{' })
    const { diagnostics } = await generate({ projectDir: broken.folder, parsed })
    expect(diagnostics.map(({ code, file }) => `${code} ${file ?? ''}`)).toEqual(
      expect.arrayContaining(['WVG050 src/a.ts', 'WVG050 src/b.ts']),
    )
    expect(diagnostics.every(({ code, line, column }) => code === 'WVG050' && line !== undefined && column !== undefined)).toBe(true)

    const settings = fixture({ 'a.ts': source })
    settings.write('tsconfig.json', '{ "compilerOptions": { "strict": "yes", "noSuchOption": 1 } }')
    expect((await generate({ projectDir: settings.folder, parsed })).diagnostics).toEqual([
      expect.objectContaining({ code: 'WVG040', file: 'tsconfig.json', line: 1, message: expect.stringContaining(`'strict' requires`) }),
      expect.objectContaining({ code: 'WVG040', file: 'tsconfig.json', line: 1, message: expect.stringContaining('noSuchOption') }),
    ])
    settings.write('tsconfig.json', '{ "compilerOptions": { "module": "NodeNext" }, "include": ["src"] }')
    expect((await generate({ projectDir: settings.folder, parsed })).diagnostics).toMatchObject([{ code: 'WVG051', file: 'tsconfig.json' }])
  })

  it('a package that the SDK is not installed for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weaver-no-sdk-'))
    try {
      cpSync(join(fixture({ 'a.ts': source }).folder), folder, { recursive: true })
      expect((await generate({ projectDir: folder })).diagnostics).toMatchObject([{ code: 'WVG052', file: 'src/a.ts', line: 1 }])
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('modules that import each other in a circle are no circle of components', async () => {
    const made = fixture({
      'a.ts': `${IMPORTS}import { B } from './b.js'\nexport interface A { m(): Promise<void> }\nexport const A = component<A>('a/A')\nclass AImpl implements A { readonly b = ref(B); async m() {} }\nexport const aImpl = implement(A, AImpl)\n`,
      'b.ts': `${IMPORTS}import { A } from './a.js'\nexport interface B { m(): Promise<void> }\nexport const B = component<B>('b/B')\nclass BImpl implements B { readonly a = lazyRef(A); async m() {} }\nexport const bImpl = implement(B, BImpl)\n`,
    })
    expect((await generate({ projectDir: made.folder, parsed })).diagnostics).toEqual([])
    const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }
    expect(weaver.components()).toHaveLength(2)
  })
})
