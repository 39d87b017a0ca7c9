import { component, config, implement } from '@weaver/sdk'
import { z } from 'zod'
import { fromNanos, rounded, toNanos, type Money } from './money.js'
import { ShopError } from './shop-error.js'

export interface Currencies {
  /** Codes, those that come first most often first. */
  list(): Promise<string[]>
  /** Rounded to what can be paid. @throws ShopError `CURRENCY_UNKNOWN` */
  convert(from: Money, to: string): Promise<Money>
}
export const Currencies = component<Currencies>('boutique/Currencies')

const MILLIONTHS = 1_000_000

class CurrenciesImpl implements Currencies {
  readonly options = config(
    z.strictObject({
      /** How much of each is worth one US dollar. */
      rates: z
        .record(z.string().regex(/^[A-Z]{3}$/), z.number().positive())
        .default({ USD: 1, EUR: 0.92, GBP: 0.79, JPY: 151, CAD: 1.37, TRY: 34 }),
    }),
  )

  async list(): Promise<string[]> {
    return Object.keys(this.options.rates)
  }

  async convert(from: Money, to: string): Promise<Money> {
    const nanos = (toNanos(from) * this.#rate(to)) / this.#rate(from.currency)
    return rounded(fromNanos(to, nanos))
  }

  /** A whole number, as money is reckoned with those alone. */
  #rate(currency: string): bigint {
    const rate = Object.hasOwn(this.options.rates, currency) ? this.options.rates[currency] : undefined
    if (rate === undefined) throw new ShopError('CURRENCY_UNKNOWN', `the shop does not take "${currency}"`)
    return BigInt(Math.round(rate * MILLIONTHS))
  }
}
export const currenciesImpl = implement(Currencies, CurrenciesImpl)
