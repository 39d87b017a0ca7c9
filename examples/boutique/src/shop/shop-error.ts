import { registerError } from '@weaver/sdk'

export type ShopErrorCode =
  | 'PRODUCT_UNKNOWN'
  | 'CURRENCY_UNKNOWN'
  | 'CART_EMPTY'
  | 'CART_FULL'
  | 'QUANTITY'
  | 'ADDRESS'
  | 'CARD_NUMBER'
  | 'CARD_KIND'
  | 'CARD_EXPIRED'
  | 'ORDER_ID'
  | 'ORDER_CHANGED'

/**
 * The shop says no, and a customer is told why. It is no failure: nobody needs to be woken, and
 * nothing is tried again.
 */
export class ShopError extends Error {
  readonly code: ShopErrorCode

  constructor(code: ShopErrorCode, message: string) {
    super(message)
    this.code = code
  }
}
Object.defineProperty(ShopError.prototype, 'name', { value: 'ShopError', configurable: true, writable: true })
// With its class known on both sides it is an instance of it there too, whether the call went to
// another process or not.
registerError(ShopError)
