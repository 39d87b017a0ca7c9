import { randomUUID } from 'node:crypto'
import { component, config, implement, logger } from '@weaver/sdk'
import { z } from 'zod'
import { format, type Money } from './money.js'
import { textOf, type OrderKey } from './order.js'
import { ShopError } from './shop-error.js'

export interface Card {
  /** Digits; spaces between them are let pass. */
  number: string
  /** 1 to 12. */
  expiryMonth: number
  /** Such as 2031. The card is good to the end of that month. */
  expiryYear: number
}

export interface Payments {
  /** Cheap, and it charges nothing. @throws ShopError `CARD_NUMBER`, `CARD_KIND`, `CARD_EXPIRED` */
  check(card: Card): Promise<void>
  /**
   * Safe to repeat: an order of a user is charged once.
   * @returns the number of the transaction
   * @throws ShopError as `check`, and `ORDER_CHANGED` when the order was charged with another
   * amount
   */
  charge(order: OrderKey, amount: Money, card: Card): Promise<string>
}
/**
 * Routed, so that who asks again asks the replica that knows. A real provider of payments takes the
 * key of the order for that.
 */
export const Payments = component<Payments>('boutique/Payments', { router: { charge: textOf } })

const KINDS = [
  ['Visa', /^4\d{12}(\d{3}){0,2}$/],
  ['Mastercard', /^(5[1-5]|2[2-7])\d{14}$/],
  ['American Express', /^3[47]\d{13}$/],
] as const
const REMEMBERED = 10_000

/** Stands for a provider of payments: nobody is charged. */
class PaymentsImpl implements Payments {
  readonly options = config(
    z.strictObject({ accepted: z.array(z.enum(['Visa', 'Mastercard', 'American Express'])).default(['Visa', 'Mastercard']) }),
  )
  readonly log = logger()
  readonly charged = new Map<string, { readonly transactionId: string; readonly amount: string }>()

  async check(card: Card): Promise<void> {
    this.#kindOf(card)
  }

  async charge(order: OrderKey, price: Money, card: Card): Promise<string> {
    const kind = this.#kindOf(card)
    const amount = format(price)
    const key = textOf(order)
    const before = this.charged.get(key)
    if (before?.amount === amount) return before.transactionId
    if (before !== undefined) {
      const advice = 'order for that amount, or change the cart to begin a new order'
      throw new ShopError('ORDER_CHANGED', `this order was paid already, with ${before.amount}; ${advice}`)
    }
    const transactionId = randomUUID()
    this.charged.set(key, { transactionId, amount })
    const [oldest] = this.charged.keys()
    if (this.charged.size > REMEMBERED && oldest !== undefined) this.charged.delete(oldest)
    this.log.info('card charged', { orderId: order.id, transactionId, kind, lastDigits: digitsOf(card).slice(-4), amount })
    return transactionId
  }

  #kindOf(card: Card): string {
    const digits = digitsOf(card)
    if (!isLuhn(digits)) throw new ShopError('CARD_NUMBER', 'this is no card number; look for a digit that was mistyped')
    const kind = KINDS.find(([, pattern]) => pattern.test(digits))?.[0]
    const { accepted } = this.options
    if (kind === undefined || !accepted.includes(kind)) throw new ShopError('CARD_KIND', `the shop takes ${accepted.join(' and ')} only`)
    if (!isInTime(card, new Date())) throw new ShopError('CARD_EXPIRED', 'this card has expired; take another one')
    return kind
  }
}
export const paymentsImpl = implement(Payments, PaymentsImpl)

function digitsOf({ number }: Card): string {
  return number.replaceAll(/[ -]/g, '')
}

/**
 * The check digit of card numbers: from the right every second digit counts twice, and the digits
 * of it all add up to a multiple of ten.
 */
export function isLuhn(digits: string): boolean {
  if (!/^\d{12,19}$/.test(digits)) return false
  const sum = [...digits].reverse().reduce((sum, digit, at) => {
    const value = Number(digit) * (at % 2 === 0 ? 1 : 2)
    return sum + (value > 9 ? value - 9 : value)
  }, 0)
  return sum % 10 === 0
}

export function isInTime({ expiryMonth, expiryYear }: Card, now: Date): boolean {
  if (!Number.isInteger(expiryMonth) || expiryMonth < 1 || expiryMonth > 12 || !Number.isInteger(expiryYear)) return false
  return Date.UTC(expiryYear, expiryMonth) > now.getTime() // months count from 0 there: this is the first moment of the next one
}
