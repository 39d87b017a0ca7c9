import { context, withContext } from '../context/context.js'
import { bindByHand, genByHand } from '../testing/hand-made-app.js'
import { weaverTest } from '@weaver/testing'
import { component, implement } from './component.js'
import { ref } from './construction.js'
import type { Interceptor } from './interceptor.js'

interface Stock {
  count(item: string): Promise<number>
  items(prefix: string): AsyncIterable<string>
}
const Stock = component<Stock>('shop/Stock')
class StockImpl implements Stock {
  async count(item: string) {
    if (item === 'nothing') throw new RangeError('there is no "nothing"')
    return item.length
  }
  async *items(prefix: string) {
    for (const name of ['tea', 'milk']) yield `${prefix} ${name} for ${context().metadata['who'] ?? 'nobody'}`
  }
}
interface Cart {
  order(item: string): Promise<string>
  list(): Promise<string[]>
}
const Cart = component<Cart>('shop/Cart')
class CartImpl implements Cart {
  readonly stock = ref(Stock)
  async order(item: string) {
    return `${await this.stock.count(item)} for ${context().metadata['who'] ?? 'nobody'}`
  }
  async list() {
    const found: string[] = []
    for await (const item of this.stock.items('a')) found.push(item)
    return found
  }
}
const weaver = genByHand([
  bindByHand(Stock, implement(Stock, StockImpl), { methods: ['count', 'items'], streams: ['items'] }),
  bindByHand(Cart, implement(Cart, CartImpl), { methods: ['order', 'list'], refs: ['shop/Stock'] }),
])

/** Notes when it is entered and left, and of what. */
function noting(name: string, events: string[]): Interceptor {
  return async ({ side, component: callee, method, args, caller }, next) => {
    events.push(`${name} ${side} ${caller ?? 'outside'} → ${callee}.${method}(${args.join()})`)
    try {
      return await next()
    } finally {
      events.push(`${name} done`)
    }
  }
}

describe.each(['local', 'rpc'] as const)('interceptors with the runner %s', (runner) => {
  it('see every call on both sides, the first outermost', async () => {
    const events: string[] = []
    const interceptors = { client: [noting('a', events), noting('b', events)], server: [noting('c', events), noting('d', events)] }
    const answer = await weaverTest({ weaver, runner, extraRuns: 0, interceptors }, (test) => test.get(Cart).order('tea'))
    expect(answer).toBe('3 for nobody')
    expect(events).toEqual([
      'a client weaver/Main → shop/Cart.order(tea)',
      'b client weaver/Main → shop/Cart.order(tea)',
      'c server weaver/Main → shop/Cart.order(tea)',
      'd server weaver/Main → shop/Cart.order(tea)',
      'a client shop/Cart → shop/Stock.count(tea)',
      'b client shop/Cart → shop/Stock.count(tea)',
      'c server shop/Cart → shop/Stock.count(tea)',
      'd server shop/Cart → shop/Stock.count(tea)',
      'd done',
      'c done',
      'b done',
      'a done',
      'd done',
      'c done',
      'b done',
      'a done',
    ])
  })

  it.each(['client', 'server'] as const)('of the %s change arguments and results, and answer in place of the method', async (side) => {
    const changing: Interceptor = async ({ method, args }, next) => {
      if (method === 'count') return ((await next([`${String(args[0])}!`])) as number) + 100
      return args[0] === 'cached' ? 'from the cache' : next()
    }
    await weaverTest({ weaver, runner, extraRuns: 0, interceptors: { [side]: [changing] } }, async (test) => {
      expect(await test.get(Cart).order('tea')).toBe('104 for nobody')
      expect(await test.get(Cart).order('cached')).toBe('from the cache')
    })
  })

  it.each(['client', 'server'] as const)('of the %s see errors of the method, and throw their own', async (side) => {
    const failing: Interceptor = ({ method, args }, next) => {
      if (args[0] === 'forbidden') throw new TypeError('not allowed') // before any await
      return next().catch((error: unknown) => {
        if (method === 'order') throw new SyntaxError(`seen: ${(error as Error).message}`)
        throw error
      })
    }
    await weaverTest({ weaver, runner, extraRuns: 0, interceptors: { [side]: [failing] } }, async (test) => {
      await expect(test.get(Cart).order('nothing')).rejects.toMatchObject({ name: 'SyntaxError', message: 'seen: there is no "nothing"' })
      await expect(test.get(Cart).order('forbidden')).rejects.toMatchObject({ name: 'TypeError', message: 'not allowed' })
    })
  })

  it('give metadata to everything behind the call, streams too', async () => {
    const naming: Interceptor = (_, next) => withContext({ metadata: { who: 'ann' } }, next)
    await weaverTest({ weaver, runner, extraRuns: 0, interceptors: { client: [naming] } }, async (test) => {
      expect(await test.get(Cart).order('tea')).toBe('3 for ann')
      expect(await test.get(Cart).list()).toEqual(['a tea for ann', 'a milk for ann'])
    })
  })

  it.each(['client', 'server'] as const)('of the %s run when a stream is first read, and may put another in its place', async (side) => {
    let runs = 0
    const doubling: Interceptor = async ({ method }, next) => {
      const result = await next()
      if (method !== 'items') return result
      runs++
      return (async function* () {
        for await (const item of result as AsyncIterable<string>) yield item.toUpperCase() // as the method returns
      })()
    }
    await weaverTest({ weaver, runner, extraRuns: 0, interceptors: { [side]: [doubling] } }, async (test) => {
      const unread = test.get(Stock).items('x')
      expect(await test.get(Cart).list()).toEqual(['A TEA FOR NOBODY', 'A MILK FOR NOBODY'])
      expect(runs).toBe(1)
      for await (const first of unread) {
        expect(first).toBe('X TEA FOR NOBODY')
        break
      }
      expect(runs).toBe(2)
    })
  })

  it('call next as often as they like: each is a call', async () => {
    const insisting: Interceptor = ({ method }, next) => (method === 'count' ? next().catch(() => next(['something'])) : next())
    await weaverTest({ weaver, runner, extraRuns: 0, interceptors: { client: [insisting] } }, async (test) => {
      expect(await test.get(Cart).order('nothing')).toBe('9 for nobody')
    })
  })
})

it.each(['local', 'rpc'] as const)('a stream through them is one stream, and over when its reader has left: runner %s', async (runner) => {
  await weaverTest({ weaver, runner, interceptors: { client: [noting('a', [])] } }, async (test) => {
    const items = test.get(Stock).items('a')
    const [first, again] = [items[Symbol.asyncIterator](), items[Symbol.asyncIterator]()]
    expect(await first.next()).toEqual({ done: false, value: 'a tea for nobody' })
    expect(await again.next()).toEqual({ done: false, value: 'a milk for nobody' })
    await first.return?.()
    expect(await again.next()).toEqual({ done: true, value: undefined })
    const unread = test.get(Stock).items('a')[Symbol.asyncIterator]()
    await unread.return?.()
    expect(await unread.next()).toEqual({ done: true, value: undefined })
  })
})
