import { jest } from '@jest/globals'
import type { ComponentBinding, MethodBinding } from '../component/binding.js'
import { component, implement, type Main } from '../component/component.js'
import { ref } from '../component/construction.js'
import { context, withContext, type CallContext } from '../context/context.js'
import { bindByHand, genByHand, startByHand } from '../testing/hand-made-app.js'
import { LocalGate } from './local-calls.js'

interface Cart {
  look(): Promise<CallContext>
  fail(): Promise<void>
}
const Cart = component<Cart>('shop/Cart', { timeoutMs: { look: 500 } })
class CartImpl implements Cart {
  async look() {
    await Promise.resolve()
    return context()
  }
  async fail() {
    throw new RangeError('sold out')
  }
}
const cart = bindByHand(Cart, implement(Cart, CartImpl), { methods: ['look', 'fail'] })

async function inApp<T>(body: (cart: Cart) => Promise<T>): Promise<T> {
  let held: Cart | undefined
  class App implements Main {
    readonly cart = ref(Cart)
    main() {
      held = this.cart
    }
  }
  const { weavelet } = await startByHand(App, genByHand([cart], { refs: ['shop/Cart'] }))
  try {
    return await body(held as unknown as Cart) // main has run
  } finally {
    await weavelet.stop()
  }
}

describe('a call in the same process', () => {
  // The first call of a method is timed and goes another way than those after it.
  it.each([1, 2])('gives the callee its caller, the method’s time limit and what the caller had around it (call %i)', async (calls) => {
    const signal = new AbortController().signal
    const before = Date.now()
    const seen = await inApp((held) =>
      withContext({ signal, metadata: { user: 'ada' }, traceparent: '00-1-2-01' }, async () => {
        for (let call = 1; call < calls; call++) await held.look()
        return held.look()
      }),
    )
    expect(seen.signal.aborted).toBe(false)
    expect(seen).toMatchObject({
      metadata: { user: 'ada' },
      traceparent: '00-1-2-01',
      caller: { component: 'weaver/Main', replica: 'main-0' },
      deadline: expect.any(Number),
    })
    expect(seen.deadline).toBeGreaterThanOrEqual(before + 500)
    expect(seen.deadline).toBeLessThanOrEqual(Date.now() + 500)
  })

  it('never gives the callee more time than its caller has', async () => {
    const [own, seen] = await inApp(async (held) => {
      const deadline = Date.now() + 450 // of the 500 that the method may take
      return [deadline, await withContext({ deadline }, () => held.look())]
    })
    expect(seen.deadline).toBe(own)
  })

  it('leaves the context of the caller as it was', async () => {
    const outside = await inApp(async (held) => {
      await held.look()
      return context()
    })
    expect(outside.caller).toBeUndefined()
    expect(outside.deadline).toBeUndefined()
  })

  it.each([1, 2])('fails with the error of the method itself (call %i)', async (calls) => {
    await inApp(async (held) => {
      for (let call = 1; call < calls; call++) await held.fail().catch(() => undefined)
      await expect(held.fail()).rejects.toThrow(new RangeError('sold out'))
    })
  })
})

describe('the straight way of a call', () => {
  const limits = new AbortController()
  const binding: ComponentBinding = {
    ...cart,
    methods: ['look', 'throws', 'givesUp'].map((name) => ({
      name,
      encodeArgs: () => undefined,
      decodeArgs: () => [],
      encodeResult: () => undefined,
      decodeResult: () => undefined,
    })),
  }
  const target = {
    look: async () => context(),
    throws: () => {
      throw new RangeError('at once')
    },
    givesUp: () => {
      limits.abort(new Error('enough'))
      return new Promise(() => undefined)
    },
  }
  const gate = new LocalGate({ name: 'shop/Cart', target, isStarted: true }, binding, {
    caller: { component: 'shop/Web', replica: 'web-0' },
    tracing: undefined,
  })
  /** As the generated forwarder does it. */
  const call = (method: keyof typeof target): Promise<unknown> => {
    const index = Object.keys(target).indexOf(method)
    const entered = gate.enter(index)
    if (entered === undefined) return gate.call(index, [])
    try {
      return gate.leave(entered, target[method]() as Promise<unknown>)
    } catch (error) {
      return gate.fail(entered, error)
    }
  }
  beforeAll(() => {
    for (const index of binding.methods.keys()) expect(gate.enter(index)).toBeUndefined() // the first call is timed: it takes the other way
  })

  it.each([{}, { deadline: Date.now() + 60_000 }])('is left with the context of its caller, whatever comes of it: %j', async (limit) => {
    await withContext({ ...limit, metadata: { of: 'caller' } }, async () => {
      const outer = context()
      const looked = call('look')
      expect(context()).toBe(outer)
      expect(await looked).toMatchObject({ caller: { component: 'shop/Web' }, metadata: { of: 'caller' } })
      const thrown = call('throws')
      expect(context()).toBe(outer)
      await expect(thrown).rejects.toThrow('at once')
    })
  })

  it('gives calls of one turn from outside of any call one context, and later ones a later deadline', async () => {
    const unlimited = new LocalGate(
      { name: 'shop/Cart', target, isStarted: true },
      { ...binding, token: { ...binding.token, options: {} } },
      { caller: { component: 'shop/Web', replica: 'web-0' }, tracing: undefined },
    )
    const entered = (): number | undefined => {
      const inner = unlimited.enter(0)
      if (inner !== undefined) unlimited.leave(inner, undefined)
      return inner?.deadline
    }
    const [first, second] = [entered() ?? entered(), entered()]
    expect(first).toBe(second)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(entered()).toBeGreaterThan(first ?? Infinity)
  })

  it.each([
    ['a short limit from the very call', 20, 0],
    ['a long one from one of the last sixteen', 30_000, 15_000],
  ])('counts %s, also in a loop that never leaves the process', async (_, timeoutMs, behindMs) => {
    const limited: ComponentBinding = { ...binding, token: { ...binding.token, options: { defaultTimeoutMs: timeoutMs } } }
    const hasTime = new LocalGate({ name: 'shop/Limited', target, isStarted: true }, limited, {
      caller: { component: `shop/${timeoutMs}`, replica: 'web-0' },
      tracing: undefined,
    })
    hasTime.enter(0)
    let elapsed = performance.now()
    let now = Math.floor(performance.timeOrigin + elapsed)
    const clocks = [jest.spyOn(performance, 'now').mockImplementation(() => elapsed), jest.spyOn(Date, 'now').mockImplementation(() => now)]
    const left: number[] = []
    for (let call = 0; call < 60; call++) {
      now += 1_000 // what each call takes
      elapsed += 1_000
      const entered = hasTime.enter(0)
      if (entered === undefined) continue
      left.push((context().deadline ?? 0) - now)
      hasTime.leave(entered, undefined)
      await undefined
    }
    for (const clock of clocks) clock.mockRestore()
    await new Promise((resolve) => setImmediate(resolve)) // the end of the turn
    expect(left).toHaveLength(60)
    expect(Math.min(...left)).toBeGreaterThanOrEqual(timeoutMs - behindMs)
    expect(Math.max(...left)).toBe(timeoutMs)
  })

  it('releases a caller whose limits end while the method begins', async () => {
    await withContext({ signal: limits.signal }, async () => {
      await expect(call('givesUp')).rejects.toMatchObject({ code: 'WEAVER_RPC_CANCELLED', cause: new Error('enough') })
    })
  })
})

describe('a streaming call in the same process', () => {
  /** The gate before an object with one method that returns a stream and takes one. */
  function gateTo(instance: object, isStarted: boolean = true): LocalGate {
    const binding: ComponentBinding = {
      ...cart,
      methods: [
        {
          name: 'double',
          encodeArgs: () => undefined,
          decodeArgs: () => [undefined],
          encodeResult: () => undefined,
          decodeResult: () => undefined,
          isStream: true,
          input: { position: 0, encodeItem: () => undefined, decodeItem: () => undefined },
        },
      ],
    }
    const caller = { component: 'shop/Web', replica: 'web-0' }
    return new LocalGate({ name: 'shop/Cart', target: instance, isStarted }, binding, { caller, tracing: undefined })
  }
  async function* numbers(seen: unknown[]) {
    for (let i = 1; i <= 2; i++) {
      seen.push(context().caller?.component ?? 'outside')
      yield i
    }
  }

  it('runs each side in its own context, without a time limit that nobody set', async () => {
    const seen: unknown[] = []
    const gate = gateTo({
      async *double(items: AsyncIterable<number>) {
        for await (const item of items) {
          seen.push([context().caller?.component, context().deadline])
          yield 2 * item
        }
      },
    })
    const found: unknown[] = []
    for await (const item of gate.stream(0, [numbers(seen)])) found.push(item)
    expect(found).toEqual([2, 4])
    expect(seen).toEqual(['outside', ['shop/Web', undefined], 'outside', ['shop/Web', undefined]])
  })

  it('never takes the straight way, on which its body would see the context of its reader', () => {
    const gate = gateTo({})
    for (let call = 0; call < 100; call++) expect(gate.enter(0)).toBeUndefined()
  })

  it('is refused before its component has started, where its first item is asked for', async () => {
    const stream = gateTo({}, false).stream(0, [numbers([])])
    const items = stream[Symbol.asyncIterator]()
    await expect(items.next()).rejects.toMatchObject({ code: 'WEAVER_NOT_STARTED' })
  })
})

describe('the limit of a call', () => {
  it('is that of its caller, its method, its component or the application, in this order, and never past the deadline', async () => {
    interface Clock {
      own(): Promise<CallContext>
      other(): Promise<CallContext>
    }
    const limitOf = async (call: () => Promise<CallContext>): Promise<number> => {
      const { deadline } = await call()
      return Math.ceil(((deadline ?? 0) - Date.now()) / 1_000)
    }
    const run = async (defaultTimeoutMs: number | undefined, body: (clock: Clock) => Promise<void>): Promise<void> => {
      const Clock = component<Clock>('shop/Clock', {
        timeoutMs: { own: 100_000 },
        ...(defaultTimeoutMs === undefined ? {} : { defaultTimeoutMs }),
      })
      class ClockImpl implements Clock {
        async own() {
          return context()
        }
        async other() {
          return context()
        }
      }
      class App implements Main {
        main(): void {}
      }
      const gen = genByHand([bindByHand(Clock, implement(Clock, ClockImpl), { methods: ['own', 'other'] })])
      const { weavelet } = await startByHand(App, gen, { defaultTimeoutMs: 300_000 })
      await body(weavelet.ref(Clock))
      await weavelet.stop()
    }
    await run(200_000, async (clock) => {
      expect(await limitOf(() => clock.own())).toBe(100)
      expect(await limitOf(() => clock.other())).toBe(200)
      expect(await limitOf(() => withContext({ timeoutMs: 400_000 }, () => clock.own()))).toBe(400)
      expect(await limitOf(() => withContext({ timeoutMs: 400_000, deadline: Date.now() + 50_000 }, () => clock.own()))).toBe(50)
      expect(await limitOf(() => withContext({ deadline: Date.now() + 400_000 }, () => clock.own()))).toBe(100)
      expect((await withContext({ timeoutMs: 400_000 }, () => clock.own())).timeoutMs).toBeUndefined()
    })
    await run(undefined, async (clock) => expect(await limitOf(() => clock.other())).toBe(300))
  })
})

describe('a call of a method that takes a stream', () => {
  interface Sum {
    add(items: AsyncIterable<number>): Promise<string>
  }
  const Sum = component<Sum>('shop/Sum')
  let seen: string[]
  class SumImpl implements Sum {
    async add(items: AsyncIterable<number>) {
      seen.push('runs')
      const { signal } = context()
      signal.addEventListener('abort', () => seen.push((signal.reason as Error).name)) // a DOMException
      for await (const item of items) seen.push(String(item))
      return 'all'
    }
  }
  const sum = bindByHand(Sum, implement(Sum, SumImpl), { methods: ['add'] })
  const binding: ComponentBinding = {
    ...sum,
    methods: [{ ...(sum.methods[0] as MethodBinding), input: { position: 0, encodeItem: () => undefined, decodeItem: () => undefined } }], // it has one
  }
  const gate = (): LocalGate =>
    new LocalGate({ name: 'shop/Sum', target: new SumImpl(), isStarted: true }, binding, {
      caller: { component: 'shop/Web', replica: 'web-0' },
      tracing: undefined,
    })
  /** One item, and then nothing for ever; says when it is given back. */
  function endless(): AsyncIterable<number> {
    let isFirst = true
    return {
      [Symbol.asyncIterator]: () => ({
        async next() {
          if (!isFirst) await new Promise(() => undefined)
          isFirst = false
          return { done: false, value: 1 }
        },
        async return() {
          seen.push('given back')
          return { done: true, value: undefined }
        },
      }),
    }
  }
  beforeEach(() => (seen = []))

  it('lets its caller go on when the deadline passes, and gives the stream back', async () => {
    const call = withContext({ deadline: Date.now() + 50 }, () => gate().call(0, [endless()]))
    await expect(call).rejects.toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect(seen).toEqual(['runs', '1', 'TimeoutError', 'given back'])
  })

  it('lets its caller go on when its signal fires', async () => {
    const controller = new AbortController()
    const call = withContext({ signal: controller.signal }, () => gate().call(0, [endless()]))
    setTimeout(() => controller.abort(), 20)
    await expect(call).rejects.toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true })
    expect(seen).toEqual(['runs', '1', 'AbortError', 'given back'])
  })

  it('does not run when it is given up before', async () => {
    const call = withContext({ signal: AbortSignal.abort() }, () => gate().call(0, [endless()]))
    await expect(call).rejects.toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: false })
    expect(seen).toEqual(['given back'])
  })
})

describe('a routed call in the only process', () => {
  it('needs a key as any other', async () => {
    interface Cache {
      get(key: string): Promise<string>
      list(key: string): AsyncIterable<string>
    }
    const router = (key: string): string => {
      if (key === 'bad') throw new RangeError('no key')
      return key === 'none' ? (undefined as unknown as string) : key
    }
    const Cache = component<Cache>('shop/Cache', { router: { get: router, list: router } })
    class CacheImpl implements Cache {
      async get(key: string) {
        return key
      }
      async *list(key: string) {
        yield key
      }
    }
    class App implements Main {
      main(): void {}
    }
    const gen = genByHand([bindByHand(Cache, implement(Cache, CacheImpl), { methods: ['get', 'list'], streams: ['list'] })])
    const { weavelet } = await startByHand(App, gen)
    const cache = weavelet.ref(Cache)
    const first = async (key: string): Promise<unknown> => (await cache.list(key)[Symbol.asyncIterator]().next()).value as unknown
    expect([await cache.get('ann'), await first('ann')]).toEqual(['ann', 'ann'])
    for (const call of [(key: string) => cache.get(key), first]) {
      await expect(call('none')).rejects.toMatchObject({ code: 'WEAVER_ROUTING_KEY' })
      await expect(call('bad')).rejects.toThrow(new RangeError('no key'))
    }
    await weavelet.stop()
  })
})

it('with copies, the items of streams are copied both ways', async () => {
  interface Echo {
    each(items: AsyncIterable<{ n: number }>): AsyncIterable<{ n: number }>
  }
  const Echo = component<Echo>('shop/Echo')
  const given: unknown[] = []
  class EchoImpl implements Echo {
    async *each(items: AsyncIterable<{ n: number }>) {
      for await (const item of items) {
        given.push(item)
        yield item
      }
    }
  }
  const echo = bindByHand(Echo, implement(Echo, EchoImpl), { methods: ['each'], streams: ['each'] })
  const [method] = echo.methods as readonly [MethodBinding]
  const encodeItem: MethodBinding['encodeResult'] = (w, item) => w.string(JSON.stringify(item))
  const input = { position: 0, encodeItem, decodeItem: method.decodeResult }
  const binding: ComponentBinding = { ...echo, methods: [{ ...method, encodeArgs: (w) => w.string('[null]'), input }] }
  const gate = new LocalGate({ name: 'shop/Echo', target: new EchoImpl(), isStarted: true }, binding, {
    caller: { component: 'shop/Web', replica: 'web-0' },
    tracing: undefined,
    isCopied: true,
  })
  const own = { n: 1 }
  const found: unknown[] = []
  const items = (async function* () {
    yield own
  })()
  for await (const item of gate.stream(0, [items])) found.push(item)
  expect([given, found]).toEqual([[{ n: 1 }], [{ n: 1 }]])
  expect(given[0]).not.toBe(own)
  expect(found[0]).not.toBe(given[0])
})
