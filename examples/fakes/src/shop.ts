import { component, implement, ref, RemoteCallError } from '@weaver/sdk'
import { Clock } from './clock.js'
import { Declined, Payments } from './payments.js'

/** What became of an order. */
export type Order =
  | { state: 'paid'; receipt: string }
  | { state: 'closed' }
  | { state: 'declined'; reason: string }
  /**
   * Payments did not answer: the card may have been charged, so somebody has to look before anybody
   * tries again.
   */
  | { state: 'unknown' }

export interface Shop {
  order(card: string, cents: number): Promise<Order>
}
export const Shop = component<Shop>('fakes/Shop', { notRetriable: ['order'] })

/** In UTC. */
const OPENS = 8
const CLOSES = 20

class ShopImpl implements Shop {
  readonly clock = ref(Clock)
  readonly payments = ref(Payments)

  async order(card: string, cents: number): Promise<Order> {
    const hour = (await this.clock.now()).getUTCHours()
    if (hour < OPENS || hour >= CLOSES) return { state: 'closed' }
    try {
      return { state: 'paid', receipt: await this.payments.charge(card, cents) }
    } catch (error) {
      if (error instanceof Declined) return { state: 'declined', reason: error.message }
      if (error instanceof RemoteCallError && error.mayHaveRun) return { state: 'unknown' }
      throw error
    }
  }
}
export const shopImpl = implement(Shop, ShopImpl)
