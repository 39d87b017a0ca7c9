import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Reader, Writer, type WeaverGen } from '@weaver/sdk/internal'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()

/** A package with one component whose methods echo a value of each type. */
function echoPackage(types: Readonly<Record<string, string>>, declarations: string): Fixture {
  const methods = Object.entries(types)
  return fixture({
    'echo.ts': `${IMPORTS}import * as z from 'zod'
${declarations}
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
export const enum Small { One = 1, Two }
export enum Bits { A = 1 << 0, B = 1 << 1, Len = 'abc'.length }
export interface Box<T, K extends string = 'k'> { value: T; inner?: Box<T, K>; keys: Record<K, T> }
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export interface Even { next: Odd | null }
export interface Odd { next?: Even }
export type Expr = [op: string, ...args: (Expr | string)[]]
export type Matrix = readonly (readonly number[])[]
export type Absent = { a?: string; b: string | undefined; c: string | null; d?: string | null; e?: number | undefined }
export type Either = { kind: 'text' | 'html'; body: string } | { kind: 'bytes'; body: Uint8Array } | { kind: 1; n: number } | { kind: true }
export type Result<T> = { ok: true; value: T } | { ok: false; error: string }
export type Id = string & { readonly brand: unique symbol }
export type Keyed = { [P in 'a' | 'b']: P extends 'a' ? number : string }
export class Money { #cents: bigint; constructor(cents: bigint) { this.#cents = cents } get cents() { return this.#cents } }
export const moneyCodec = codec<Money, { cents: bigint; color: Color }>(Money, { toPlain: (m) => ({ cents: m.cents, color: Color.Red }), fromPlain: ({ cents }) => new Money(cents) })
export namespace Shop { export interface Item { name: string } }
export interface Odd1 { 'x-y': number; "it's": string; class: boolean; constructor_: null }
export type Undef = { must: undefined; nul: null }
export enum Perm { Read = 1, Write = 2, Exec = 4 }
export enum Kind { A, B, C }
export enum Either2 { No = 0, Yes = 'yes' }
export type Tagged = { kind: Kind.A; a: string } | { kind: Kind.B | Kind.C; b: Perm }
declare const brand: unique symbol
declare const mark: unique symbol
export interface Brand<B> { readonly [brand]: B }
export type Verified = { mail: string } & { readonly [brand]: 'Verified' }
export interface Marked extends Brand<'Marked'> { mail: string; note?: string }
export type Flavored = { mail: string } & { readonly __brand?: 'Flavored' }
export type Scores = Record<string, number> & { readonly [mark]: true }
export type Xor = { text: string; bytes?: never } | { bytes: Uint8Array; text?: never }
export type Never = { a: string; b?: never; c?: undefined }
const zodUser = z.object({ mail: z.string(), tags: z.array(z.string()).optional() }).brand<'User'>()
const zodTags = z.array(z.string()).brand<'Tags'>()
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
    empty: ['Record<string, never>', [{}]],
    constEnum: ['Small', [1, 2]],
    computedEnum: ['Bits', [1, 2, 3]],
    oneLiteral: [`'only'`, ['only']],
    boxed: [
      'Box<Date>',
      [
        { value: new Date(1), keys: { k: new Date(2) } },
        { value: new Date(1), keys: { k: new Date(2) }, inner: { value: new Date(3), keys: { k: new Date(4) } } },
      ],
    ],
    boxedTwice: [
      `Box<Box<string>, 'a' | 'b'>`,
      [{ value: { value: 's', keys: { k: 't' } }, keys: { a: { value: '', keys: { k: '' } }, b: { value: '', keys: { k: '' } } } }],
    ],
    json: [
      'Json',
      [null, true, 1, 'a', [], [1, ['x', { a: null }]], { a: { b: [false] }, __proto: 1 }, JSON.parse('{"__proto__": {"x": 1}}')],
    ],
    mutual: ['Even', [{ next: null }, { next: { next: { next: {} } } }]],
    matrix: ['Matrix', [[], [[1, 2], [3]]]],
    absent: [
      'Absent',
      [
        { b: undefined, c: null },
        { a: '', b: '', c: '', d: null, e: undefined },
        { b: undefined, c: null, d: 'x', e: 4 },
      ],
    ],
    either: [
      'Either',
      [
        { kind: 'html', body: '<p>' },
        { kind: 'text', body: '' },
        { kind: 'bytes', body: new Uint8Array([1]) },
        { kind: 1, n: 2 },
        { kind: true },
      ],
    ],
    result: [
      'Result<Point[]>',
      [
        { ok: true, value: [{ x: 1, y: 2 }] },
        { ok: false, error: 'no' },
      ],
    ],
    resultOfText: ['Result<string>', [{ ok: true, value: '' }]],
    branded: ['Id', ['a-1']],
    keyed: ['Keyed', [{ a: 1, b: 'x' }]],
    literalKeys: [`Record<'a' | 'b', Point>`, [{ a: { x: 1, y: 1 }, b: { x: 2, y: 2 } }]],
    numberKeys: ['Record<number, string>', [{ 1: 'a', 20: 'b' }]],
    templateKeys: ['{ [key: `x-${string}`]: number }', [{ 'x-a': 1 }]],
    omitted: [
      `Omit<Named, 'maybe' | 'both'>`,
      [
        { x: 1, y: 2, name: 'n' },
        { x: 1, y: 2, name: 'n', note: '' },
      ],
    ],
    required: ['Required<Pick<Named, "note" | "both">>', [{ note: '', both: null }]],
    readonlyAll: ['Readonly<Point>', [{ x: 1, y: 2 }]],
    nullOrAbsent: ['string | null | undefined', [null, undefined, '']],
    restTuple: ['[string, ...number[]]', [['a'], ['a', 1, 2]]],
    midTuple: [
      'readonly [first: string, ...rest: boolean[], last: Date]',
      [
        ['a', new Date(1)],
        ['a', true, false, new Date(2)],
      ],
    ],
    longTuple: ['[a: string, b?: Point, c?: null]', [['a'], ['a', { x: 1, y: 2 }], ['a', { x: 1, y: 2 }, null]]],
    undefinedInTuple: ['[string, (number | undefined)?]', [['a'], ['a', undefined], ['a', 1]]],
    expression: ['Expr', [['+', '1', ['-', '2']], ['+']]],
    pairOfBytes: ['[Uint8Array, Uint8Array]', [[new Uint8Array([1]), new Uint8Array()]]],
    emptyTuple: ['[]', [[]]],
    floats: ['Float64Array', [new Float64Array([1.5, -0, NaN]), new Float64Array(0), new Float64Array([1, 2, 3]).subarray(1)]],
    bigs: ['BigInt64Array | Uint16Array', [new BigInt64Array([-1n]), new Uint16Array([1, 65535])]],
    setOfTuples: ['Set<[string, number]>', [new Set([['a', 1]])]],
    mapOfMaps: [
      'ReadonlyMap<number, Map<string, Point | null>>',
      [
        new Map([
          [
            1,
            new Map([
              ['a', null],
              ['b', { x: 1, y: 2 }],
            ]),
          ],
        ]),
      ],
    ],
    mapOrSet: ['Map<string, string> | Set<string> | string[]', [new Map([['a', 'b']]), new Set(['a']), ['a']]],
    space: ['Shop.Item', [{ name: 'x' }]],
    odd: ['Odd1', [{ 'x-y': 1, "it's": 's', class: true, constructor_: null }]],
    nulls: ['null[]', [[], [null, null, null]]],
    emptyObjects: ['readonly Undef[]', [[{ must: undefined, nul: null }]]],
    setOfNothing: ['Set<undefined>', [new Set(), new Set([undefined])]],
    mapOfNothing: ['Map<null, undefined>', [new Map(), new Map([[null, undefined]])]],
    restOfNulls: ['[string, ...null[]]', [['a'], ['a', null, null]]],
    manyTexts: [
      '{ a: string; b: string; c: string; d: string; e: string; f: string; n: number; g: string; a_name_that_fills_its_line_by_itself_or_nearly: string; another_name_as_long_as_the_one_before_it: string }',
      [
        {
          a: 'a',
          b: 'b',
          c: 'x'.repeat(200),
          d: '',
          e: 'ü',
          f: '',
          n: 1,
          g: 'g',
          a_name_that_fills_its_line_by_itself_or_nearly: 'h',
          another_name_as_long_as_the_one_before_it: 'i',
        },
      ],
    ],
    undef: ['Undef', [{ must: undefined, nul: null }]],
    upper: ['Uppercase<`a-${string}`> | 1', ['A-B', 1]],
    fromLibrary: ['Awaited<Promise<Point>>', [{ x: 1, y: 2 }]],
    indexed: [`Named['maybe']`, ['a', null, undefined]],
    hugeUnion: [Array.from({ length: 60 }, (_, i) => `'literal-number-${i}'`).join(' | '), ['literal-number-0', 'literal-number-59']],
    permissions: ['Perm', [1, 3, 7, 0, -1, 0.5]],
    flagsOrText: [`Perm | 'all' | null`, [3, 'all', null]],
    moreThanEnum: ['Perm | 8', [1, 8, 9]],
    oneOfEnum: ['Perm.Read', [1]],
    mixedEnum: ['Either2', [0, 'yes']],
    enumMap: ['Map<Perm, Kind[]>', [new Map([[3, [0, 2]]])]],
    taggedByEnum: [
      'Tagged',
      [
        { kind: 0, a: 'x' },
        { kind: 1, b: 3 },
        { kind: 2, b: 7 },
      ],
    ],
    brandedObject: ['Verified', [{ mail: 'a@b' }]],
    marked: ['Marked', [{ mail: 'a@b' }, { mail: 'a@b', note: 'n' }]],
    flavored: ['Flavored', [{ mail: 'a@b' }]],
    scores: ['Scores', [{}, { a: 1 }]],
    brandedIds: ['string[] & { readonly [brand]: true }', [[], ['a', 'b']]],
    brandedDate: ['Date & { readonly [brand]: true }', [new Date(7)]],
    brandedMap: ['ReadonlyMap<string, number> & { readonly __brand: 1 }', [new Map([['a', 1]])]],
    zodBrand: ['z.infer<typeof zodUser>', [{ mail: 'a@b' }, { mail: 'a@b', tags: ['x'] }]],
    zodBrandedList: ['z.infer<typeof zodTags>', [['x', 'y']]],
    never: ['Never', [{ a: 'x' }, { a: 'x', c: undefined }]],
    buffer: ['Buffer', [Buffer.from('abc'), Buffer.alloc(0), Buffer.alloc(100, 7)]],
    bufferOrBytes: ['Buffer | Uint8Array | string', [Buffer.from([1]), new Uint8Array([1]), 'one']],
    bufferField: ['{ body: Buffer; more?: Buffer | null }', [{ body: Buffer.from('a') }, { body: Buffer.from('a'), more: null }]],
    numbers: [Array.from({ length: 80 }, (_, i) => i * 3).join(' | '), [0, 237]],
    quotes: [`"it's" | 'say "x"' | 'a\\\\b' | 'new\\nline'`, ["it's", 'say "x"', 'a\\b', 'new\nline']],
  }
  let weaver: WeaverGen
  let made: Fixture

  beforeAll(async () => {
    made = echoPackage(Object.fromEntries(Object.entries(cases).map(([name, [type]]) => [name, type])), declarations)
    const result = await generate({ projectDir: made.folder })
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
    weaver = ((await import(pathToFileURL(join(made.folder, 'src/weaver.gen.ts')).href)) as { weaver: WeaverGen }).weaver
  })

  it('and the generated file compiles under the strictest settings', () => {
    expect(made.typeErrors()).toEqual([])
  })

  it('and is laid out as prettier would', async () => {
    expect(made.generated()).toBe(await made.formatted())
  })

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

  it.each<[string, unknown, string]>([
    ['list', 'ab', 'expected an array, got a string'],
    ['list', undefined, 'expected an array, got undefined'],
    ['list', new Set(['a']), 'expected an array, got a Set'],
    ['nulls', 'ab', 'expected an array, got a string'],
    ['tuple', 'abc', 'expected an array of 3, got a string'],
    ['tuple', ['a', 1, true, 'more'], 'expected an array of 3, got an array of 4'],
    ['restTuple', 'a', 'expected an array, got a string'],
    ['set', [1], 'expected a Set, got an array of 1'],
    ['map', new Set(['a']), 'expected a Map, got a Set'],
    ['record', [[1]], 'expected an object, got an array of 1'],
    ['record', new Map([['a', [1]]]), 'expected an object, got a Map'],
  ])('what is only like a %s is refused: %j', (name, value, message) => {
    const method = weaver.components()[0]?.methods.find((found) => found.name === name)
    const w = new Writer()
    expect(() => method?.encodeArgs(w, [value])).toThrow(message)
    w.reset()
    expect(() => method?.encodeResult(w, value)).toThrow(message)
  })

  it.each([
    'list',
    'nested',
    'map',
    'set',
    'record',
    'nulls',
    'emptyObjects',
    'setOfNothing',
    'mapOfNothing',
    'restOfNulls',
    'restTuple',
    'bytes',
    'text',
  ])('bytes that promise four billion elements are refused at once: %s', (name) => {
    const method = weaver.components()[0]?.methods.find((found) => found.name === name)
    const w = new Writer()
    w.uint(2 ** 32 - 1)
    w.uint(2 ** 32 - 1)
    w.uint(2 ** 32 - 1)
    const bytes = w.finish()
    expect(() => method?.decodeArgs(new Reader(bytes))).toThrow('cut short')
  })

  it('a value outside its union is refused where it is written', () => {
    const method = weaver.components()[0]?.methods.find((found) => found.name === 'color')
    expect(() => method?.encodeArgs(new Writer(), ['green'])).toThrow('"green" is not "blue" or "red"')
  })
})
