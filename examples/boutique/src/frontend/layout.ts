import type { Ad } from '../shop/ads.js'
import { format, type Money } from '../shop/money.js'
import type { Product } from '../shop/products.js'
import { html, Html } from './html.js'
import { STYLE } from './style.js'

/** What every page shows besides its own. */
export interface Frame {
  readonly shopName: string
  readonly currency: string
  readonly currencies: readonly string[]
  /** How many things are in the cart. */
  readonly cartSize: number
  /** Where a switch of the currency comes back to: path and query. */
  readonly here: string
}

/** A product with its price in the currency of the customer. */
export interface Priced {
  readonly product: Product
  readonly price: Money
}

const STYLE_ELEMENT = new Html([`<style>${STYLE}</style>`], []) // a constant of ours: its quotes must stay

export function layout(title: string, frame: Frame, content: Html): Html {
  const { shopName, currency, currencies, cartSize, here } = frame
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · ${shopName}</title>
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header>
          <a class="name" href="/">${shopName}</a>
          <form class="inline" action="/">
            <input name="q" type="search" placeholder="Search" aria-label="Search" /><button>Search</button>
          </form>
          <form class="inline" method="post" action="/currency">
            <input type="hidden" name="back" value="${here}" />
            <select name="currency" aria-label="Currency">
              ${currencies.map((each) => html`<option${each === currency ? html` selected` : undefined}>${each}</option>`)}</select
            ><button>Switch</button>
          </form>
          <a href="/cart">Cart (${cartSize})</a>
        </header>
        <main>${content}</main>
        <footer>An example application of Weaver. Nothing is sold, nobody is charged.</footer>
      </body>
    </html> `
}

export function productGrid(products: readonly Priced[]): Html {
  return html`<ul class="grid">
    ${products.map(
      ({ product, price }) =>
        html`<li>
          <a class="card" href="/product/${product.id}"
            >${picture(product)}
            <div>${product.name}<br /><span class="price">${format(price)}</span></div></a
          >
        </li> `,
    )}
  </ul>`
}

export function picture({ glyph, hue }: Product): Html {
  return html`<span class="picture" style="background: hsl(${hue} 45% 88%)" aria-hidden="true">${glyph}</span>`
}

/** Nothing, where there is none. */
export function adBox(ad: Ad | undefined): Html | undefined {
  return ad && html`<a class="ad" href="/product/${ad.productId}">${ad.text} <small>Advertisement</small></a>`
}

/** Nothing, where there are none. */
export function recommended(products: readonly Priced[]): Html | undefined {
  return products.length === 0
    ? undefined
    : html`<h2>You may also like</h2>
        ${productGrid(products)}`
}
