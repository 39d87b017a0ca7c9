import type { Money } from './money.js'
import type { Product } from './products.js'

export interface OrderLine {
  product: Product
  quantity: number
  /** Of one, in the currency of the customer. */
  price: Money
}

/** What a cart comes to. */
export interface Bill {
  lines: OrderLine[]
  shipping: Money
  total: Money
}

export interface Order extends Bill {
  id: string
  placedAt: Date
  transactionId: string
  trackingId: string
}
