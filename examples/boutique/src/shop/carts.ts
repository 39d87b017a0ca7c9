import { component, implement, ref } from '@weaver/sdk'
import { CartCache, type CartItem } from './cart-cache.js'
import { Catalog } from './catalog.js'
import { ShopError } from './shop-error.js'

/** What a user is about to buy. */
export interface Carts {
  get(user: string): Promise<CartItem[]>
  /** @throws ShopError `QUANTITY`, `PRODUCT_UNKNOWN`, `CART_FULL` */
  add(user: string, productId: string, quantity: number): Promise<void>
  empty(user: string): Promise<void>
}
export const Carts = component<Carts>('boutique/Carts', { notRetriable: ['add'] })

class CartsImpl implements Carts {
  readonly catalog = ref(Catalog)
  readonly cache = ref(CartCache)

  get(user: string): Promise<CartItem[]> {
    return this.cache.get(user)
  }

  async add(user: string, productId: string, quantity: number): Promise<void> {
    if (!Number.isInteger(quantity) || quantity < 1) throw new ShopError('QUANTITY', 'a quantity is a whole number from 1')
    await this.catalog.get(productId) // it throws when there is none
    await this.cache.add(user, { productId, quantity })
  }

  empty(user: string): Promise<void> {
    return this.cache.remove(user)
  }
}
export const cartsImpl = implement(Carts, CartsImpl)
