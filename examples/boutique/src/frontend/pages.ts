import type { Ad } from '../shop/ads.js'
import { format, times } from '../shop/money.js'
import type { Bill, Order } from '../shop/order.js'
import { html, type Html } from './html.js'
import { adBox, layout, picture, productGrid, recommended, type Frame, type Priced } from './layout.js'

export interface HomePage {
  readonly query: string
  readonly products: readonly Priced[]
  readonly ad: Ad | undefined
}

export function homePage(frame: Frame, { query, products, ad }: HomePage): Html {
  const title = query === '' ? 'Things that last' : `Found for “${query}”`
  const content = products.length === 0 ? html`<p>Nothing. <a href="/">See everything</a>.</p>` : productGrid(products)
  return layout(
    title,
    frame,
    html`<h1>${title}</h1>
      ${content}${adBox(ad)}`,
  )
}

export interface ProductPage extends Priced {
  readonly others: readonly Priced[]
  readonly ad: Ad | undefined
}

export function productPage(frame: Frame, { product, price, others, ad }: ProductPage): Html {
  return layout(
    product.name,
    frame,
    html`<div class="product">
        ${picture(product)}
        <div>
          <h1>${product.name}</h1>
          <p>${product.description}</p>
          <p class="price">${format(price)}</p>
          <form class="inline" method="post" action="/cart">
            <input type="hidden" name="productId" value="${product.id}" />
            <input name="quantity" type="number" min="1" max="99" value="1" aria-label="Quantity" />
            <button class="main">Add to cart</button>
          </form>
        </div>
      </div>
      ${recommended(others)}${adBox(ad)}`,
  )
}

export interface CartPage {
  readonly bill: Bill
  readonly others: readonly Priced[]
  /** Of the order that the form places. */
  readonly orderId: string
  /** What was filled in before. */
  readonly filled: Readonly<Record<string, string>>
  /** Why the order was not placed. */
  readonly problem?: string
}

/** A card is filled in anew each time: it goes into no page. */
const FIELDS = [
  { name: 'email', label: 'E-mail', hint: 'email' },
  { name: 'name', label: 'Name', hint: 'name' },
  { name: 'street', label: 'Street', hint: 'street-address' },
  { name: 'postcode', label: 'Postcode', hint: 'postal-code' },
  { name: 'city', label: 'City', hint: 'address-level2' },
  { name: 'country', label: 'Country', hint: 'country-name' },
  { name: 'cardNumber', label: 'Card number', hint: 'cc-number' },
  { name: 'cardMonth', label: 'Expires: month', hint: 'cc-exp-month' },
  { name: 'cardYear', label: 'Expires: year', hint: 'cc-exp-year' },
] as const

export function cartPage(frame: Frame, { bill, others, orderId, filled, problem }: CartPage): Html {
  const alert = problem === undefined ? undefined : html`<p class="problem" role="alert">${problem}</p>`
  if (bill.lines.length === 0)
    return layout(
      'Cart',
      frame,
      html`<h1>Cart</h1>
        ${alert}
        <p>It is empty. <a href="/">See what there is</a>.</p>`,
    )
  return layout(
    'Cart',
    frame,
    html`<h1>Cart</h1>
      ${alert}${billTable(bill)}
      <form method="post" action="/cart/empty">
        <p><button>Empty the cart</button></p>
      </form>
      <h2>Check out</h2>
      <form method="post" action="/checkout">
        <input type="hidden" name="orderId" value="${orderId}" />
        <div class="fields">
          ${FIELDS.map(
            ({ name, label, hint }) =>
              html`<label>${label}<input name="${name}" value="${filled[name] ?? ''}" autocomplete="${hint}" required /></label>`,
          )}
        </div>
        <button class="main">Place the order: ${format(bill.total)}</button>
      </form>
      ${recommended(others)}`,
  )
}

export function orderPage(frame: Frame, order: Order, others: readonly Priced[]): Html {
  return layout(
    'Thank you',
    frame,
    html`<h1>Thank you</h1>
      <p>
        Your order <b>${order.id}</b> was placed on ${order.placedAt.toISOString().slice(0, 10)} and is on its way, as parcel
        <b>${order.trackingId}</b>.
      </p>
      ${billTable(order)}${recommended(others)}`,
  )
}

export function errorPage(frame: Frame, title: string, text: string): Html {
  return layout(
    title,
    frame,
    html`<h1>${title}</h1>
      <p class="problem" role="alert">${text}</p>
      <p><a href="/">Back to the shop</a></p>`,
  )
}

function billTable({ lines, shipping, total }: Bill): Html {
  return html`<table>
    <tr>
      <th>Product</th>
      <th>Quantity</th>
      <th>Price</th>
    </tr>
    ${lines.map(
      ({ product, quantity, price }) =>
        html`<tr>
          <td><a href="/product/${product.id}">${product.name}</a></td>
          <td>${quantity}</td>
          <td>${format(times(price, quantity))}</td>
        </tr> `,
    )}
    <tr>
      <td>Shipping</td>
      <td></td>
      <td>${format(shipping)}</td>
    </tr>
    <tr>
      <th>Total</th>
      <th></th>
      <th>${format(total)}</th>
    </tr>
  </table>`
}
