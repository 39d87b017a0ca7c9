import { construct } from '@weaver/sdk/testing'
import { Currencies, currenciesImpl } from './currencies.js'
import { add, format, money, rounded, times } from './money.js'

it('adds and multiplies without losing a cent', () => {
  const dime = money('USD', 10)
  expect(add(dime, money('USD', 20))).toEqual({ currency: 'USD', units: 0, nanos: 300_000_000 })
  expect(times(money('USD', 99_999_999_999), 3)).toEqual({ currency: 'USD', units: 2_999_999_999, nanos: 970_000_000 })
  expect(() => add(dime, money('EUR', 10))).toThrow('cannot add EUR to USD')
})

it('rounds to what can be paid, halves up, and writes it as people do', () => {
  expect(format(rounded({ currency: 'USD', units: 1, nanos: 995_000_000 }))).toBe('$2.00')
  expect(format(rounded({ currency: 'USD', units: 1, nanos: 994_999_999 }))).toBe('$1.99')
  expect(format(rounded({ currency: 'JPY', units: 1234, nanos: 500_000_000 }))).toBe('¥1,235')
  expect(format(money('EUR', 123_456_705))).toBe('€1,234,567.05')
})

it('converts by way of the rates of the configuration', async () => {
  const currencies = construct(currenciesImpl.create, { config: { rates: { USD: 1, EUR: 0.5, JPY: 150 } } }) as Currencies
  expect(await currencies.list()).toEqual(['USD', 'EUR', 'JPY'])
  expect(await currencies.convert(money('USD', 1_001), 'EUR')).toEqual(money('EUR', 501))
  expect(await currencies.convert(money('EUR', 101), 'JPY')).toEqual(money('JPY', 30_300))
  await expect(currencies.convert(money('USD', 1), 'toString')).rejects.toMatchObject({ code: 'CURRENCY_UNKNOWN' })
})

it('refuses rates that are none', () => {
  expect(() => construct(currenciesImpl.create, { config: { rates: { USD: 0 } } })).toThrow(/rates/)
})
