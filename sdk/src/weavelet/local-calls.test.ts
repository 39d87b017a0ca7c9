import type { ComponentBinding } from '../component/binding.js'
import { component, implement, type Main } from '../component/component.js'
import { ref } from '../component/construction.js'
import { context, withContext, type CallContext } from '../rpc/context.js'
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
    const deadline = Date.now() + 50
    expect((await inApp((held) => withContext({ deadline }, () => held.look()))).deadline).toBe(deadline)
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
    for (let call = 0; call < 100; call++) expect(gate.enter(0)).toBe(false)
  })

  it('is refused before its component has started, where its first item is asked for', async () => {
    const stream = gateTo({}, false).stream(0, [numbers([])])
    const items = stream[Symbol.asyncIterator]()
    await expect(items.next()).rejects.toMatchObject({ code: 'WEAVER_NOT_STARTED' })
  })
})
