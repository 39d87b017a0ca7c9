/** What the shop answers to a browser: the pages of `pages.ts`, made of what the components say. It knows HTTP and HTML, and no rule of the shop. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RemoteCallError, type Logger } from '@weaver/sdk'
import type { Ads } from '../shop/ads.js'
import type { Carts } from '../shop/carts.js'
import type { Catalog } from '../shop/catalog.js'
import type { Checkout } from '../shop/checkout.js'
import type { Currencies } from '../shop/currencies.js'
import type { Product } from '../shop/products.js'
import type { Recommendations } from '../shop/recommendations.js'
import { ShopError, type ShopErrorCode } from '../shop/shop-error.js'
import { currencyCookie, sessionOf, type Session } from './cookies.js'
import { localPath, readForm, type Form } from './form.js'
import type { Html } from './html.js'
import type { Frame, Priced } from './layout.js'
import { cartPage, errorPage, homePage, orderPage, productPage } from './pages.js'

/** The components that the pages need. */
export interface Shop {
  readonly ads: Ads
  readonly carts: Carts
  readonly catalog: Catalog
  readonly checkout: Checkout
  readonly currencies: Currencies
  readonly recommendations: Recommendations
}

/** A page, or where to go next. */
type Answer = ({ readonly status: number; readonly page: Html } | { readonly location: string }) & { readonly cookies?: readonly string[] }

const STATUS: Readonly<Record<ShopErrorCode, number>> = {
  PRODUCT_UNKNOWN: 404,
  CURRENCY_UNKNOWN: 400,
  CART_EMPTY: 409,
  CART_FULL: 409,
  QUANTITY: 400,
  ADDRESS: 422,
  CARD_NUMBER: 422,
  CARD_KIND: 422,
  CARD_EXPIRED: 422,
  ORDER_CHANGED: 409,
}

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // Should some text ever get into a page as it came: nothing that it names is loaded or run.
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

export class Frontend {
  readonly #shop: Shop
  readonly #log: Logger
  readonly #shopName: string

  constructor(shop: Shop, { log, shopName }: { readonly log: Logger; readonly shopName: string }) {
    this.#shop = shop
    this.#log = log
    this.#shopName = shopName
  }

  /** Answers a request, whatever happens. For `createServer`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/healthz') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    const session = sessionOf(request)
    const answer = await this.#answer(request, session).catch((error: unknown) => this.#failed(request, session, error))
    response.setHeader('set-cookie', [...session.cookies, ...(answer.cookies ?? [])])
    if ('location' in answer) response.writeHead(303, { location: answer.location }).end()
    else response.writeHead(answer.status, HEADERS).end(answer.page.toString())
  }

  async #answer(request: IncomingMessage, session: Session): Promise<Answer> {
    const { method, url = '/' } = request
    const { pathname, search, searchParams } = new URL(url, 'http://boutique')
    if (method === 'GET' || method === 'HEAD') {
      const frame = await this.#frame(session, pathname + search)
      const product = /^\/product\/([\w-]+)$/.exec(pathname)?.[1]
      if (product !== undefined) return this.#product(frame, product)
      if (pathname === '/') return this.#home(frame, searchParams.get('q') ?? '')
      if (pathname === '/cart') return this.#cart(session, frame)
      return { status: 404, page: errorPage(frame, 'Not found', `There is nothing at ${pathname}.`) }
    }
    const form = method === 'POST' ? await readForm(request) : {}
    if (form === undefined)
      return { status: 413, page: errorPage(await this.#frame(session), 'Too much', 'This form is larger than any of ours.') }
    switch (`${method} ${pathname}`) {
      case 'POST /cart':
        await this.#shop.carts.add(session.user, form['productId'] ?? '', Number(form['quantity']))
        return { location: '/cart' }
      case 'POST /cart/empty':
        await this.#shop.carts.empty(session.user)
        return { location: '/cart' }
      case 'POST /currency':
        return this.#switchCurrency(form)
      case 'POST /checkout':
        return this.#checkOut(session, form)
      default:
        return {
          status: 405,
          page: errorPage(await this.#frame(session), 'Not possible', `${method} ${pathname} is nothing that the shop does.`),
        }
    }
  }

  async #frame({ user, currency }: Session, here = '/'): Promise<Frame> {
    const [currencies, items] = await Promise.all([this.#shop.currencies.list(), this.#shop.carts.get(user)])
    const [first = 'USD'] = currencies
    return {
      shopName: this.#shopName,
      currencies,
      currency: currency !== undefined && currencies.includes(currency) ? currency : first,
      cartSize: items.reduce((sum, { quantity }) => sum + quantity, 0),
      here,
    }
  }

  async #home(frame: Frame, query: string): Promise<Answer> {
    const { catalog, ads } = this.#shop
    const [products, ad] = await Promise.all([
      (query === '' ? catalog.list() : catalog.search(query)).then((found) => this.#priced(found, frame.currency)),
      this.#orNothing(ads.pick([]), undefined),
    ])
    return { status: 200, page: homePage(frame, { query, products, ad }) }
  }

  async #product(frame: Frame, id: string): Promise<Answer> {
    const product = await this.#shop.catalog.get(id)
    const [price, others, ad] = await Promise.all([
      this.#shop.currencies.convert(product.price, frame.currency),
      this.#others([id], frame.currency),
      this.#orNothing(this.#shop.ads.pick(product.categories), undefined),
    ])
    return { status: 200, page: productPage(frame, { product, price, others, ad }) }
  }

  async #cart({ user }: Session, frame: Frame, refused?: { readonly error: ShopError; readonly form: Form }): Promise<Answer> {
    const bill = await this.#shop.checkout.bill(user, frame.currency)
    const others = await this.#others(
      bill.lines.map(({ product }) => product.id),
      frame.currency,
    )
    const page = cartPage(frame, {
      bill,
      others,
      orderId: randomUUID(),
      filled: { ...refused?.form, cardNumber: '', cardMonth: '', cardYear: '' },
      ...(refused === undefined ? {} : { problem: refused.error.message }),
    })
    return { status: refused === undefined ? 200 : STATUS[refused.error.code], page }
  }

  async #switchCurrency({ currency = '', back }: Form): Promise<Answer> {
    if (!(await this.#shop.currencies.list()).includes(currency))
      throw new ShopError('CURRENCY_UNKNOWN', `the shop does not take "${currency}"`)
    return { location: localPath(back), cookies: [currencyCookie(currency)] }
  }

  async #checkOut(session: Session, form: Form): Promise<Answer> {
    const { email = '', name = '', street = '', postcode = '', city = '', country = '', cardNumber = '' } = form
    const { currency } = await this.#frame(session)
    try {
      const order = await this.#shop.checkout.placeOrder({
        id: form['orderId'] ?? randomUUID(),
        user: session.user,
        currency,
        email,
        address: { name, street, postcode, city, country },
        card: { number: cardNumber, expiryMonth: Number(form['cardMonth']), expiryYear: Number(form['cardYear']) },
      })
      const others = await this.#others(
        order.lines.map(({ product }) => product.id),
        currency,
      )
      return { status: 200, page: orderPage(await this.#frame(session), order, others) }
    } catch (error) {
      if (error instanceof ShopError) return this.#cart(session, await this.#frame(session, '/cart'), { error, form })
      throw error
    }
  }

  async #failed(request: IncomingMessage, session: Session, error: unknown): Promise<Answer> {
    const isRefused = error instanceof ShopError
    if (!isRefused) this.#log.error('request failed', { method: request.method, url: request.url, err: error })
    // It may be the frame that failed. Without it the page has no cart and one currency, and is a page all the same.
    const bare: Frame = { shopName: this.#shopName, currency: '', currencies: [], cartSize: 0, here: '/' }
    const frame = await this.#frame(session).catch(() => bare)
    if (isRefused) return { status: STATUS[error.code], page: errorPage(frame, 'That did not work', error.message) }
    const mayHaveOrdered = request.url === '/checkout' && (!(error instanceof RemoteCallError) || error.mayHaveRun)
    const advice = mayHaveOrdered
      ? 'Look into your cart before you order again: if it is empty, your order was placed.'
      : 'Try again in a moment.'
    return { status: 503, page: errorPage(frame, 'Something is out of order', advice) }
  }

  /** Ornaments: a page does without when what they come from is slow or gone. */
  async #others(productIds: string[], currency: string): Promise<readonly Priced[]> {
    return this.#orNothing(
      this.#shop.recommendations.goWith(productIds).then((products) => this.#priced(products, currency)),
      [],
    )
  }

  #orNothing<T, N>(ornament: Promise<T>, nothing: N): Promise<T | N> {
    return ornament.catch((err: unknown) => {
      this.#log.warn('a part of the page is left out', { err })
      return nothing
    })
  }

  #priced(products: readonly Product[], currency: string): Promise<Priced[]> {
    return Promise.all(products.map(async (product) => ({ product, price: await this.#shop.currencies.convert(product.price, currency) })))
  }
}
