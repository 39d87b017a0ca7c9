// Compiled only: labels are typed from the declaration.
import { counter, gauge } from './metrics.js'

export function typed(): void {
  const orders = counter('shop_orders_total', { help: 'Orders.', labels: ['kind'] })
  orders.with({ kind: 'gift' }).add()
  // @ts-expect-error there is no such label
  orders.with({ sort: 'gift' })
  // @ts-expect-error a label is missing
  orders.with({})
  // @ts-expect-error a metric with labels is not counted without them
  orders.add()
  gauge('shop_open', { help: 'Open carts.' }).set(1)
}
