import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import ts from 'typescript-api'
import { Reader, Writer, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { RESERVED } from './name-scope.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()

/** Everything that a generated file may import or use. */
const EVERYTHING = `${IMPORTS}
export type Tagged = { kind: 'a'; at: Date } | { kind: 'b'; map: Map<string, Set<bigint>> } | string[]
export interface Point { x: number; y?: string; deep: Record<string, Point | null> }
export class Money { constructor(readonly cents: bigint) {} }
export const moneyCodec = codec<Money, { cents: bigint }>(Money, { toPlain: ({ cents }) => ({ cents }), fromPlain: ({ cents }) => new Money(cents) })
export class Lost extends Error {}
export interface All {
  one(a: Tagged, b: Point, c: 'x' | 'y' | 1): Promise<Money>
  two(...rest: (Uint8Array | Buffer | Date | Map<string, string> | Set<string> | Int8Array | Money | { plain: true })[]): Promise<[string, number?]>
  three(items: AsyncIterable<string>): AsyncIterable<[string, ...number[], string]>
}
export const All = component<All>('test/All')
class AllImpl {
  async one(): Promise<Money> { return new Money(1n) }
  async two(): Promise<[string]> { return [''] }
  async *three(): AsyncGenerator<[string, string]> { yield ['', ''] }
}
export const allImpl = implement(All, AllImpl)
interface Unnamed { m(): Promise<void> }
export const Other = component<Unnamed>('test/Other')
export const otherImpl = implement(Other, class { async m() {} })
`

async function generated(files: Readonly<Record<string, string>>): Promise<{ readonly made: Fixture; readonly weaver: WeaverGen }> {
  const made = fixture(files)
  const result = await generate({ projectDir: made.folder })
  expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
  expect(made.typeErrors()).toEqual([])
  const { weaver } = (await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { readonly weaver: WeaverGen }
  return { made, weaver }
}

/** Names that stand for themselves in a file: not those of members. */
function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      const { parent } = node
      const isMember =
        (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
        ((ts.isPropertyAssignment(parent) || ts.isTypeElement(parent)) && parent.name === node) ||
        (ts.isImportSpecifier(parent) && parent.propertyName === node)
      if (!isMember) names.add(node.text)
    }
    ts.forEachChild(node, visit)
  }
  const source = ts.createSourceFile('weaver.gen.ts', text, ts.ScriptTarget.Latest, true)
  for (const statement of source.statements)
    if (!ts.isImportDeclaration(statement) || !(statement.moduleSpecifier as ts.StringLiteral).text.startsWith('.')) visit(statement)
  return names
}

it('every name that a generated file imports or uses is reserved', async () => {
  const { made } = await generated({ 'all.ts': EVERYTHING })
  const own =
    /^(write|read|LIST_OF_)?(All|Other|Tagged|Point|Money|Lost|Literal|Value|Union|Tuple|[A-Z]\w*(Array|Set|Map|Record|Maybe|Methods|Interface)|Maybe\w+|[a-z]\w*Impl|moneyCodec)\w*$/
  const named = new Set([...'a b c rest'.split(' '), 'has0', 'const'])
  expect([...namesIn(made.generated())].filter((name) => !RESERVED.includes(name) && !own.test(name) && !named.has(name))).toEqual([])
})

/** Names that the parser takes and a module refuses. */
const ONLY_LOOSE = 'undefined arguments eval await yield let static implements interface package private protected public'.split(' ')

describe('any of these names may be a token, an error class, a codec, a type and a parameter', () => {
  const free = RESERVED.filter((name) => {
    const made = ts.transpileModule(`export const ${name} = 1; export class C { m(${name}: string) {} }`, { reportDiagnostics: true })
    return (made.diagnostics ?? []).length === 0 && !ONLY_LOOSE.includes(name)
  })
  const types = free.filter((name) => !/^(any|unknown|never|string|number|boolean|bigint|symbol|object|undefined|globalThis)$/.test(name))
  let weaver: WeaverGen

  beforeAll(async () => {
    const sdk = `import * as sdk from '@weaver/sdk'\n`
    const impl = (name: string, i: number): string =>
      `interface I${i} { m(${name}: string, count: number): Promise<string> }\nconst token${i} = sdk.component<I${i}>('t/n${i}')\nexport { token${i} as ${name} }\nexport const impl${i} = sdk.implement(token${i}, class { async m(text: string, count: number) { return text + count } })\n`
    ;({ weaver } = await generated({
      'tokens.ts': sdk + free.map(impl).join(''),
      'errors.ts': types
        .filter((name) => name !== 'Error')
        .map((name, i) => `class E${i} extends Error { readonly is = '${name}' }\nexport { E${i} as ${name} }\n`)
        .join(''),
      'codecs.ts': `${sdk}${free.map((name, i) => `export class C${i} { constructor(readonly own${i}: string) {} }\nconst codec${i} = sdk.codec<C${i}, { text: string }>(C${i}, { toPlain: (of) => ({ text: of.own${i} }), fromPlain: (plain) => new C${i}(plain.text) })\nexport { codec${i} as ${name} }\n`).join('')}`,
      'types.ts': types.map((name, i) => `interface D${i} { t${i}: string }\nexport type { D${i} as ${name} }\n`).join(''),
      'named.ts': types
        .map((name, i) => `export namespace N${i} { export interface ${name} { field${i}: string; more: readonly ${name}[] } }\n`)
        .join(''),
      'all.ts': `${sdk}import './errors.js'
import type * as classes from './codecs.js'
import type * as named from './named.js'
import type * as types from './types.js'
export interface All {
${free.map((_, i) => `  c${i}(value: classes.C${i}): Promise<classes.C${i}>`).join('\n')}
${types.map((name, i) => `  n${i}(value: named.N${i}.${name}): Promise<void>\n  t${i}(value: types.${name} | null): Promise<void>`).join('\n')}
}
export const All = sdk.component<All>('t/All')
const Base = class {} as unknown as new () => All
export const allImpl = sdk.implement(All, class extends Base {})
`,
    }))
  })

  it('and what was sent arrives', () => {
    const methods = weaver.components().find(({ token }) => token.name === 't/All')?.methods ?? []
    for (const [i] of types.entries()) {
      const method = methods.find(({ name }) => name === `n${i}`)
      const value = { [`field${i}`]: 'x', more: [{ [`field${i}`]: 'y', more: [] }] }
      const w = new Writer()
      method?.encodeArgs(w, [value])
      expect(method?.decodeArgs(new Reader(w.finish()))).toEqual([value])
    }
    expect(weaver.components()).toHaveLength(free.length + 1)
    expect(weaver.errors?.map((made) => new (made as new () => Error & { readonly is: string })().is).sort()).toEqual(
      types.filter((name) => name !== 'Error').sort(),
    )
  })
})

it('parameters of one method keep names of their own', async () => {
  const { weaver } = await generated({
    'p.ts': `${IMPORTS}export interface P { m({ a }: { a: string }, arg0: number, calls: string, calls_: string): Promise<void> }
export const P = component<P>('test/P')
export const pImpl = implement(P, class { async m() {} })
`,
  })
  const sent: unknown[] = []
  const stub = weaver.components()[0]?.stub({ call: async (_, args) => sent.push(args), stream: () => (async function* () {})() }) as {
    m(...args: readonly unknown[]): void
  }
  stub.m({ a: 'x' }, 1, 'y', 'z')
  expect(sent).toEqual([[{ a: 'x' }, 1, 'y', 'z']])
})
