import { setTimeout as sleep } from 'node:timers/promises'
import { gate, failureOf } from '../testing/rpc-stations.js'
import { context, derive, withContext, type CallContext } from '../context/context.js'
import { localInputCall, localStream } from './stream-local.js'

const CALLER = { component: 'news/Web', replica: 'web-0' }

/** A call as the runtime makes it: the method sees what its caller saw, and who called. */
function stream(open: () => AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  const outer = context()
  return localStream({ what: 'news/Feed.count', outer, inner: derive(outer, { caller: CALLER }), args: [] }, open)
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Speaks until it is told to return. */
function endless() {
  const left = gate()
  const state: { signal?: AbortSignal } = {}
  return {
    left,
    state,
    async *open() {
      const { signal } = context()
      state.signal = signal
      try {
        for (let i = 0; ; i++) {
          yield i
          await sleep(5)
        }
      } finally {
        left.open()
      }
    },
  }
}

describe('a local stream', () => {
  it('sees the context of its call at every yield, whoever reads it', async () => {
    const seen: CallContext[] = []
    const items = withContext({ metadata: { tenant: 'blue' } }, () =>
      stream(async function* () {
        for (let i = 0; i < 3; i++) {
          await sleep(1)
          seen.push(context())
          yield i
        }
      }),
    )
    expect(await withContext({ metadata: { tenant: 'red' } }, () => all(items))).toEqual([0, 1, 2])
    expect(seen.map(({ metadata, caller }) => [metadata['tenant'], caller?.component])).toEqual(Array.from({ length: 3 }, () => ['blue', 'news/Web'])) // prettier-ignore
  })

  it('hears its reader leave while that waits for an item', async () => {
    const heard = gate()
    const items = stream(async function* () {
      yield 1
      context().signal.addEventListener('abort', () => heard.open())
      await heard.opened
    })
    await items.next()
    const pending = items.next()
    await items.return()
    expect(await pending).toEqual({ done: true, value: undefined })
    await heard.opened
  })

  it('hears its method leave an argument stream while that waits for an item', async () => {
    const given = gate()
    const silent = async function* (): AsyncGenerator<number> {
      try {
        yield 1
        await given.opened
      } finally {
        given.open()
      }
    }
    const outer = context()
    const call = { what: 'news/Feed.sum', outer, inner: derive(outer, { caller: CALLER }), args: [silent()], input: 0 }
    const result = localInputCall(call, async ([items]) => {
      const reading = (items as AsyncIterable<number>)[Symbol.asyncIterator]() // what the binding says it is
      await reading.next()
      const pending = reading.next()
      await reading.return?.()
      return pending
    })
    expect(await result).toEqual({ done: true, value: undefined })
    given.open()
  })

  it('runs nothing before its first item is asked for, and throws what its method throws', async () => {
    let runs = 0
    const items = stream(() => {
      runs++
      throw new RangeError('no')
    })
    await sleep(5)
    expect(runs).toBe(0)
    expect(await failureOf(items.next())).toBeInstanceOf(RangeError)
    expect(runs).toBe(1)
  })

  it('returns, with its signal fired, when its reader leaves', async () => {
    const feed = endless()
    for await (const item of stream(feed.open)) if (item === 3) break
    await feed.left.opened
    expect(feed.state.signal?.reason).toMatchObject({ name: 'AbortError' })
  })

  it('ends by the signal of its caller at once, though its producer waits', async () => {
    const abort = new AbortController()
    let signal: AbortSignal | undefined
    const items = withContext({ signal: abort.signal }, () =>
      stream(async function* () {
        signal = context().signal
        await new Promise(() => undefined)
        yield 1
      }),
    )
    const failing = failureOf(items.next())
    await sleep(5)
    abort.abort(new Error('enough'))
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', message: 'news/Feed.count is abandoned: its caller has given up', cause: { message: 'enough' } }) // prettier-ignore
    expect(signal?.aborted).toBe(true)
  })

  it('ends at the deadline of its caller', async () => {
    const feed = endless()
    const error = await failureOf(all(withContext({ deadline: Date.now() + 60 }, () => stream(feed.open))))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_DEADLINE' })
    await feed.left.opened
    expect(feed.state.signal?.aborted).toBe(true)
  })
})

describe('a local argument stream', () => {
  /** Speaks for ever, and notes whose context it sees. */
  function source() {
    const seen: (string | undefined)[] = []
    const left = gate()
    return {
      seen,
      left,
      async *items() {
        try {
          for (let i = 0; ; i++) {
            await sleep(1)
            seen.push(context().metadata['side'])
            yield i
          }
        } finally {
          seen.push(`return by ${context().metadata['side']}`)
          left.open()
        }
      },
    }
  }
  const outer: CallContext = derive(context(), { metadata: { side: 'caller' } })
  const inner: CallContext = derive(context(), { metadata: { side: 'callee' }, caller: CALLER })
  const call = (items: AsyncIterable<unknown>) => ({ what: 'news/Feed.sum', outer, inner, args: ['x', items], input: 1 })

  it('sees its own context while the method reads it, and is given back', async () => {
    const { seen, left, items } = source()
    const result = await localInputCall(call(items()), async ([first, numbers]) => {
      for await (const n of numbers as AsyncIterable<number>) if (n === 2) break
      return [first, context().metadata['side']]
    })
    expect(result).toEqual(['x', 'callee'])
    await left.opened
    expect(seen).toEqual(['caller', 'caller', 'caller', 'return by caller'])
  })

  it('is given back by a method that ends without having read it to its end, and refuses whoever reads on', async () => {
    const { left, items } = source()
    let kept: AsyncIterator<unknown> | undefined
    const stream = localStream(call(items()), async function* ([, numbers]) {
      kept = (numbers as AsyncIterable<unknown>)[Symbol.asyncIterator]()
      yield (await kept.next()).value
    })
    expect(await all(stream)).toEqual([0])
    await left.opened
    if (kept === undefined) throw new Error('the method did not run')
    expect(await failureOf(kept.next())).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', message: 'the call that this argument belongs to is over' }) // prettier-ignore
  })

  it('brings its error to where it is read', async () => {
    const failing = localInputCall(
      call(
        (async function* () {
          yield 1
          throw new RangeError('dry')
        })(),
      ),
      async ([, numbers]) => (await all(numbers as AsyncIterable<unknown>)).length,
    )
    expect(await failureOf(failing)).toBeInstanceOf(RangeError)
  })
})

// stream-input.nats.test.ts and stream.nats.test.ts say the same of calls to another process.
describe('what is no stream', () => {
  const outer = context()
  const call = { what: 'news/Feed.sum', outer, inner: derive(outer, { caller: CALLER }), args: [undefined], input: 0 }
  const message = 'the argument of news/Feed.sum: expected an AsyncIterable, got undefined'
  const read = async ([numbers]: readonly unknown[]): Promise<number> => (await all(numbers as AsyncIterable<unknown>)).length // it is the argument

  it('is refused as an argument where the method reads it, and only there', async () => {
    expect(await failureOf(localInputCall(call, read))).toMatchObject({ name: 'WeaverError', code: 'WEAVER_CODEC_INVALID', message })
    expect(await localInputCall(call, async () => 7)).toBe(7)
  })

  it('is refused as what a method returns', async () => {
    const count = stream(() => 7 as unknown as AsyncIterable<unknown>) // what a cast delivers
    const said = 'news/Feed.count: expected an AsyncIterable, got number'
    expect(await failureOf(all(count))).toMatchObject({ name: 'WeaverError', code: 'WEAVER_CODEC_INVALID', message: said })
  })
})
