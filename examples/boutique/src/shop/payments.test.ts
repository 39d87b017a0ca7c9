import { construct } from '@weaver/sdk/testing'
import { money } from './money.js'
import { isInTime, isLuhn, paymentsImpl, type Payments } from './payments.js'

const ORDER = { id: '1', user: 'ada' }
const VISA = { number: '4111 1111 1111 1111', expiryMonth: 12, expiryYear: 2999 }
const payments = (config = {}): Payments => construct(paymentsImpl.create, { config }) as Payments

it('knows card numbers by their check digit', () => {
  for (const good of ['4111111111111111', '5555555555554444', '378282246310005']) expect([good, isLuhn(good)]).toEqual([good, true])
  for (const bad of ['4111111111111112', '1411111111111111', '0', '', '4111-1111']) expect([bad, isLuhn(bad)]).toEqual([bad, false])
})

it.each([
  [2030, 6, true],
  [2030, 5, false],
  [2029, 12, false],
  [2031, 1, true],
  [2031, 13, false],
  [2031, 0, false],
  [Number.NaN, 7, false],
])('a card of %d-%d is in time on the last day of June 2030: %s', (expiryYear, expiryMonth, expected) => {
  expect(isInTime({ number: '', expiryMonth, expiryYear }, new Date('2030-06-30T23:59:59Z'))).toBe(expected)
})

it.each([
  ['CARD_NUMBER', { ...VISA, number: '4111 1111 1111 1112' }],
  ['CARD_KIND', { ...VISA, number: '378282246310005' }],
  ['CARD_EXPIRED', { ...VISA, expiryYear: 2020 }],
])('refuses with %s', async (code, card) => {
  await expect(payments().check(card)).rejects.toMatchObject({ name: 'ShopError', code })
  await expect(payments().charge(ORDER, money('USD', 100), card)).rejects.toMatchObject({ code })
})

it('takes the kinds of card that it is told to', async () => {
  await payments({ accepted: ['American Express'] }).check({ ...VISA, number: '378282246310005' })
  await expect(payments({ accepted: ['American Express'] }).check(VISA)).rejects.toMatchObject({
    message: 'the shop takes American Express only',
  })
})

it('charges an order of a user once, and not with two amounts', async () => {
  const bank = payments()
  const first = await bank.charge(ORDER, money('USD', 100), VISA)
  expect(await bank.charge(ORDER, money('USD', 100), VISA)).toBe(first)
  expect(await bank.charge({ ...ORDER, id: '2' }, money('USD', 100), VISA)).not.toBe(first)
  expect(await bank.charge({ ...ORDER, user: 'bob' }, money('USD', 100), VISA)).not.toBe(first)
  await expect(bank.charge(ORDER, money('USD', 200), VISA)).rejects.toMatchObject({ code: 'ORDER_CHANGED' })
})
