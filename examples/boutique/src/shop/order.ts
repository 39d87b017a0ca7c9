import type { Money } from './money.js'
import type { Product } from './products.js'

/** One order of one user: what another user does with the same id is another order. */
export interface OrderKey {
  /** A UUID, made by who orders, so that one order that is given twice is paid once. */
  id: string
  user: string
}

/** For maps and routers. */
export function textOf({ user, id }: OrderKey): string {
  return `${user} ${id}`
}

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
