import { component, implement } from '@weaver/sdk'
import type { Order } from './order.js'

export interface Echo {
  tiny(text: string): Promise<string>
  order(order: Order): Promise<Order>
}
export const Echo = component<Echo>('bench/Echo')

export class EchoImpl implements Echo {
  async tiny(text: string): Promise<string> {
    return text
  }
  async order(order: Order): Promise<Order> {
    return order
  }
}
export const echoImpl = implement(Echo, EchoImpl)
