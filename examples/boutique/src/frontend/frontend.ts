/**
 * What the shop answers to a browser: the pages of `pages.ts`, made of what the components say. It
 * knows HTTP and HTML, and no rule of the shop.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '@weaver/sdk'
import type { Ads } from '../shop/ads.js'
import type { Carts } from '../shop/carts.js'
import type { Catalog } from '../shop/catalog.js'
import type { Checkout } from '../shop/checkout.js'
import type { Currencies } from '../shop/currencies.js'
import type { Order } from '../shop/order.js'
import type { Product } from '../shop/products.js'
import type { Recommendations } from '../shop/recommendations.js'
import { ShopError, type ShopErrorCode } from '../shop/shop-error.js'
import { isUuid } from '../shop/uuid.js'
import { currencyCookie, NO_ORDER, orderCookie, sessionOf, type Session } from './cookies.js'
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
  ORDER_ID: 400,
  ORDER_CHANGED: 409,
}

/** Of what a request asks for only the path matters; without an origin it cannot be parsed. */
const ORIGIN = 'http://boutique'

const HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  // Should some text ever get into a page as it came: nothing that it names is loaded or run.
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
}

interface FrontendOptions {
  readonly log: Logger
  readonly shopName: string
  /** Browsers then keep and send the cookies over TLS alone. */
  readonly secureCookies: boolean
}

export class Frontend {
  readonly #shop: Shop
  readonly #log: Logger
  readonly #shopName: string
  readonly #cookieEnd: string

  constructor(shop: Shop, { log, shopName, secureCookies }: FrontendOptions) {
    this.#shop = shop
    this.#log = log
    this.#shopName = shopName
    this.#cookieEnd = secureCookies ? '; Secure' : ''
  }

  /** Answers a request, whatever happens. For `createServer`. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url === '/healthz') return void response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    const session = sessionOf(request)
    const answer = await this.#answer(request, session).catch((error: unknown) => this.#failed(request, session, error))
    const cookies = [...session.cookies, ...(answer.cookies ?? [])]
    response.setHeader(
      'set-cookie',
      cookies.map((cookie) => cookie + this.#cookieEnd),
    )
    if ('location' in answer) response.writeHead(303, { location: answer.location }).end()
    else response.writeHead(answer.status, HEADERS).end(answer.page.toString())
  }

  async #answer(request: IncomingMessage, session: Session): Promise<Answer> {
    const { method, url = '/' } = request
    if (!URL.canParse(url, ORIGIN))
      return { status: 400, page: errorPage(await this.#frame(session), 'Not understood', `"${url}" is no address of a page.`) }
    const { pathname, search, searchParams } = new URL(url, ORIGIN)
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
        return { location: '/cart', cookies: [NO_ORDER] }
      case 'POST /cart/empty':
        await this.#shop.carts.empty(session.user)
        return { location: '/cart', cookies: [NO_ORDER] }
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

  async #cart(
    { user, orderId = randomUUID() }: Session,
    frame: Frame,
    refused?: { readonly error: ShopError; readonly form: Form },
  ): Promise<Answer> {
    const bill = await this.#shop.checkout.bill(user, frame.currency)
    const others = await this.#others(
      bill.lines.map(({ product }) => product.id),
      frame.currency,
    )
    const page = cartPage(frame, {
      bill,
      others,
      orderId,
      filled: { ...refused?.form, cardNumber: '', cardMonth: '', cardYear: '' },
      ...(refused === undefined ? {} : { problem: refused.error.message }),
    })
    return { status: refused === undefined ? 200 : STATUS[refused.error.code], page, cookies: [orderCookie(orderId)] }
  }

  async #switchCurrency({ currency = '', back }: Form): Promise<Answer> {
    if (!(await this.#shop.currencies.list()).includes(currency))
      throw new ShopError('CURRENCY_UNKNOWN', `the shop does not take "${currency}"`)
    return { location: localPath(back), cookies: [currencyCookie(currency)] }
  }

  async #checkOut(session: Session, form: Form): Promise<Answer> {
    const { orderId = '', email = '', name = '', street = '', postcode = '', city = '', country = '', cardNumber = '' } = form
    const { currency } = await this.#frame(session)
    let order: Order
    try {
      order = await this.#shop.checkout.placeOrder({
        id: orderId,
        user: session.user,
        currency,
        email,
        address: { name, street, postcode, city, country },
        card: { number: cardNumber, expiryMonth: Number(form['cardMonth']), expiryYear: Number(form['cardYear']) },
      })
    } catch (error) {
      if (error instanceof ShopError) return this.#cart(session, await this.#frame(session, '/cart'), { error, form })
      this.#log.error('an order failed and may have been placed', { orderId, err: error })
      // Whatever `mayHaveRun` says: it may be of a call that the checkout made after the payment.
      // With the same id the order is paid once.
      const advice =
        'Look into your cart before you order again: if it is empty, your order was placed; if not, order it as it is, and you are charged once.'
      return { ...(await this.#outOfOrder(session, advice)), cookies: isUuid(orderId) ? [orderCookie(orderId)] : [] }
    }
    const others = await this.#others(
      order.lines.map(({ product }) => product.id),
      currency,
    )
    const isOfCart = session.orderId === undefined || session.orderId === order.id
    return { status: 200, page: orderPage(await this.#frameOrBare(session), order, others), cookies: isOfCart ? [NO_ORDER] : [] }
  }

  async #failed(request: IncomingMessage, session: Session, error: unknown): Promise<Answer> {
    if (error instanceof ShopError)
      return { status: STATUS[error.code], page: errorPage(await this.#frameOrBare(session), 'That did not work', error.message) }
    this.#log.error('request failed', { method: request.method, url: request.url, err: error })
    return this.#outOfOrder(session, 'Try again in a moment.')
  }

  async #outOfOrder(session: Session, advice: string): Promise<Answer> {
    return { status: 503, page: errorPage(await this.#frameOrBare(session), 'Something is out of order', advice) }
  }

  /**
   * It may be the frame that fails. Without it a page has no cart and one currency, and is a page
   * all the same.
   */
  async #frameOrBare(session: Session): Promise<Frame> {
    const bare: Frame = { shopName: this.#shopName, currency: '', currencies: [], cartSize: 0, here: '/' }
    return this.#frame(session).catch(() => bare)
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
