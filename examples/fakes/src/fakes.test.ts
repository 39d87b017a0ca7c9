import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { context } from '@weaver/sdk'
import { fake, RUNNERS, weaverTest, type Fake } from '@weaver/sdk/testing'
import { buildExample } from '../../../scripts/build-example.js'
import { App } from './app.js'
import { Clock } from './clock.js'
import { Declined, Payments } from './payments.js'
import { Shop, type Order } from './shop.js'
import { weaver } from './weaver.gen.js'

const entry = fileURLToPath(new URL('../dist/main.js', import.meta.url))

beforeAll(() => buildExample('fakes'), 120_000)

const clockAt = (time: string): Fake => fake(Clock, { now: async () => new Date(`2026-01-02T${time}Z`) })
const noon = clockAt('12:00')

describe.each(RUNNERS)('with the runner %s', (runner) => {
  const order = (cents: number, ...fakes: Fake[]): Promise<Order> =>
    weaverTest({ weaver, runner, entry, fakes }, (test) => test.get(Shop).order('4711', cents))

  it('takes orders by day only, whatever the time is where the test runs', async () => {
    expect(await order(100, clockAt('07:59'))).toEqual({ state: 'closed' })
    expect(await order(100, clockAt('08:00'))).toEqual({ state: 'paid', receipt: 'receipt 1' })
    expect(await order(100, clockAt('20:00'))).toEqual({ state: 'closed' })
  })

  it('charges what was ordered, once', async () => {
    const charged: [string, number][] = []
    const charge = async (card: string, cents: number): Promise<string> => `no. ${charged.push([card, cents])}`
    expect(await order(250, noon, fake(Payments, { charge }))).toEqual({ state: 'paid', receipt: 'no. 1' })
    expect(charged).toEqual([['4711', 250]])
  })

  it('says why when the bank says no, the real one and a fake', async () => {
    expect(await order(10_001, noon)).toEqual({ state: 'declined', reason: 'card 4711 is good for 10000 cents' })
    const charge = () => Promise.reject(new Declined('stolen'))
    expect(await order(1, noon, fake(Payments, { charge }))).toEqual({ state: 'declined', reason: 'stolen' })
  })

  it('fails when payments are broken', async () => {
    const charge = () => Promise.reject(new RangeError('bug'))
    await expect(order(1, noon, fake(Payments, { charge }))).rejects.toMatchObject({ name: 'RangeError', message: 'bug' })
  })

  it('answers over HTTP', async () => {
    await weaverTest({ weaver, runner, entry, app: App, fakes: [noon] }, async (test) => {
      expect(await (await fetch(`${await test.url('shop')}/?cents=5`)).json()).toEqual({ state: 'paid', receipt: 'receipt 1' })
    })
  })
})

it.each(['rpc', 'multi'] as const)('does not know when payments do not answer in time, with the runner %s', async (runner) => {
  const charge = () => sleep(60_000, '', { signal: context().signal }) // until its caller has given up
  await weaverTest({ weaver, runner, entry, fakes: [noon, fake(Payments, { charge })] }, async (test) => {
    expect(await test.get(Shop).order('4711', 1)).toEqual({ state: 'unknown' })
  })
})
