import { createHash } from 'node:crypto'
import { component, config, implement, logger } from '@weaver/sdk'
import { z } from 'zod'
import type { CartItem } from './cart-cache.js'
import { money, type Money } from './money.js'
import { ShopError } from './shop-error.js'

export interface Address {
  name: string
  street: string
  postcode: string
  city: string
  country: string
}

export interface Shipping {
  /** In US dollars. */
  quote(items: CartItem[]): Promise<Money>
  /**
   * Safe to repeat: an order has one parcel.
   * @returns its tracking number.
   * @throws ShopError `ADDRESS`
   */
  ship(orderId: string, address: Address, items: CartItem[]): Promise<string>
}
export const Shipping = component<Shipping>('boutique/Shipping')

class ShippingImpl implements Shipping {
  readonly options = config(
    z.strictObject({
      baseCents: z.number().int().nonnegative().default(500),
      centsForEach: z.number().int().nonnegative().default(120),
    }),
  )
  readonly log = logger()

  async quote(items: CartItem[]): Promise<Money> {
    const { baseCents, centsForEach } = this.options
    const count = items.reduce((sum, { quantity }) => sum + quantity, 0)
    return money('USD', count === 0 ? 0 : baseCents + count * centsForEach)
  }

  async ship(orderId: string, address: Address, items: CartItem[]): Promise<string> {
    checkAddress(address)
    const trackingId = createHash('sha256').update(orderId).digest('hex').slice(0, 12).toUpperCase()
    this.log.info('parcel sent', { orderId, trackingId, country: address.country, items: items.length })
    return trackingId
  }
}
export const shippingImpl = implement(Shipping, ShippingImpl)

/** @throws ShopError `ADDRESS` that names what is missing */
export function checkAddress(address: Address): void {
  const missing = (['name', 'street', 'postcode', 'city', 'country'] as const).filter((field) => address[field].trim() === '')
  if (missing.length > 0) throw new ShopError('ADDRESS', `the address lacks: ${missing.join(', ')}`)
}
