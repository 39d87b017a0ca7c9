/**
 * A workspace of three packages: the application refers to components of two others, one of which
 * refers to the other's.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseGraph, type ComponentGraph } from '@weaver/sdk/contract'
import type { Main } from '@weaver/sdk'
import type { WeaverGen } from '@weaver/sdk/internal'
import { startByHand } from '@weaver/sdk/test-support'
import { formatDiagnostic } from './diagnostics.js'
import { generate } from './generate.js'
import { ParsedFiles } from './open-program.js'
import { fixtures, IMPORTS, type Fixture } from './testing/fixture.js'

const fixture = fixtures()
const parsed = new ParsedFiles()

const PRICES = {
  'index.ts': `export { NoPrice, Prices } from './prices.js'\n`,
  'prices.ts': `${IMPORTS}
export class NoPrice extends Error { readonly item: string; constructor(item: string) { super('no price'); this.item = item } }
export interface Price { cents: bigint; currency: 'EUR' | 'USD' }
export interface Prices { of(item: string): Promise<Price> }
export const Prices = component<Prices>('prices/Prices')
class PricesImpl implements Prices {
  async of(item: string): Promise<Price> {
    if (item === '') throw new NoPrice(item)
    return { cents: BigInt(item.length), currency: 'EUR' }
  }
}
export const pricesImpl = implement(Prices, PricesImpl)
`,
}
const SHOP = {
  'index.ts': `export { Cart as ShoppingCart } from './cart.js'\n`,
  'cart.ts': `${IMPORTS}import { Prices } from '@fixture/prices'
export interface Cart { total(items: readonly string[]): Promise<bigint> }
export const Cart = component<Cart>('shop/Cart')
class CartImpl implements Cart {
  readonly prices = ref(Prices)
  readonly limits = config({ parse: (x: unknown) => x as { max?: number } })
  async total(items: readonly string[]) {
    let sum = 0n
    for (const item of items) sum += (await this.prices.of(item)).cents
    return sum
  }
}
export const cartImpl = implement(Cart, CartImpl)
`,
}
const APP = {
  'app.ts': `${IMPORTS}import { Prices } from '@fixture/prices'
import { ShoppingCart } from '@fixture/shop'
export class App implements Main {
  static readonly answers: unknown[] = []
  readonly cart = ref(ShoppingCart)
  readonly prices = ref(Prices)
  async main() { App.answers.push(await this.cart.total(['ab', 'c']), await this.prices.of('abc')) }
}
`,
  'main.ts': `import { run } from '@weaver/sdk'\nimport { App } from './app.js'\nimport { weaver } from './weaver.gen.js'\nawait run(App, weaver)\n`,
}

/** @param from what of the package others read: its sources, or what it was compiled to. */
function manifest(name: string, from: 'src' | 'dist'): string {
  const door = (stem: string): object =>
    from === 'src' ? { '@weaver/source': `./src/${stem}.ts` } : { types: `./dist/${stem}.d.ts`, default: `./dist/${stem}.js` }
  return JSON.stringify({
    name,
    type: 'module',
    exports: { '.': door('index'), './weaver': door('weaver.gen'), './weaver.graph.json': './weaver.graph.json' },
  })
}

interface Workspace {
  readonly prices: Fixture
  readonly shop: Fixture
  readonly app: Fixture
}
async function workspace(from: 'src' | 'dist'): Promise<Workspace> {
  const [prices, shop, app] = [fixture(PRICES), fixture(SHOP), fixture(APP)]
  prices.write('package.json', manifest('@fixture/prices', from))
  shop.write('package.json', manifest('@fixture/shop', from))
  for (const user of [shop, app]) user.link({ folder: prices.folder, name: '@fixture/prices' })
  app.link({ folder: shop.folder, name: '@fixture/shop' })
  for (const made of [prices, shop, app]) {
    const result = await generate({ projectDir: made.folder, parsed })
    expect(result.diagnostics.map(formatDiagnostic)).toEqual([])
    if (from === 'dist' && made !== app) expect(made.build()).toEqual([])
  }
  return { prices, shop, app }
}
const graphOf = (made: Fixture): ComponentGraph => parseGraph(readFileSync(join(made.folder, 'weaver.graph.json'), 'utf8'))

describe.each(['src', 'dist'] as const)('an application and packages that are read from %s', (from) => {
  let made: Workspace
  beforeAll(async () => {
    made = await workspace(from)
  })

  it('compiles under the strictest settings', () => {
    expect(made.app.typeErrors()).toEqual([])
  })

  it('has all components in its graph, and where each comes from', () => {
    const graph = graphOf(made.app)
    expect(graph.components.map(({ name, package: of, refs }) => ({ name, of, refs }))).toEqual([
      { name: 'prices/Prices', of: '@fixture/prices', refs: [] },
      { name: 'shop/Cart', of: '@fixture/shop', refs: ['prices/Prices'] },
      { name: 'weaver/Main', of: undefined, refs: ['prices/Prices', 'shop/Cart'] },
    ])
    expect(graph.components[1]).toMatchObject({ config: expect.any(Object), methods: graphOf(made.shop).components[1]?.methods })
    expect(graph.fingerprint).not.toBe(graphOf(made.shop).fingerprint)
  })

  it('runs', async () => {
    const load = async <T>(file: string): Promise<T> => (await import(pathToFileURL(join(made.app.folder, file)).href)) as T // the fixture above
    const { weaver } = await load<{ weaver: WeaverGen }>('src/weaver.gen.ts')
    const { App } = await load<{ App: (new () => Main) & { answers: unknown[] } }>('src/app.ts')
    expect(weaver.components().map(({ token }) => token.name)).toEqual(['prices/Prices', 'shop/Cart'])
    expect(weaver.errors?.map(({ name }) => name)).toEqual(['NoPrice'])
    const { weavelet, mainFailures } = await startByHand(App, weaver)
    while (App.answers.length < 2 && mainFailures.length === 0) await new Promise((resolve) => setTimeout(resolve, 5)) // main() is at work
    await weavelet.stop()
    expect(mainFailures).toEqual([])
    expect(App.answers).toEqual([3n, { cents: 3n, currency: 'EUR' }])
  })

  it('is stale when a package below it has generated something else', async () => {
    const options = { projectDir: made.app.folder, check: true, parsed }
    expect(await generate(options)).toMatchObject({ status: 'unchanged', hasCompiled: false })
    const file = join(made.prices.folder, 'weaver.graph.json')
    const before = readFileSync(file, 'utf8')
    writeFileSync(file, before.replaceAll('"prices/Prices"', '"prices/Others"'))
    expect(await generate(options)).toMatchObject({ status: 'stale' })
    writeFileSync(file, before)
    expect(await generate(options)).toMatchObject({ status: 'unchanged' })
  })
})

describe('what is wrong with a package is told where it is used', () => {
  const codes = async (made: Fixture): Promise<readonly string[]> =>
    (await generate({ projectDir: made.folder, parsed })).diagnostics.map(({ code, message, file }) => `${code} ${file} ${message}`)

  it('WVG046 no graph, no door, no such component', async () => {
    const { prices, shop } = await workspace('src')
    prices.write('package.json', manifest('@fixture/prices', 'src').replace('"./weaver":', '"./other":'))
    expect(await codes(shop)).toEqual(['WVG046 src/cart.ts package "@fixture/prices" does not export ./weaver'])
    prices.write('package.json', manifest('@fixture/prices', 'src'))
    const file = join(prices.folder, 'weaver.graph.json')
    const graph = readFileSync(file, 'utf8')
    writeFileSync(file, graph.replace('"name": "Prices"', '"name": "Cost"'))
    expect((await codes(shop))[0]).toMatch(/WVG046 .*"@fixture\/prices" has no component whose token is Prices/)
    writeFileSync(file, '{}')
    expect((await codes(shop))[0]).toMatch(/WVG046 .*cannot be used/)
    rmSync(file)
    expect(await codes(shop)).toEqual(['WVG046 src/cart.ts package "@fixture/prices" has no weaver.graph.json'])
  })

  it('WVG047 one name in two packages', async () => {
    const { app, shop } = await workspace('src')
    shop.write(
      'src/cart.ts',
      SHOP['cart.ts'].replaceAll('shop/Cart', 'prices/Prices').replace('readonly prices = ref(Prices)', 'readonly prices!: Prices'),
    )
    expect(await codes(shop)).toEqual([])
    expect((await codes(app)).join()).toMatch(
      /WVG047 .*component "prices\/Prices" is declared by package "@fixture\/prices" and, differently, by "@fixture\/shop"/,
    )
  })
})
