/**
 * A generated file that is older than a type does not compile; what makes no difference to what is
 * sent needs no new one.
 */
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()

/** One component for each type that is sent: the compiler tells of each. */
function packageOf(declarations: string, names: readonly string[]): string {
  const components = names.map(
    (name) => `
export interface Of${name} { m(value: ${name}): Promise<void> }
export const Of${name} = component<Of${name}>('test/Of${name}')
class Of${name}Impl implements Of${name} { async m(value: ${name}): Promise<void> { void value } }
export const of${name}Impl = implement(Of${name}, Of${name}Impl)
`,
  )
  return `${IMPORTS}${declarations}\n${components.join('')}`
}

const BEFORE = {
  Order: `export interface Order { id: string; lines: Line[] }\nexport interface Line { readonly item: Item; count: number }\nexport interface Item { sizes: Map<string, Size> }\nexport interface Size { parts: Part[][] }\nexport interface Part { name: string }`,
  Tree: `export interface Tree { value: number; children: Tree[] }`,
  Page: `export interface Box<T> { items: T[] }\nexport interface Page { users: Box<{ name: string }>; names: Box<string> }`,
  Color: `export enum Color { Red = 'red', Blue = 'blue' }`,
  Level: `export const enum Level { Low, High = 5 }`,
  Event: `export type Event = { kind: 'made'; at: Date } | { kind: 'gone' }`,
  Pair: `export type Pair = [a: string, b?: number]`,
  Open: `export type Open = [string, ...number[], Date]`,
  Expr: `export type Expr = [op: string, ...args: (Expr | string)[]]`,
  Id: `export type Id = \`id-\${string}\``,
  Branded: `export type Branded = string & { readonly brand: unique symbol }`,
  Money: `export class Money { #cents = 1n; get cents() { return this.#cents } }\nexport const moneyCodec = codec<Money, { cents: bigint }>(Money, { toPlain: ({ cents }) => ({ cents }), fromPlain: () => new Money() })`,
  Wallet: `export class Coin { constructor(readonly worth: number) {} }\nexport const coinCodec = codec<Coin, number>(Coin, { toPlain: ({ worth }) => worth, fromPlain: (worth) => new Coin(worth) })\nexport interface Wallet { coins: ReadonlySet<Coin>; alike: Alike }\nexport interface Alike { readonly worth: number }`,
  Json: `export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }`,
  Maybe: `export interface Maybe { a?: string; b: string | undefined; c: string | null }`,
  Bytes: `export interface Bytes { all: Uint8Array; other: Float32Array }`,
}
type Name = keyof typeof BEFORE
const NAMES = Object.keys(BEFORE) as Name[] // of the literal above

/** What replaces what, in the declaration of that name. */
const CHANGES: readonly (readonly [Name, string, string])[] = [
  ['Order', 'count: number', 'count: number; note?: string'],
  ['Order', 'id: string; ', ''],
  ['Order', 'Part { name: string', 'Part { name: string; weight?: number'], // six types within each other
  ['Order', 'Part { name: string', 'Part { name: number'],
  ['Order', 'Map<string, Size>', 'Map<number, Size>'],
  ['Order', 'Part[][]', 'Part[]'],
  ['Tree', 'value: number', 'value: number; name?: string'],
  ['Tree', 'children: Tree[]', 'children: { value: number; children: Tree[]; more?: 1 }[]'],
  ['Page', '{ name: string }', '{ name: string; age?: number }'],
  ['Page', 'items: T[]', 'items: T[]; next?: string'],
  ['Color', `Blue = 'blue'`, `Blue = 'green'`],
  ['Color', `Blue = 'blue'`, `Blue = 'blue', Green = 'green'`],
  ['Level', 'High = 5', 'High = 6'],
  ['Event', `{ kind: 'gone' }`, `{ kind: 'gone'; why?: string }`],
  ['Event', `{ kind: 'gone' }`, `{ kind: 'gone' } | { kind: 'paid' }`],
  ['Event', `{ kind: 'made'; at: Date } | `, ''],
  ['Pair', 'b?: number', 'b: number'],
  ['Pair', 'b?: number', 'b?: number, c?: number'],
  ['Open', 'Date', 'Date, string'],
  ['Open', '...number[], Date', '...(number | Date)[]'],
  ['Open', 'number', 'bigint'],
  ['Expr', '(Expr | string)', '(Expr | number)'],
  ['Id', `\`id-\${string}\``, 'number'],
  ['Id', `\`id-\${string}\``, `'id-1' | 'id-2'`],
  ['Branded', 'string &', 'number &'],
  ['Money', '{ cents: bigint }', '{ cents: bigint; currency?: string }'],
  ['Wallet', 'codec<Coin, number>', 'codec<Coin, string>'],
  ['Wallet', 'ReadonlySet<Coin>', 'ReadonlySet<{ worth: string }>'],
  ['Json', '| number', ''],
  ['Json', '| boolean', '| boolean | bigint'],
  ['Maybe', 'a?: string', 'a: string'],
  ['Maybe', 'b: string | undefined', 'b: string'],
  ['Maybe', 'c: string | null', 'c: string | null | undefined'],
  ['Bytes', 'Float32Array', 'Float64Array'],
  ['Bytes', 'all: Uint8Array', 'all: Uint8ClampedArray'],
  ['Bytes', 'all: Uint8Array', 'all: Buffer'], // what arrives is a Buffer
  ['Bytes', 'all: Uint8Array', 'all: any'],
]

/** What is sent as before. */
const SAME: readonly (readonly [Name, string, string])[] = [
  ['Order', 'id: string', 'readonly id: string'],
  ['Order', 'readonly item', 'item'],
  ['Order', 'lines: Line[]', 'lines: readonly Line[]'],
  ['Order', 'Map<string, Size>', 'ReadonlyMap<string, Size>'],
  ['Order', 'Part { name: string }', 'Part extends Named {}\nexport interface Named { name: string }'],
  ['Color', `Color { Red = 'red', Blue = 'blue' }`, `Colors { Blue = 'blue', Red = 'red' }\nexport type Color = 'red' | Colors.Blue`],
  ['Pair', 'b?', 'second?'],
  ['Pair', 'b?: number', 'b?: number | undefined'],
  ['Id', `\`id-\${string}\``, 'string'],
  ['Branded', 'string & { readonly brand: unique symbol }', 'string'],
  ['Maybe', 'b: string | undefined', 'b: undefined | string'],
  ['Maybe', 'a?: string', 'a?: string | undefined'],
  ['Tree', 'children: Tree[]', 'children: { value: number; children: Tree[] }[]'],
]

function changed([name, from, to]: readonly [Name, string, string]): string {
  const text = BEFORE[name].replace(from, to)
  expect(text).not.toBe(BEFORE[name])
  return packageOf(NAMES.map((other) => (other === name ? text : BEFORE[other])).join('\n'), NAMES)
}

describe('a type has changed since generation', () => {
  let made: Fixture
  beforeAll(async () => {
    made = fixture({ 'types.ts': packageOf(NAMES.map((name) => BEFORE[name]).join('\n'), NAMES) })
    const { diagnostics } = await generate({ projectDir: made.folder })
    expect(diagnostics.map(formatDiagnostic)).toEqual([])
  })

  it('the file compiles as long as nothing has', () => {
    expect(made.typeErrors()).toEqual([])
  })

  it.each(CHANGES)('%s: %s becomes %s', (...change) => {
    made.write('src/types.ts', changed(change))
    expect(made.typeErrors()).toContainEqual(expect.stringMatching(/^\/src\/weaver\.gen\.ts: .*"stale: .* run \\"weaver generate\\""/))
  })

  it.each(SAME)('what is sent is the same: %s: %s becomes %s', (...change) => {
    made.write('src/types.ts', changed(change))
    expect(made.typeErrors()).toEqual([])
  })

  it('the compiler names the method', async () => {
    const text = (
      more: string,
    ): string => `${IMPORTS}export interface Cart { add(item: string): Promise<void>; clear(): Promise<{ count: number${more} }> }
export const Cart = component<Cart>('test/Cart')
class CartImpl implements Cart { async add() {} async clear() { return { count: 1 } } }
export const cartImpl = implement(Cart, CartImpl)\n`
    const cart = fixture({ 'cart.ts': text('') })
    await generate({ projectDir: cart.folder })
    cart.write('src/cart.ts', text('; sum?: number'))
    expect(cart.typeErrors()).toEqual([
      `/src/weaver.gen.ts: CartMethods>({: Type 'CartMethods' does not satisfy the constraint 'Fresh<Cart, CartMethods>'.   Types of property 'clear' are incompatible.     Type '() => Value' is not assignable to type '"stale: a type has changed since; run \\"weaver generate\\""'.`,
    ])
  })
})
