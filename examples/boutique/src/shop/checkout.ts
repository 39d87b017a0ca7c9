import { component, counter, implement, logger, ref } from '@weaver/sdk'
import { Carts } from './carts.js'
import { Catalog } from './catalog.js'
import { Currencies } from './currencies.js'
import { Email } from './email.js'
import { add, times } from './money.js'
import { textOf, type Bill, type Order, type OrderKey, type OrderLine } from './order.js'
import { Payments, type Card } from './payments.js'
import { checkAddress, Shipping, type Address } from './shipping.js'
import { ShopError } from './shop-error.js'
import { isUuid } from './uuid.js'

export interface OrderRequest extends OrderKey {
  currency: string
  email: string
  address: Address
  card: Card
}

export interface Checkout {
  /** Of the cart of the user, as it is. */
  bill(user: string, currency: string): Promise<Bill>
  /**
   * Buys what is in the cart of the user, and empties it. An order that was placed is answered once
   * more, and nothing is bought. An order that failed may have been paid: given again with its id
   * it is not paid again.
   * @throws ShopError with the reason when nothing was bought
   */
  placeOrder(request: OrderRequest): Promise<Order>
}
/**
 * All orders of one user go to one replica, so that it knows what was placed. When that replica has
 * ended, who places an order again finds an empty cart. That would be the answer if a lost one were
 * asked for again, so it is not.
 */
export const Checkout = component<Checkout>('boutique/Checkout', {
  router: { placeOrder: ({ user }) => user },
  notRetriable: ['placeOrder'],
})

const orders = counter('boutique_orders_total', { help: 'Orders placed.', labels: ['currency'] })
const REMEMBERED = 10_000

class CheckoutImpl implements Checkout {
  readonly carts = ref(Carts)
  readonly catalog = ref(Catalog)
  readonly currencies = ref(Currencies)
  readonly shipping = ref(Shipping)
  readonly payments = ref(Payments)
  readonly email = ref(Email)
  readonly log = logger()
  /**
   * Orders placed, and those that are about to be. In memory: a shop whose customers mind has a
   * database here.
   */
  readonly placed = new Map<string, Promise<Order>>()

  async bill(user: string, currency: string): Promise<Bill> {
    const items = await this.carts.get(user)
    const [shipping, lines] = await Promise.all([
      this.shipping.quote(items).then((quote) => this.currencies.convert(quote, currency)),
      Promise.all(
        items.map(async ({ productId, quantity }): Promise<OrderLine> => {
          const product = await this.catalog.get(productId)
          return { product, quantity, price: await this.currencies.convert(product.price, currency) }
        }),
      ),
    ])
    const total = lines.reduce((sum, { price, quantity }) => add(sum, times(price, quantity)), shipping)
    return { lines, shipping, total }
  }

  async placeOrder(request: OrderRequest): Promise<Order> {
    if (!isUuid(request.id)) throw new ShopError('ORDER_ID', 'this order has no valid number; place it from the cart')
    const key = textOf(request)
    let order = this.placed.get(key)
    if (order === undefined) {
      order = this.#place(request)
      this.placed.set(key, order)
      const [oldest] = this.placed.keys()
      if (this.placed.size > REMEMBERED && oldest !== undefined) this.placed.delete(oldest)
    }
    try {
      const { lines, ...rest } = await order
      // A copy: a caller in this process would otherwise hold the list itself.
      return { ...rest, lines: lines.map((line) => ({ ...line })) }
    } catch (error) {
      // It may be given again.
      if (this.placed.get(key) === order) this.placed.delete(key)
      throw error
    }
  }

  async #place({ id, user, currency, email, address, card }: OrderRequest): Promise<Order> {
    // All that can be refused is refused before anybody is charged.
    checkAddress(address)
    if (!/^\S+@\S+$/.test(email)) throw new ShopError('ADDRESS', 'this is no e-mail address')
    const [bill] = await Promise.all([this.bill(user, currency), this.payments.check(card)])
    if (bill.lines.length === 0) throw new ShopError('CART_EMPTY', 'there is nothing in the cart; has it been ordered already?')

    const transactionId = await this.payments.charge({ id, user }, bill.total, card)
    const items = bill.lines.map(({ product, quantity }) => ({ productId: product.id, quantity }))
    const trackingId = await this.shipping.ship(id, address, items)
    await this.carts.empty(user)
    const order: Order = { id, placedAt: new Date(), ...bill, transactionId, trackingId }
    orders.with({ currency }).add()
    this.log.info('order placed', { orderId: id, currency, lines: order.lines.length })
    // Paid and sent: an order does not fail for want of an e-mail.
    await this.email
      .confirm(email, order)
      .catch((err: unknown) => this.log.warn('no e-mail went out; the order stands', { orderId: id, err }))
    return order
  }
}
export const checkoutImpl = implement(Checkout, CheckoutImpl)
