import { component, config, implement, registerError } from '@weaver/sdk'
import { z } from 'zod'

export interface Payments {
  /** @returns the number of the receipt. @throws Declined */
  charge(card: string, cents: number): Promise<string>
}
/**
 * Nobody is charged twice, so a charge is never tried again by itself; who waits for half a second
 * waits no longer.
 */
export const Payments = component<Payments>('fakes/Payments', { notRetriable: ['charge'], timeoutMs: { charge: 500 } })

/** The bank said no. */
export class Declined extends Error {
  readonly code = 'DECLINED'
}
Object.defineProperty(Declined.prototype, 'name', { value: 'Declined', configurable: true, writable: true })
registerError(Declined)

/** Stands for a bank. */
class PaymentsImpl implements Payments {
  readonly options = config(z.strictObject({ limitCents: z.number().int().default(10_000) }))
  #receipts = 0

  async charge(card: string, cents: number): Promise<string> {
    if (cents > this.options.limitCents) throw new Declined(`card ${card} is good for ${this.options.limitCents} cents`)
    return `receipt ${(this.#receipts += 1)}`
  }
}
export const paymentsImpl = implement(Payments, PaymentsImpl)
