import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { fake, RUNNERS, weaverTest } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { CartCache } from './shop/cart-cache.js'
import { Carts } from './shop/carts.js'
import { Catalog } from './shop/catalog.js'
import { Checkout, type OrderRequest } from './shop/checkout.js'
import { Currencies } from './shop/currencies.js'
import { Email, letterOf } from './shop/email.js'
import { format, money } from './shop/money.js'
import type { Order } from './shop/order.js'
import { Recommendations } from './shop/recommendations.js'
import { ShopError } from './shop/shop-error.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const ORDER_ID = '4e0c1f9a-6f0f-4f7e-9d3c-0d3f6a1b2c3d'
const ORDER: Omit<OrderRequest, 'id' | 'user'> = {
  currency: 'EUR',
  email: 'ada@example.com',
  address: { name: 'Ada', street: 'Mill Lane 1', postcode: '12345', city: 'London', country: 'UK' },
  card: { number: '5555 5555 5555 4444', expiryMonth: 12, expiryYear: 2999 },
}

beforeAll(() => buildExample('boutique'), 120_000)

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('sells what is in a cart, and tells why it does not', async () => {
    const sent: Order[] = []
    const email = fake(Email, { confirm: async (_, order) => void sent.push(order) })
    await weaverTest({ weaver, runner, entry, fakes: [email], extraRuns: 0 }, async (test) => {
      const [catalog, carts, checkout] = [test.get(Catalog), test.get(Carts), test.get(Checkout)]
      expect((await catalog.search('OAK')).map(({ id }) => id)).toEqual(['BOARD-03'])
      await expect(catalog.get('ROCKET-99')).rejects.toBeInstanceOf(ShopError)

      await carts.add('ada', 'MUG-02', 2)
      await carts.add('ada', 'HAT-09', 1)
      await carts.add('ada', 'MUG-02', 1)
      await carts.add('bob', 'HAT-09', 1)
      await expect(carts.add('ada', 'ROCKET-99', 1)).rejects.toMatchObject({ code: 'PRODUCT_UNKNOWN' })
      await expect(carts.add('ada', 'MUG-02', 0.5)).rejects.toMatchObject({ code: 'QUANTITY' })
      await expect(carts.add('ada', 'MUG-02', 97)).rejects.toMatchObject({ code: 'CART_FULL' })
      expect(await carts.get('ada')).toEqual([
        { productId: 'MUG-02', quantity: 3 },
        { productId: 'HAT-09', quantity: 1 },
      ])

      const request = { ...ORDER, id: ORDER_ID, user: 'ada' }
      const refusals = [
        ['CARD_NUMBER', { card: { ...ORDER.card, number: '1234' } }],
        ['CARD_EXPIRED', { card: { ...ORDER.card, expiryYear: 2001 } }],
        ['ADDRESS', { address: { ...ORDER.address, city: ' ' } }],
        ['ADDRESS', { email: 'nobody' }],
        ['CURRENCY_UNKNOWN', { currency: 'XXX' }],
        ['CART_EMPTY', { user: 'eve' }],
        ['ORDER_ID', { id: '' }],
        ['ORDER_ID', { id: 'order-1' }],
      ] as const
      for (const [code, change] of refusals)
        await expect(checkout.placeOrder({ ...request, ...change })).rejects.toMatchObject({ name: 'ShopError', code })
      expect(sent).toEqual([])

      const order = await checkout.placeOrder(request)
      expect(order).toMatchObject({ id: ORDER_ID, trackingId: expect.stringMatching(/^[0-9A-F]{12}$/) })
      expect(order.placedAt).toBeInstanceOf(Date)
      // 3 × 11.50 and 28.99 USD, and 5.00 + 4 × 1.20 for the parcel, at 0.92
      expect(order.total).toEqual(money('EUR', 3 * 1058 + 2667 + 902))
      expect(sent).toEqual([order])
      expect([await carts.get('ada'), (await carts.get('bob')).length]).toEqual([[], 1])
      await expect(checkout.placeOrder({ ...request, id: randomUUID() })).rejects.toMatchObject({ code: 'CART_EMPTY' })

      // The same order and the same cart again: what was paid once is sent once.
      await carts.add('ada', 'MUG-02', 3)
      await carts.add('ada', 'HAT-09', 1)
      expect(await checkout.placeOrder(request)).toEqual(order)
      expect([(await carts.get('ada')).length, sent.length]).toEqual([2, 1])
      const ofBob = await checkout.placeOrder({ ...request, user: 'bob' })
      expect([ofBob.lines.length, ofBob.transactionId === order.transactionId]).toEqual([1, false])
    })
  })
})

it('does the same when each call that may be repeated is', async () => {
  await weaverTest({ weaver, runner: 'rpc', extraRuns: 2 }, async (test) => {
    await test.get(Carts).add('ada', 'MUG-02', 1)
    expect(await test.get(Carts).get('ada')).toEqual([{ productId: 'MUG-02', quantity: 1 }])
    expect(await test.get(Checkout).bill('ada', 'USD')).toMatchObject({ total: money('USD', 1150 + 620) })
    await test.get(Checkout).placeOrder({ ...ORDER, id: ORDER_ID, user: 'ada' })
    expect(await test.get(Carts).get('ada')).toEqual([])
  })
})

it('has each cart in one of several replicas, and loses nothing that is added at once', async () => {
  const users = Array.from({ length: 20 }, (_, at) => `user-${at}`)
  await weaverTest({ weaver, runner: 'rpc', replicas: 2, extraRuns: 0 }, async (test) => {
    await Promise.all(users.flatMap((user) => ['MUG-02', 'HAT-09', 'BAG-12'].map((id) => test.get(Carts).add(user, id, 1))))
    for (const user of users) expect([user, (await test.get(Carts).get(user)).length]).toEqual([user, 3])
    const held = test
      .implementations(CartCache)
      .map((found) => (found as unknown as { readonly carts: ReadonlyMap<string, unknown> }).carts.size)
    expect(held[0]).toBeGreaterThan(0)
    expect(held.reduce((sum, count) => sum + count)).toBe(20)
    expect(held).toHaveLength(2)
  })
})

it('forgets the cart that nobody touched for longest', async () => {
  await weaverTest({ weaver, config: '["boutique/CartCache"]\nmaxCarts = 2' }, async (test) => {
    const carts = test.get(Carts)
    await carts.add('ada', 'MUG-02', 1)
    await carts.add('bob', 'MUG-02', 1)
    await carts.get('ada')
    await carts.add('eve', 'MUG-02', 1)
    expect(await Promise.all(['ada', 'bob', 'eve'].map(async (user) => (await carts.get(user)).length))).toEqual([1, 0, 1])
  })
})

it('gives nobody the cart itself to change', async () => {
  await weaverTest({ weaver }, async (test) => {
    await test.get(Carts).add('ada', 'MUG-02', 1)
    for (const item of await test.get(Carts).get('ada')) item.quantity = 50
    expect(await test.get(Carts).get('ada')).toEqual([{ productId: 'MUG-02', quantity: 1 }])
  })
})

it('places an order once that is given twice at once, and gives nobody the order itself to change', async () => {
  const sent: Order[] = []
  const email = fake(Email, { confirm: async (_, order) => void sent.push(order) })
  await weaverTest({ weaver, fakes: [email] }, async (test) => {
    const request = { ...ORDER, id: ORDER_ID, user: 'ada' }
    await test.get(Carts).add('ada', 'MUG-02', 1)
    const [first, second] = await Promise.all([test.get(Checkout).placeOrder(request), test.get(Checkout).placeOrder(request)])
    expect([second, sent.length]).toEqual([first, 1])
    first.lines.length = 0
    expect((await test.get(Checkout).placeOrder(request)).lines).toHaveLength(1)
  })
})

it('sells without e-mail when that fails', async () => {
  const email = fake(Email, { confirm: () => Promise.reject(new Error('no mail server')) })
  await weaverTest({ weaver, fakes: [email] }, async (test) => {
    await test.get(Carts).add('ada', 'MUG-02', 1)
    const order = await test.get(Checkout).placeOrder({ ...ORDER, id: ORDER_ID, user: 'ada' })
    expect(letterOf(order)).toContain(`Total: ${format(order.total)}`)
  })
})

it('recommends what has most in common, and not what is there already', async () => {
  await weaverTest({ weaver, config: { 'boutique/Recommendations': { count: 3 } } }, async (test) => {
    const others = await test.get(Recommendations).goWith(['HAT-09'])
    expect(others.map(({ id }) => id)).toEqual(['FERN-06', 'SPADE-08', 'SCARF-10'])
    expect(await test.get(Recommendations).goWith([])).toHaveLength(3)
    expect((await test.get(Currencies).list())[0]).toBe('USD')
  })
})
