import { ORDER } from './order.js'

/**
 * JSON has no bigint, Date, Map, Set or bytes: it gets a twin of the order that it can carry, and
 * pays for no conversion.
 */
export const ORDER_JSON = {
  ...ORDER,
  id: String(ORDER.id),
  createdAt: ORDER.createdAt.toISOString(),
  customer: { ...ORDER.customer, since: ORDER.customer.since.toISOString() },
  lines: ORDER.lines.map((line) => ({ ...line, options: Object.fromEntries(line.options) })),
  tags: [...ORDER.tags],
  signature: Buffer.from(ORDER.signature).toString('base64'),
}
