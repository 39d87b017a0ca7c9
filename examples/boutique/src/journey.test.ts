// A customer, with a browser.
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { RemoteCallError } from '@weaver/sdk'
import { construct, fake, RUNNERS, weaverTest, type Fake } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Ads } from './shop/ads.js'
import { Checkout } from './shop/checkout.js'
import { money } from './shop/money.js'
import { Payments, paymentsImpl } from './shop/payments.js'
import { Recommendations } from './shop/recommendations.js'
import { Shipping } from './shop/shipping.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const DETAILS = {
  email: 'ada@example.com',
  name: 'Ada <b>',
  street: 'Mill Lane 1',
  postcode: '12345',
  city: 'London',
  country: 'UK',
  cardNumber: '4111 1111 1111 1111',
  cardMonth: '12',
  cardYear: '2999',
}

beforeAll(() => buildExample('boutique'), 120_000)

interface Page {
  readonly status: number
  readonly path: string
  readonly text: string
  readonly headers: Headers
}

/** As much of a browser as a shop needs: cookies, forms, redirects. */
class Browser {
  readonly #origin: string
  readonly cookies = new Map<string, string>()

  constructor(origin: string) {
    this.#origin = origin
  }

  get(path: string): Promise<Page> {
    return this.#ask(path, {})
  }

  post(path: string, form: Readonly<Record<string, string>>): Promise<Page> {
    return this.#ask(path, { method: 'POST', body: new URLSearchParams(form) })
  }

  async #ask(path: string, init: RequestInit): Promise<Page> {
    const cookie = Array.from(this.cookies, ([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(new URL(path, this.#origin), { ...init, redirect: 'manual', headers: { cookie } })
    for (const set of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^(\w+)=([^;]*)/.exec(set) ?? []
      this.cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location !== null) return this.get(location)
    return { status: response.status, path, text: await response.text(), headers: response.headers }
  }
}

function field(page: Page, name: string): string {
  return new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? `there is no ${name}`
}

describe.each(RUNNERS)('with the runner %s', (runner) => {
  it('looks around, fills a cart, switches the currency, mistypes a card, orders, and empties the next cart', async () => {
    await weaverTest({ weaver, runner, entry, app: App, config: '["weaver/Main"]\nshopName = "Corner & Co"' }, async (test) => {
      const browser = new Browser(await test.url('boutique'))
      const home = await browser.get('/')
      expect(home.text).toContain('<title>Things that last · Corner &amp; Co</title>')
      expect(home.text.match(/class="card"/g)).toHaveLength(12)
      expect(browser.cookies.get('session')).toMatch(/^[0-9a-f-]{36}$/)

      expect((await browser.get('/?q=merino')).text).toContain('Long scarf')
      expect((await browser.get('/product/SCARF-10')).text).toMatch(/\$39\.99[^]*You may also like[^]*Advertisement/)
      const cart = await browser.post('/cart', { productId: 'SCARF-10', quantity: '2' })
      expect(cart.path).toBe('/cart')
      expect(cart.text).toMatch(/Cart \(2\)[^]*Long scarf[^]*\$79\.98[^]*\$7\.40[^]*\$87\.38/)

      const switched = await browser.post('/currency', { currency: 'EUR', back: field(cart, 'back') })
      expect(switched.path).toBe('/cart')
      expect(switched.text).toMatch(/€73\.58[^]*€6\.81[^]*€80\.39/)

      const form = { ...DETAILS, orderId: field(switched, 'orderId') }
      const refused = await browser.post('/checkout', { ...form, cardNumber: '4111 1111 1111 1112' })
      expect([refused.status, field(refused, 'city'), field(refused, 'cardNumber')]).toEqual([422, 'London', ''])
      expect(refused.text).toMatch(/role="alert">this is no card number[^]*Long scarf/)
      expect(refused.text).toContain('value="Ada &lt;b&gt;"')

      const thanks = await browser.post('/checkout', form)
      expect(thanks.status).toBe(200)
      expect(thanks.text).toContain(`Your order <b>${form.orderId}</b>`)
      expect(thanks.text).toMatch(/Cart \(0\)[^]*€80\.39/)
      const again = await browser.post('/checkout', form)
      expect([again.status, again.text.includes(`Your order <b>${form.orderId}</b>`)]).toEqual([200, true])

      await browser.post('/cart', { productId: 'MUG-02', quantity: '1' })
      const emptied = await browser.post('/cart/empty', {})
      expect(emptied.text).toMatch(/Cart \(0\)[^]*It is empty/)
    })
  }, 300_000)
})

/** With main in one process, which is all that these are about. */
async function visit(fakes: readonly Fake[], body: (browser: Browser, origin: string) => Promise<void>): Promise<void> {
  await weaverTest({ weaver, app: App, fakes }, async (test) => {
    const origin = await test.url('boutique')
    await body(new Browser(origin), origin)
  })
}

it('keeps customers apart, and their texts out of its pages', async () => {
  await visit([], async (ada, origin) => {
    await ada.post('/cart', { productId: 'MUG-02', quantity: '1' })
    expect((await new Browser(origin).get('/cart')).text).toContain('Cart (0)')
    const evil = '"><script>alert(1)</script>'
    const found = await ada.get(`/?q=${encodeURIComponent(evil)}`)
    expect(found.text).not.toContain('<script')
    expect(found.text).toContain('&lt;script&gt;alert(1)')
    expect(found.headers.get('content-security-policy')).toContain("default-src 'none'")
    ada.cookies.set('currency', evil)
    ada.cookies.set('session', evil)
    expect((await ada.get('/')).text).toContain('<option selected>USD')
    expect(ada.cookies.get('session')).toMatch(/^[0-9a-f-]{36}$/)
  })
})

it.each([
  ['what is nowhere', 404, 'There is nothing at /nowhere', 'GET', '/nowhere', {}],
  ['an unknown product', 404, 'there is no product &quot;ROCKET-99&quot;', 'GET', '/product/ROCKET-99', {}],
  ['a quantity that is no number', 400, 'a quantity is a whole number', 'POST', '/cart', { productId: 'MUG-02', quantity: 'many' }],
  ['more than a cart holds', 409, 'a cart holds at most 100', 'POST', '/cart', { productId: 'MUG-02', quantity: '101' }],
  ['a form that is too large', 413, 'larger than any of ours', 'POST', '/cart', { productId: 'x'.repeat(10_001) }],
  ['an unknown currency', 400, 'does not take &quot;XXX&quot;', 'POST', '/currency', { currency: 'XXX' }],
  ['an unknown method', 405, 'POST / is nothing', 'POST', '/', {}],
] as const)('answers %s with %i', async (_, status, text, method, path, form) => {
  await visit([], async (browser) => {
    const page = await (method === 'GET' ? browser.get(path) : browser.post(path, form))
    expect(page.status).toBe(status)
    expect(page.text).toContain(text)
  })
})

it('tells load balancers that it is well, without a session', async () => {
  await visit([], async (browser) => {
    expect(await browser.get('/healthz')).toMatchObject({ status: 200, text: 'ok\n' })
    expect(browser.cookies.size).toBe(0)
  })
})

it('shows a product without advertisement and recommendations when those fail', async () => {
  const gone = () => Promise.reject(new Error('gone'))
  await visit([fake(Ads, { pick: gone }), fake(Recommendations, { goWith: gone })], async (browser) => {
    const page = await browser.get('/product/SCARF-10')
    expect(page.status).toBe(200)
    expect(page.text).toContain('Add to cart')
    expect(page.text).not.toMatch(/You may also like|Advertisement/)
  })
})

it.each(['/checkout', '/checkout?again'])('says at %s what to do when an order was lost on the way, and keeps its id', async (path) => {
  const lost = () => Promise.reject(new RemoteCallError('WEAVER_RPC_PEER_LOST', 'lost', { mayHaveRun: false }))
  await visit([fake(Checkout, { bill: lost, placeOrder: lost })], async (browser) => {
    const orderId = randomUUID()
    const page = await browser.post(path, { ...DETAILS, orderId })
    expect([page.status, page.text.includes('Look into your cart before you order again')]).toEqual([503, true])
    expect(browser.cookies.get('order')).toBe(orderId)
    expect((await browser.get('/cart')).text).toContain('Try again in a moment')
  })
})

it('charges once for an order that was paid and failed then, and anew for another cart', async () => {
  const bank = construct(paymentsImpl.create, { config: {} }) as Payments
  const transactions = new Set<string>()
  const payments = fake(Payments, {
    check: (card) => bank.check(card),
    charge: async (order, amount, card) => {
      const transactionId = await bank.charge(order, amount, card)
      transactions.add(transactionId)
      return transactionId
    },
  })
  let isUp = false
  const shipping = fake(Shipping, {
    quote: async () => money('USD', 500),
    ship: async () => {
      if (isUp) return 'PARCEL'
      throw new RemoteCallError('WEAVER_RPC_UNAVAILABLE', 'no replica', { mayHaveRun: false })
    },
  })
  await visit([payments, shipping], async (browser) => {
    const cart = await browser.post('/cart', { productId: 'MUG-02', quantity: '1' })
    const orderId = field(cart, 'orderId')
    const failed = await browser.post('/checkout', { ...DETAILS, orderId })
    expect([failed.status, transactions.size]).toEqual([503, 1])
    const again = await browser.get('/cart')
    expect([again.text.includes('Cart (1)'), field(again, 'orderId')]).toEqual([true, orderId])
    isUp = true
    const thanks = await browser.post('/checkout', { ...DETAILS, orderId: field(again, 'orderId') })
    expect([thanks.status, thanks.text.includes(orderId), transactions.size]).toEqual([200, true, 1])

    const next = await browser.post('/cart', { productId: 'MUG-02', quantity: '1' })
    const nextId = field(next, 'orderId')
    expect(nextId).not.toBe(orderId)
    // The page of the first order, sent once more: it is confirmed, buys nothing, and does not take
    // the id of the next one.
    const replayed = await browser.post('/checkout', { ...DETAILS, orderId })
    expect([replayed.status, replayed.text.includes('Cart (1)'), transactions.size]).toEqual([200, true, 1])
    expect(field(await browser.get('/cart'), 'orderId')).toBe(nextId)
    expect(field(await browser.post('/cart', { productId: 'HAT-09', quantity: '1' }), 'orderId')).not.toBe(nextId)
  })
})

it.each([[{}], [{ orderId: '' }], [{ orderId: 'mine' }]])('refuses an order whose id it did not make: %j', async (id) => {
  await visit([], async (browser) => {
    await browser.post('/cart', { productId: 'MUG-02', quantity: '1' })
    const page = await browser.post('/checkout', { ...DETAILS, ...id })
    expect([page.status, page.text.includes('this order has no valid number')]).toEqual([400, true])
    expect(page.text).toContain('Cart (1)')
  })
})

it('answers what is no address with 400', async () => {
  await visit([], async (_, origin) => {
    const { status } = await fetch(`${new URL(origin).origin}//`)
    expect(status).toBe(400)
  })
})

it.each([true, false])('lets its cookies go over TLS alone when it is told so: %s', async (secureCookies) => {
  await weaverTest({ weaver, app: App, config: { 'weaver/Main': { secureCookies } } }, async (test) => {
    const { headers } = await new Browser(await test.url('boutique')).get('/cart')
    expect(headers.getSetCookie().map((cookie) => [cookie.split('=')[0], cookie.endsWith('; Secure')])).toEqual([
      ['session', secureCookies],
      ['order', secureCookies],
    ])
  })
})
