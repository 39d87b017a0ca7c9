import { component, config, implement } from '@weaver/sdk'
import { z } from 'zod'
import { ShopError } from './shop-error.js'

export interface CartItem {
  productId: string
  quantity: number
}

/**
 * Carts, in memory: a replica that ends takes its carts along. A shop whose customers mind has a
 * database here.
 */
export interface CartCache {
  get(user: string): Promise<CartItem[]>
  /**
   * In one step: a caller that read the cart and wrote it back would lose what another has added in
   * between.
   * @throws ShopError `CART_FULL`
   */
  add(user: string, item: CartItem): Promise<void>
  remove(user: string): Promise<void>
}
/**
 * All calls for one user go to one replica, so each cart is kept once however many replicas there
 * are. Adding twice is adding two.
 */
export const CartCache = component<CartCache>('boutique/CartCache', {
  router: { get: (user) => user, add: (user) => user, remove: (user) => user },
  notRetriable: ['add'],
})

class CartCacheImpl implements CartCache {
  readonly options = config(
    z.strictObject({
      maxCarts: z.number().int().positive().default(100_000),
      /** Of one cart, the quantities together. */
      maxItems: z.number().int().positive().default(100),
    }),
  )
  /** A Map keeps the order of insertion: the cart that nobody touched for longest is first. */
  readonly carts = new Map<string, Map<string, number>>()

  async get(user: string): Promise<CartItem[]> {
    const quantities = this.carts.get(user)
    if (quantities === undefined) return []
    this.#touch(user, quantities)
    // A new list each time: a caller in this process would otherwise hold the cart itself, and one
    // elsewhere a copy.
    return Array.from(quantities, ([productId, quantity]) => ({ productId, quantity }))
  }

  async add(user: string, { productId, quantity }: CartItem): Promise<void> {
    const quantities = this.carts.get(user) ?? new Map<string, number>()
    const count = [...quantities.values()].reduce((sum, each) => sum + each, quantity)
    const { maxCarts, maxItems } = this.options
    if (count > maxItems) throw new ShopError('CART_FULL', `a cart holds at most ${maxItems} items; order these first`)
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
    this.#touch(user, quantities)
    const [oldest] = this.carts.keys()
    if (this.carts.size > maxCarts && oldest !== undefined) this.carts.delete(oldest)
  }

  async remove(user: string): Promise<void> {
    this.carts.delete(user)
  }

  #touch(user: string, quantities: Map<string, number>): void {
    this.carts.delete(user)
    this.carts.set(user, quantities)
  }
}
export const cartCacheImpl = implement(CartCache, CartCacheImpl)
