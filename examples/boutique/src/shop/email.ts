import { component, implement, logger } from '@weaver/sdk'
import { format } from './money.js'
import type { Order } from './order.js'

export interface Email {
  confirm(address: string, order: Order): Promise<void>
}
/**
 * Two e-mails are better than none, so this one may be tried again. Nobody waits for it for long.
 */
export const Email = component<Email>('boutique/Email', { defaultTimeoutMs: 2_000 })

/** Stands for a mail server: it writes to the log. */
class EmailImpl implements Email {
  readonly log = logger()

  async confirm(address: string, order: Order): Promise<void> {
    this.log.info('e-mail sent', { to: address, orderId: order.id, text: letterOf(order) })
  }
}
export const emailImpl = implement(Email, EmailImpl)

export function letterOf({ id, lines, shipping, total, trackingId }: Order): string {
  return [
    `Your order ${id} is on its way, as parcel ${trackingId}.`,
    ...lines.map(({ product, quantity, price }) => `${quantity} × ${product.name}, ${format(price)} each`),
    `Shipping: ${format(shipping)}`,
    `Total: ${format(total)}`,
  ].join('\n')
}
