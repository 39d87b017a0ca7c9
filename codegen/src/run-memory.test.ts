import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { RunMemory } from './run-memory.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()
const implementation = (name: string, base = '', body = ''): string =>
  `class ${name}Impl ${base} { ${body} }\nexport const impl${name} = implement(${name}, ${name}Impl)\n`
const FILES = {
  'interfaces.ts': 'export interface Cart { total(): Promise<number> }\nexport interface Stock { left(): Promise<number> }\n',
  'tokens.ts': `import { component } from '@weaver/sdk'\nimport type { Cart, Stock } from './interfaces.js'\nexport const CartToken = component<Cart>('shop/Cart')\nexport const StockToken = component<Stock>('shop/Stock')\n`,
  'sum.ts': 'export async function sum() { return 1 }\n',
  'other-sum.ts': 'export async function sum() { return "1" }\n',
  'barrel.ts': `export * from './sum.js'\n`,
  'base.ts': 'export class Base { async left() { return 1 } }\n',
  'limits.ts': `import { z } from 'zod'\nexport const limits = z.object({ max: z.number() })\n`,
  'cart.ts': `import { config, implement } from '@weaver/sdk'\nimport { sum } from './barrel.js'\nimport { limits } from './limits.js'\nimport { CartToken } from './tokens.js'\nclass CartImpl { readonly options = config(limits); total() { return sum() } }\nexport const cartImpl = implement(CartToken, CartImpl)\n`,
  'stock.ts': `import { implement } from '@weaver/sdk'\nimport { Base } from './base.js'\nimport { StockToken as Token } from './tokens.js'\n${implementation('Token', 'extends Base')}`,
}

/** What a run tells and writes: with what earlier runs left, and without. */
async function both(made: Fixture, parsed: ParsedFiles): Promise<readonly [remembered: unknown, anew: unknown]> {
  const run = async (more: { readonly parsed?: ParsedFiles }) => {
    const { diagnostics } = await generate({ projectDir: made.folder, ...more })
    return diagnostics.length > 0 ? diagnostics.map(formatDiagnostic) : readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8')
  }
  return [await run({ parsed }), await run({})]
}

it('an edit anywhere behind an answer makes it be asked again', async () => {
  const made = fixture(FILES)
  const parsed = new ParsedFiles()
  const [first, anew] = await both(made, parsed)
  expect(first).toBe(anew)
  expect(first).toContain('"max"')
  const edits: readonly (readonly [file: keyof typeof FILES | 'globals.ts', text: string, told: RegExp])[] = [
    [
      'interfaces.ts',
      FILES['interfaces.ts'].replace('total(): Promise<number>', 'total(): Promise<string>'),
      /CartImpl does not fulfil component "shop\/Cart"/,
    ],
    ['base.ts', 'export class Base { async right() { return 1 } }\n', /does not fulfil component "shop\/Stock": it lacks left\(\)/],
    ['sum.ts', 'export async function sum() { return true }\n', /CartImpl does not fulfil/],
    ['barrel.ts', `export * from './other-sum.js'\n`, /CartImpl does not fulfil/],
    ['limits.ts', FILES['limits.ts'].replace('max', 'most'), /"most"/],
    ['limits.ts', FILES['limits.ts'].replace('z.number()', 'z.date()'), /WVG049/],
  ]
  for (const [file, text, told] of edits) {
    made.write(`src/${file}`, text)
    const [remembered, fresh] = await both(made, parsed)
    expect(remembered).toEqual(fresh)
    expect(String(remembered)).toMatch(told)
    made.write(`src/${file}`, FILES[file as keyof typeof FILES])
    const [back, freshBack] = await both(made, parsed)
    expect(back).toEqual(freshBack)
    expect(back).toBe(first)
  }
  // a source that declares for all others, then another text of it
  made.write('src/globals.ts', 'export {}\ndeclare global { interface Amount { n: number } }\n')
  made.write('src/sum.ts', 'export async function sum(): Promise<Amount["n"]> { return 1 }\n')
  expect((await both(made, parsed))[0]).toBe(first)
  made.write('src/globals.ts', 'export {}\ndeclare global { interface Amount { n: string } }\n')
  const [remembered, fresh] = await both(made, parsed)
  expect(remembered).toEqual(fresh)
  expect(String(remembered)).toMatch(/CartImpl does not fulfil/)
}, 300_000)

it('types, options and codecs behind the methods of a component are among what is looked at', async () => {
  const sources = {
    'money.ts': 'export class Money { constructor(readonly cents: number) {} }\n',
    'codecs.ts': `${IMPORTS}import { Money } from './money.js'\nexport const moneyCodec = codec<Money, number>(Money, { toPlain: ({ cents }) => cents, fromPlain: (cents) => new Money(cents) })\n`,
    'line.ts': `import type { Unit } from './unit.js'\nexport interface Line { item: string; unit: Unit }\n`,
    'unit.ts': `export type Unit = 'kg' | 'm'\n`,
    'methods.ts': `export const ONCE = ['add'] as const\n`,
    'cart.ts': `${IMPORTS}import type { Line } from './line.js'\nexport interface Cart { add(line: Line): Promise<void> }\nexport const Cart = component<Cart>('shop/Cart', { router: { add: ({ item }) => item } })\nclass CartImpl implements Cart { async add() {} }\nexport const cartImpl = implement(Cart, CartImpl)\n`,
    'till.ts': `${IMPORTS}import type { Money } from './money.js'\nexport interface Till { sum(): Promise<Money> }\nexport const Till = component<Till>('shop/Till')\nclass TillImpl implements Till { async sum(): Promise<Money> { throw new Error() } }\nexport const tillImpl = implement(Till, TillImpl)\n`,
  }
  const made = fixture(sources)
  const parsed = new ParsedFiles()
  const [first] = await both(made, parsed)
  const edits: readonly (readonly [file: keyof typeof sources, from: string, to: string, told: RegExp])[] = [
    ['unit.ts', `'kg' | 'm'`, `'kg' | 'm' | 's'`, /kg.*m.*s/],
    ['line.ts', 'item: string', 'item: string; note?: string', /note/],
    ['line.ts', 'item: string', 'item: string; call: () => void', /WVG030/],
    ['codecs.ts', 'codec<Money, number>', 'codec<Money, string>', /Money\(string\)/],
    ['codecs.ts', 'export const moneyCodec', 'const moneyCodec', /WVG035[^]*WVG032/],
    ['cart.ts', '=> item }', '=> true }', /WVG027/],
    ['cart.ts', 'add(line: Line)', 'add(line: Line, count: number)', /count: number/],
  ]
  for (const [file, from, to, told] of edits) {
    for (const text of [sources[file].replace(from, to), sources[file].replace(from, to) + '// again\n']) {
      made.write(`src/${file}`, text)
      const [remembered, anew] = await both(made, parsed)
      expect(remembered).toEqual(anew)
      expect(String(remembered)).toMatch(told)
    }
    made.write(`src/${file}`, sources[file])
    expect(await both(made, parsed)).toEqual([first, first])
  }
}, 300_000)

it('an edit elsewhere leaves it', async () => {
  const made = fixture(FILES)
  const parsed = new ParsedFiles()
  const asked: string[] = []
  const memory = RunMemory.prototype
  const { answer } = memory
  memory.answer = function (this: RunMemory, reader, node, compute) {
    return answer.call(this, reader, node, () => {
      asked.push(node.getText())
      return compute()
    }) as ReturnType<typeof compute>
  }
  try {
    await generate({ projectDir: made.folder, parsed })
    expect(asked.splice(0).sort()).toEqual([
      `component<Cart>('shop/Cart')`,
      `component<Stock>('shop/Stock')`,
      'implement(CartToken, CartImpl)',
      'implement(Token, TokenImpl)',
      'limits',
    ])
    made.write('src/base.ts', 'export class Base { async left() { return 2 } }\n')
    await generate({ projectDir: made.folder, parsed })
    expect(asked.splice(0)).toEqual(['implement(Token, TokenImpl)'])
    made.write('src/other-sum.ts', 'export async function sum() { return "2" }\n')
    await generate({ projectDir: made.folder, parsed })
    expect(asked.splice(0)).toEqual([])
  } finally {
    memory.answer = answer
  }
}, 300_000)
