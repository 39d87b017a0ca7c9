/**
 * Streams over a real nats-server: order, flow, context, and how they end.
 * `stream-input.nats.test.ts` has methods that take one, `stream-faults.nats.test.ts` what is cut
 * off.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { failureOf, gate, msOf, PROMPT_MS, startStations, type Stations } from '../../testing/rpc-stations.js'
import { feedStations, type FeedStations } from '../../testing/stream-stations.js'
import { context, withContext, type CallContext } from '../../context/context.js'
import { registerError } from '../../codec/error-codec.js'

class OutOfNews extends Error {
  override readonly name = 'OutOfNews'
  readonly details = { since: 3 }
}
registerError(OutOfNews)

let stations: Stations
let feeds: FeedStations
beforeEach(async () => {
  stations = await startStations()
  feeds = feedStations(stations)
})
afterEach(() => stations.close())

async function* upTo(end: number): AsyncGenerator<number> {
  for (let i = 0; i < end; i++) yield i
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

describe('a method that returns a stream', () => {
  it('gives its items in order, and the end', async () => {
    await feeds.replica({ count: upTo })
    const { feed, client } = await feeds.caller()
    expect(await all(feed.count(0))).toEqual([])
    expect(await all(feed.count(3))).toEqual([0, 1, 2])
    expect(await all(feed.count(5_000))).toEqual(Array.from({ length: 5_000 }, (_, i) => i))
    expect(client.inFlight).toBe(0)
  })

  it('runs nothing before its first item is asked for', async () => {
    let runs = 0
    await feeds.replica({ count: (end) => (runs++, upTo(end)) })
    const { feed, client } = await feeds.caller()
    const items = feed.count(3)
    await sleep(50)
    expect({ runs, inFlight: client.inFlight }).toEqual({ runs: 0, inFlight: 0 })
    expect(await all(items)).toEqual([0, 1, 2])
    expect(runs).toBe(1)
  })

  it('stays with the replica that took it', async () => {
    const who = (id: number) => async function* () { for (let i = 0; i < 600; i++) yield id } // prettier-ignore
    await Promise.all([1, 2, 3].map((id) => feeds.replica({ count: who(id) }, { name: `feed-${id}` })))
    const { feed } = await feeds.caller()
    const streams = await Promise.all(Array.from({ length: 20 }, () => all(feed.count(0))))
    for (const ids of streams) expect(new Set(ids).size).toBe(1)
    expect(new Set(streams.flat()).size).toBeGreaterThan(1)
  })

  it('is stopped by a slow reader after a window, and brings 100,000 items through', async () => {
    let made = 0
    const replica = await feeds.replica({
      async *count(end) {
        for (; made < end; made++) yield made
      },
    })
    const { feed } = await feeds.caller()
    let read = 0
    let ahead = 0
    for await (const item of feed.count(100_000)) {
      if (item !== read++) throw new Error(`item ${item} came as number ${read - 1}`)
      if (read % 500 === 1) {
        await sleep(5)
        ahead = Math.max(ahead, made - read)
      }
    }
    expect(read).toBe(100_000)
    expect(ahead).toBeGreaterThan(100)
    expect(ahead).toBeLessThanOrEqual(257)
    while (replica.server.inFlight > 0) await sleep(5)
  })

  it('keeps little of large items that nobody reads', async () => {
    let made = 0
    await feeds.replica({
      async *texts(length) {
        for (;;) yield `${made++}${'x'.repeat(length)}`
      },
    })
    const { feed } = await feeds.caller()
    const items = feed.texts(100_000)[Symbol.asyncIterator]()
    expect((await items.next()).value?.length).toBe(100_001)
    await sleep(200)
    expect(made).toBeLessThan(8)
    await items.return?.()
  })

  it('throws in mid-stream what its method throws, class and all, after what came before', async () => {
    await feeds.replica({
      async *count() {
        yield 1
        yield 2
        throw new OutOfNews('nothing happened')
      },
    })
    const { feed, client } = await feeds.caller()
    const found: number[] = []
    const error = await failureOf(
      (async () => {
        for await (const item of feed.count(9)) found.push(item)
      })(),
    )
    expect(found).toEqual([1, 2])
    expect(error).toBeInstanceOf(OutOfNews)
    expect(error).toMatchObject({ message: 'nothing happened', details: { since: 3 } })
    expect(client.inFlight).toBe(0)
  })

  it('sees the context of its call at every yield, also behind a await', async () => {
    const seen: CallContext[] = []
    await feeds.replica({
      async *count() {
        for (let i = 0; i < 600; i++) {
          if (i % 100 === 0) await sleep(1)
          seen.push(context())
          yield i
        }
        seen.push(context())
      },
    })
    const { feed } = await feeds.caller()
    const deadline = Date.now() + 20_000
    const items = withContext({ metadata: { tenant: 'blue' }, traceparent: '00-01-02-01', deadline }, () => feed.count(0))
    await withContext({ metadata: { tenant: 'red' } }, () => all(items))
    expect(seen).toHaveLength(601)
    for (const { metadata, caller, traceparent, signal, deadline: until } of seen) {
      expect({ metadata, caller, traceparent }).toEqual({ metadata: { tenant: 'blue' }, caller: { component: 'news/Web', replica: 'web-0' }, traceparent: '00-01-02-01' }) // prettier-ignore
      expect(Math.abs((until ?? 0) - deadline)).toBeLessThan(PROMPT_MS)
      expect(signal).toBe(seen[0]?.signal)
    }
  })

  it('refuses what is no stream, and an item that is not what its type says', async () => {
    await feeds.replica({ count: () => 7 as never, texts: () => upTo(1) as never })
    const { feed } = await feeds.caller()
    expect(await failureOf(all(feed.count(1)))).toMatchObject({ code: 'WEAVER_CODEC_INVALID', message: 'news/Feed.count: expected an AsyncIterable, got number' }) // prettier-ignore
    expect(await failureOf(all(feed.texts(1)))).toMatchObject({ code: 'WEAVER_CODEC_INVALID', message: 'news/Feed.texts: an item cannot be sent: expected a string, got a number' }) // prettier-ignore
  })

  it('refuses arguments that are not what their types say, with the method and their place', async () => {
    await feeds.replica({})
    const { feed } = await feeds.caller()
    expect(await failureOf(all(feed.cut(5 as never)))).toMatchObject({
      code: 'WEAVER_CODEC_INVALID',
      message: 'news/Feed.cut was not sent: its arguments cannot be: argument 1: expected a string, got a number',
    })
  })

  it('brings items through that are larger than a message of the broker, in pieces, between small ones', async () => {
    await feeds.replica({
      async *texts(length) {
        yield 'small'
        yield 'x'.repeat(length)
        yield 'between'
        yield 'y'.repeat(2 ** 20 - 40) // at the border
        yield 'z'.repeat(length)
      },
    })
    const { feed, client } = await feeds.caller()
    const texts = await all(feed.texts(5_000_000))
    expect(texts.map((text) => [text.length, text.at(0), text.at(-1)])).toEqual([
      [5, 's', 'l'],
      [5_000_000, 'x', 'x'],
      [7, 'b', 'n'],
      [2 ** 20 - 40, 'y', 'y'],
      [5_000_000, 'z', 'z'],
    ])
    expect(client.inFlight).toBe(0)
  })

  it('ends with a clear error at an item that is too large, after those before it', async () => {
    let isReturned = false
    await feeds.replica({
      async *texts(length) {
        try {
          yield 'small'
          yield 'x'.repeat(length)
        } finally {
          isReturned = true
        }
      },
    })
    const { feed } = await feeds.caller()
    const items = feed.texts(16 * 2 ** 20)[Symbol.asyncIterator]()
    expect(await items.next()).toEqual({ done: false, value: 'small' })
    const error = await failureOf(items.next())
    expect(error).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: true })
    expect(error.message).toMatch(/^news\/Feed\.texts made an item of 16777\d+ bytes, the limit is 16777216;/)
    expect(isReturned).toBe(true)
  })
})

describe('a reader that leaves', () => {
  it('makes the generator return, wherever it stands, and its signal fire', async () => {
    const returned = gate()
    let signal: AbortSignal | undefined
    const { server } = await feeds.replica({
      async *count() {
        signal = context().signal
        try {
          for (let i = 0; ; i++) yield i
        } finally {
          returned.open()
        }
      },
    })
    const { feed, client } = await feeds.caller()
    for await (const item of feed.count(0)) if (item === 5) break
    await returned.opened
    await sleep(20)
    expect(signal?.aborted).toBe(true)
    expect([client.inFlight, server.inFlight]).toEqual([0, 0])
  })

  it('is heard by a producer that waits, through the signal', async () => {
    const heard = gate()
    await feeds.replica({
      async *count() {
        yield 1
        const { signal } = context()
        await new Promise((resolve) => signal.addEventListener('abort', resolve))
        heard.open()
        throw signal.reason
      },
    })
    const { feed } = await feeds.caller()
    for await (const _ of feed.count(0)) break
    expect(await msOf(heard.opened)).toBeLessThan(PROMPT_MS)
  })

  it('is heard while it waits for an item, and waits no longer', async () => {
    const heard = gate()
    await feeds.replica({
      async *count() {
        yield 1
        context().signal.addEventListener('abort', () => heard.open())
        await heard.opened
      },
    })
    const { feed, client } = await feeds.caller()
    const items = feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    const pending = items.next()
    await items.return?.()
    expect(await pending).toEqual({ done: true, value: undefined })
    await heard.opened
    expect(client.inFlight).toBe(0)
  })

  it('is heard before a replica has accepted its call', async () => {
    const { feed, client } = await feeds.caller()
    const items = feed.count(0)[Symbol.asyncIterator]()
    const pending = items.next() // nobody is up: it is offered for a second
    await items.return?.()
    expect(await pending).toEqual({ done: true, value: undefined })
    expect(client.inFlight).toBe(0)
  })

  it('by its signal sees that at once, and what it had not read is dropped', async () => {
    await feeds.replica({ count: upTo })
    const { feed, client } = await feeds.caller()
    const abort = new AbortController()
    const items = withContext({ signal: abort.signal }, () => feed.count(1_000))[Symbol.asyncIterator]()
    await items.next()
    await sleep(50)
    abort.abort(new Error('enough'))
    const error = await failureOf(items.next())
    expect(error).toMatchObject({ code: 'WEAVER_RPC_CANCELLED', mayHaveRun: true, cause: { message: 'enough' } })
    expect(client.inFlight).toBe(0)
  })
})

describe('time', () => {
  it('limits opening by the timeout of the method, and not the stream', async () => {
    await feeds.replica({
      async *count(end) {
        for (let i = 0; i < end; i++) {
          await sleep(100)
          yield i
        }
      },
    })
    const { feed } = await feeds.caller({ count: 150 })
    expect(await all(feed.count(4))).toEqual([0, 1, 2, 3])
  })

  it('ends a stream at the deadline of its caller, on both sides', async () => {
    const returned = gate()
    await feeds.replica({
      async *count() {
        try {
          for (let i = 0; ; i++) {
            await sleep(20)
            yield i
          }
        } finally {
          returned.open()
        }
      },
    })
    const { feed } = await feeds.caller()
    const started = Date.now()
    const error = await failureOf(all(withContext({ deadline: started + 200 }, () => feed.count(0))))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    expect(Date.now() - started).toBeLessThan(PROMPT_MS)
    await returned.opened
  })
})

it('streams count among the calls that a replica may run at once; one too many is refused', async () => {
  const end = gate()
  const count = async function* (): AsyncGenerator<number> {
    yield 1
    await end.opened
  }
  const { server } = await feeds.replica({ count }, { maxConcurrent: 2 })
  const { feed } = await feeds.caller()
  const running = [0, 1].map(() => feed.count(0)[Symbol.asyncIterator]())
  for (const items of running) expect(await items.next()).toEqual({ done: false, value: 1 })
  const error = await failureOf(feed.count(0)[Symbol.asyncIterator]().next())
  expect(error).toMatchObject({ code: 'WEAVER_RPC_OVERLOADED', mayHaveRun: false })
  end.open()
  for (const items of running) expect((await items.next()).done).toBe(true)
  while (server.inFlight > 0) await sleep(5)
  expect(await feed.count(0)[Symbol.asyncIterator]().next()).toEqual({ done: false, value: 1 })
})
