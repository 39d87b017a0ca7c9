import { connect, type NatsConnection } from '@nats-io/transport-node'
import { z } from 'zod'
import { component, config, implement, listener, ref, withContext, type Main } from '@weaver/sdk'
import { fake } from '@weaver/sdk/internal'
import { bindByHand, genByHand } from '@weaver/sdk/test-support'
import { startNatsServer } from './nats-server.js'
import { weaverTest, type WeaverTestOptions } from './weaver-test.js'

interface Stock {
  count(item: string): Promise<number>
}
const Stock = component<Stock>('shop/Stock')
class StockImpl implements Stock {
  readonly options = config(z.strictObject({ full: z.number().default(5) }))
  asked = 0
  async count() {
    this.asked += 1
    return this.options.full
  }
}
interface Cart {
  order(item: string): Promise<string>
}
const Cart = component<Cart>('shop/Cart')
class CartImpl implements Cart {
  readonly stock = ref(Stock)
  async order(item: string) {
    return `${item}: ${await this.stock.count(item)}`
  }
}
const weaver = genByHand(
  [
    bindByHand(Stock, implement(Stock, StockImpl), { methods: ['count'] }),
    bindByHand(Cart, implement(Cart, CartImpl), { methods: ['order'], refs: ['shop/Stock'] }),
  ],
  { refs: ['shop/Cart'], listeners: ['lis'] },
)

describe.each(['local', 'rpc'] as const)('a test with the runner %s', (runner) => {
  it('gets components, with the configuration that it gives, as text or as values', async () => {
    const order = (configuration: string | Record<string, unknown>) =>
      weaverTest({ weaver, runner, config: configuration }, (test) => test.get(Cart).order('tea'))
    expect(await order({})).toBe('tea: 5')
    expect(await order('["shop/Stock"]\nfull = 7')).toBe('tea: 7')
    expect(await order({ 'shop/Stock': { full: 8 } })).toBe('tea: 8')
    await expect(order({ 'shop/Stock': { full: 'x' } })).rejects.toMatchObject({ code: 'WEAVER_START_INVALID' })
    await expect(order({ 'shop/Cart': {} })).rejects.toMatchObject({
      code: 'WEAVER_START_INVALID',
      message: expect.stringContaining('"shop/Cart" takes none') as string, // an asymmetric matcher
    })
  })

  it('puts fakes in the places of implementations, and looks into those that are real', async () => {
    const given = { 'shop/Stock': { full: 7 } } // the real one would read it
    await weaverTest({ weaver, runner, config: given, fakes: [fake(Stock, { count: async () => 42 })] }, async (test) => {
      expect(await test.get(Cart).order('tea')).toBe('tea: 42')
    })
    await weaverTest({ weaver, runner }, async (test) => {
      await test.get(Cart).order('tea')
      // By RPC each call runs once more than it was made, but for those of an extra run: one of
      // that, two of the other.
      expect((test.implementation(Stock) as StockImpl).asked).toBe(runner === 'rpc' ? 3 : 1)
    })
  })

  it('runs main where it is given one', async () => {
    class App implements Main {
      readonly cart = ref(Cart)
      readonly lis = listener('lis')
      async main() {
        const { createServer } = await import('node:http')
        await this.lis.serve(createServer((_, response) => void this.cart.order('tea').then((text) => response.end(text))))
      }
    }
    await weaverTest({ weaver, runner, app: App }, async (test) => {
      expect(await (await fetch(await test.url('lis'))).text()).toBe('tea: 5')
    })
  })

  it('fails with what the body throws, and with what main throws', async () => {
    await expect(weaverTest({ weaver, runner }, () => Promise.reject(new RangeError('no')))).rejects.toThrow(new RangeError('no'))
    class Failing implements Main {
      readonly cart = ref(Cart)
      readonly lis = listener('lis')
      async main() {
        throw new RangeError('main')
      }
    }
    await expect(weaverTest({ weaver, runner, app: Failing }, () => new Promise((resolve) => setTimeout(resolve, 20)))).rejects.toThrow(
      'main',
    )
    await expect(weaverTest({ weaver, runner, app: Failing }, (test) => test.url('lis'))).rejects.toThrow(new RangeError('main'))
  })
})

it('gives as many replicas as it is asked for, and looks into each', async () => {
  await weaverTest({ weaver, runner: 'rpc', replicas: 3, extraRuns: 0 }, async (test) => {
    for (let i = 0; i < 60; i++) await test.get(Stock).count('tea')
    const asked = test.implementations(Stock).map((stock) => (stock as StockImpl).asked)
    expect(asked).toHaveLength(3)
    expect(Math.min(...asked)).toBeGreaterThan(0)
    expect(asked.reduce((sum, n) => sum + n)).toBe(60)
  })
})

it('does not wait for a call that never ends, and says so', async () => {
  const arrived: string[] = []
  const count = (item: string) => {
    arrived.push(item)
    return new Promise<number>(() => undefined)
  }
  const failing = weaverTest({ weaver, runner: 'rpc', fakes: [fake(Stock, { count })] }, async (test) => {
    // A call whose deadline passes on its way is never begun.
    for (let ms = 50; arrived.length === 0; ms *= 2) {
      const call = withContext({ deadline: Date.now() + ms }, () => test.get(Stock).count('tea'))
      await expect(call).rejects.toMatchObject({ code: 'WEAVER_RPC_DEADLINE' })
    }
  })
  await expect(failing).rejects.toMatchObject({ code: 'WEAVER_TEST', message: expect.stringContaining('does a call of it never end?') })
})

it('is told of a connection that a component leaves open', async () => {
  let held: NatsConnection | undefined
  class Leaky implements Stock {
    async count(url: string) {
      held = await connect({ servers: url, reconnect: false })
      return 1
    }
  }
  const leaky = genByHand([bindByHand(Stock, implement(Stock, Leaky), { methods: ['count'] })])
  const failing = weaverTest({ weaver: leaky, runner: 'rpc' }, (test) => test.get(Stock).count(test.natsUrl ?? ''))
  await expect(failing).rejects.toMatchObject({
    code: 'WEAVER_TEST',
    message: expect.stringContaining('the connection "without a name" to the broker is still open, with 0 subscriptions'),
  })
  await held?.close().catch(() => undefined) // the broker has gone
})

it('uses a broker that is there, and leaves it alone', async () => {
  const nats = await startNatsServer()
  try {
    expect(await weaverTest({ weaver, runner: 'rpc', natsUrl: nats.url }, (test) => test.get(Cart).order('tea'))).toBe('tea: 5')
    const nc = await connect({ servers: nats.url })
    await nc.close()
  } finally {
    await nats.stop()
  }
})

describe('runs more than were asked for', () => {
  let runs: string[] = []
  interface Ledger {
    add(item: string): Promise<number>
    pay(item: string): Promise<number>
    fail(item: string): Promise<number>
    list(item: string): AsyncIterable<string>
  }
  const Ledger = component<Ledger>('shop/Ledger', { notRetriable: ['pay'] })
  class LedgerImpl implements Ledger {
    async add() {
      return runs.push('add')
    }
    async pay() {
      return runs.push('pay')
    }
    async fail(): Promise<number> {
      throw new RangeError(`failure ${runs.push('fail')}`)
    }
    async *list() {
      runs.push('list')
      yield 'item'
    }
  }
  const ledger = genByHand([
    bindByHand(Ledger, implement(Ledger, LedgerImpl), { methods: ['add', 'pay', 'fail', 'list'], streams: ['list'] }),
  ])
  const use = async (options: Partial<WeaverTestOptions>): Promise<readonly string[]> => {
    runs = []
    await weaverTest({ weaver: ledger, ...options }, async (test) => {
      const held = test.get(Ledger)
      const [before, after] = [runs.length, await held.add('x')]
      expect(after - before).toBe(1 + (options.extraRuns ?? (options.runner === 'rpc' ? 1 : 0))) // the outcome of the last
      await held.pay('x')
      await expect(held.fail('x')).rejects.toThrow('failure ')
      for await (const item of held.list('x')) expect(item).toBe('item')
    })
    return runs
  }

  it('are one of each method that may run twice by RPC, none locally, and as many as are wanted', async () => {
    expect(await use({ runner: 'local' })).toEqual(['add', 'pay', 'fail', 'list'])
    expect(await use({ runner: 'rpc' })).toEqual(['add', 'add', 'pay', 'fail', 'fail', 'list'])
    expect(await use({ runner: 'rpc', extraRuns: 0 })).toEqual(['add', 'pay', 'fail', 'list'])
    expect(await use({ runner: 'local', extraRuns: 2 })).toEqual(['add', 'add', 'add', 'pay', 'fail', 'fail', 'fail', 'list'])
  })
})

describe('options that do not go together', () => {
  const reasonOf = (options: Partial<Parameters<typeof weaverTest>[0]>): Promise<string> =>
    weaverTest({ weaver, ...options }, async () => undefined).then(
      () => 'none',
      (error: { readonly code: string; readonly message: string }) => `${error.code} ${error.message}`,
    )
  it('are refused, with what to do', async () => {
    const one = fake(Stock, { count: async () => 1 })
    const Other = component<Stock>('shop/Other')
    expect(await reasonOf({ runner: 'multi' })).toMatch(/^WEAVER_TEST .*give `entry`/)
    expect(await reasonOf({ extraRuns: -1 })).toMatch(/^WEAVER_TEST extraRuns is a whole number from 0, not -1$/)
    expect(await reasonOf({ replicas: 0 })).toMatch(/^WEAVER_TEST replicas is a whole number from 1, not 0$/)
    expect(await reasonOf({ fakes: [one, one] })).toMatch(/^WEAVER_TEST .*two fakes for "shop\/Stock"/)
    expect(await reasonOf({ fakes: [fake(Other, { count: async () => 1 })] })).toMatch(
      /^WEAVER_TEST .*"shop\/Other", which the application has not/,
    )
    await expect(weaverTest({ weaver }, async (test) => test.get(Other))).rejects.toMatchObject({ code: 'WEAVER_START_INVALID' })
  })

  it('a process that ends before it is ready is shown with its words', async () => {
    expect(await reasonOf({ runner: 'multi', entry: '/nowhere/main.js' })).toMatch(/^WEAVER_TEST .*ended before it was ready: .*nowhere/s)
  })
})
