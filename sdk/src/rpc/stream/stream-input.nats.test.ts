/** Methods that take a stream, over a real nats-server. */
import { setTimeout as sleep } from 'node:timers/promises'
import { failureOf, gate, msOf, PROMPT_MS, startStations, type Stations } from '../../testing/rpc-stations.js'
import { feedStations, type FeedStations } from '../../testing/stream-stations.js'
import { context, withContext } from '../../context/context.js'
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

describe('a method that takes a stream', () => {
  it('reads it in order, and answers once', async () => {
    await feeds.replica({
      async sum(numbers) {
        let sum = 0
        for await (const n of numbers) sum += n
        return sum
      },
    })
    const { feed, client } = await feeds.caller()
    expect(await feed.sum(upTo(2_000))).toBe(1_999_000)
    expect(client.inFlight).toBe(0)
  })

  it('holds its caller up while it does not read', async () => {
    const go = gate()
    let made = 0
    await feeds.replica({
      async sum(numbers) {
        await go.opened
        return (await all(numbers)).length
      },
    })
    const { feed } = await feeds.caller()
    const sum = feed.sum(
      (async function* () {
        for (; made < 2_000; made++) yield made
      })(),
    )
    await sleep(100)
    expect(made).toBeGreaterThan(100)
    expect(made).toBeLessThanOrEqual(257)
    go.open()
    expect(await sum).toBe(2_000)
  })

  it('sees the error of its caller where it reads', async () => {
    let seen: unknown
    await feeds.replica({
      async sum(numbers) {
        try {
          return (await all(numbers)).length
        } catch (error) {
          seen = error
          throw error
        }
      },
    })
    const { feed } = await feeds.caller()
    const error = await failureOf(
      feed.sum(
        (async function* () {
          yield 1
          throw new OutOfNews('the source is dry')
        })(),
      ),
    )
    expect(seen).toBeInstanceOf(OutOfNews)
    expect(error).toBeInstanceOf(OutOfNews)
  })

  // stream-local.test.ts says the same of calls within the process.
  it('refuses what is no stream where it reads, and only there', async () => {
    let isRead = true
    await feeds.replica({ sum: async (numbers) => (isRead ? (await all(numbers)).length : 7) })
    const { feed } = await feeds.caller()
    const none = undefined as unknown as AsyncIterable<number> // what a cast delivers
    const message = 'the argument of news/Feed.sum: expected an AsyncIterable, got undefined'
    expect(await failureOf(feed.sum(none))).toMatchObject({ name: 'WeaverError', code: 'WEAVER_CODEC_INVALID', message })
    isRead = false
    expect(await feed.sum(none)).toBe(7)
  })

  it('gives it back when it reads no more, and when it ends without having read', async () => {
    const returned: string[] = []
    async function* source(name: string): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) {
          await sleep(1)
          yield i
        }
      } finally {
        returned.push(name)
      }
    }
    let isBroken = false
    await feeds.replica({
      async sum(numbers) {
        for await (const n of numbers) if (n === 3) break
        await sleep(50)
        isBroken = returned.includes('broken')
        return 3
      },
      async *double() {
        yield 1
      },
    })
    const { feed } = await feeds.caller()
    expect(await feed.sum(source('broken'))).toBe(3)
    expect(isBroken).toBe(true)
    expect(await all(feed.double(source('not read')))).toEqual([1])
    await sleep(20)
    expect(returned).toEqual(['broken', 'not read'])
  })

  it('sees the context of the call while the caller’s stream sees its own', async () => {
    const tenants: (string | undefined)[] = []
    await feeds.replica({
      async sum(numbers) {
        for await (const _ of numbers) tenants.push(`callee ${context().caller?.component}`)
        return 0
      },
    })
    const { feed } = await feeds.caller()
    await withContext({ metadata: { tenant: 'blue' } }, () =>
      feed.sum(
        (async function* () {
          tenants.push(context().metadata['tenant'])
          await sleep(1)
          yield 1
          tenants.push(context().metadata['tenant'])
        })(),
      ),
    )
    expect(tenants.toSorted()).toEqual(['blue', 'blue', 'callee news/Web'])
  })
})

describe('a method that takes and returns a stream', () => {
  it('answers each item before the next one is made', async () => {
    await feeds.replica({
      async *double(numbers) {
        for await (const n of numbers) yield n * 2
      },
    })
    const { feed } = await feeds.caller()
    const said: string[] = []
    let answered = (): void => undefined
    async function* ask(): AsyncGenerator<number> {
      for (let i = 1; i <= 3; i++) {
        said.push(`ask ${i}`)
        const answer = new Promise<void>((resolve) => (answered = resolve))
        yield i
        await answer
      }
    }
    for await (const n of feed.double(ask())) {
      said.push(`got ${n}`)
      answered()
    }
    expect(said).toEqual(['ask 1', 'got 2', 'ask 2', 'got 4', 'ask 3', 'got 6'])
    expect(await all(feed.double(upTo(3_000)))).toEqual(Array.from({ length: 3_000 }, (_, i) => 2 * i))
  })

  it('gives the caller’s stream back when the reader leaves', async () => {
    const returned = gate()
    await feeds.replica({
      async *double(numbers) {
        for await (const n of numbers) yield n * 2
      },
    })
    const { feed } = await feeds.caller()
    async function* ask(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        returned.open()
      }
    }
    for await (const n of feed.double(ask())) if (n === 10) break
    expect(await msOf(returned.opened)).toBeLessThan(PROMPT_MS)
  })
})
