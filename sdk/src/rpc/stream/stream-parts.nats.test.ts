/** Streaming calls whose other arguments the broker does not take at once, over a real one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { startNatsServer } from '@weaver/testing'
import { replicaCallSubject } from '../../contract/subjects.js'
import { DEPLOYMENT, failureOf, gate, msOf, PROMPT_MS, startStations, type Stations } from '../../testing/rpc-stations.js'
import { FEED_COMPONENT, feedStations, type Feed, type FeedStations } from '../../testing/stream-stations.js'
import { withContext } from '../../context/context.js'

const MEBIBYTE = 2 ** 20
/** No two parts of it are alike. */
const large = (bytes: number): string => Array.from({ length: bytes / 8 }, (_, i) => String(i).padStart(8, '0')).join('')
const PIECE = 100_000

let stations: Stations
let feeds: FeedStations
beforeEach(async () => {
  stations = await startStations()
  feeds = feedStations(stations)
})
afterEach(() => stations.close())

const FEED: Pick<Feed, 'cut' | 'add'> = {
  async *cut(text) {
    for (let at = 0; at < text.length; at += PIECE) yield text.slice(at, at + PIECE)
  },
  async add(text, numbers) {
    let sum = text.length
    for await (const n of numbers) sum += n
    return sum
  },
}
async function* upTo(end: number): AsyncGenerator<number> {
  for (let i = 0; i < end; i++) yield i
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
const joined = async (items: AsyncIterable<string>): Promise<string> => (await all(items)).join('')

it('they arrive as they were, with a stream as result and with one as argument, many at once', async () => {
  const { server } = await feeds.replica(FEED)
  const { feed, client } = await feeds.caller()
  const text = large(3 * MEBIBYTE)
  expect((await joined(feed.cut(text))) === text).toBe(true)
  const [cut, added, small, other] = await Promise.all([
    joined(feed.cut(text)),
    feed.add(text, upTo(1_000)),
    joined(feed.cut('small')),
    joined(feed.cut(large(2 * MEBIBYTE))),
  ])
  expect([cut === text, added, small, other === large(2 * MEBIBYTE)]).toEqual([true, text.length + 499_500, 'small', true])
  expect([server.inFlight, client.inFlight]).toEqual([0, 0])
})

it('above the limit nothing is sent, and the error says what to do', async () => {
  let runs = 0
  await feeds.replica({ ...FEED, cut: (text) => (runs++, FEED.cut(text)) })
  const { feed } = await feeds.caller()
  const error = await failureOf(all(feed.cut('x'.repeat(16 * MEBIBYTE))))
  expect(error).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: false })
  expect(error.message).toMatch(
    /^news\/Feed\.cut: the arguments take 1677\d{4} bytes, 16777216 are allowed; send less, or raise maxMessageBytes of run\(\)$/,
  )
  expect(runs).toBe(0)
})

it('above the limit of the replica it is an error too', async () => {
  await feeds.replica(FEED, { maxMessageBytes: 2 * MEBIBYTE })
  const { feed } = await feeds.caller()
  expect(await failureOf(all(feed.cut(large(3 * MEBIBYTE))))).toMatchObject({ code: 'WEAVER_RPC_TOO_LARGE', mayHaveRun: false })
})

it('all parts of a request go to one replica of several', async () => {
  const text = large(2 * MEBIBYTE)
  for (const name of ['feed-0', 'feed-1', 'feed-2'])
    await feeds.replica(
      {
        async *cut(given) {
          yield `${name} ${given === text}`
        },
      },
      { name },
    )
  const { feed } = await feeds.caller()
  const answers = await Promise.all(Array.from({ length: 6 }, () => joined(feed.cut(text))))
  for (const answer of answers) expect(answer).toMatch(/^feed-\d true$/)
})

it('a replica that is full of them refuses more, and those find room when others are done', async () => {
  await feeds.replica(FEED, { maxMessageBytes: 2 * MEBIBYTE })
  const { feed } = await feeds.caller()
  const text = large(2 * MEBIBYTE - 1_024)
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => joined(feed.cut(text))))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled' && outcome.value === text).length).toBeGreaterThanOrEqual(4)
  // Of those that find no room at first a slow machine has not made any within the second for which
  // they are offered.
  for (const { reason } of refused) expect(reason).toMatchObject({ code: 'WEAVER_RPC_OVERLOADED', mayHaveRun: false })
  expect((await joined(feed.cut(text))) === text).toBe(true)
})

it('a request whose replica goes before all of it is there goes to another', async () => {
  const text = large(8 * MEBIBYTE)
  const cable = await stations.startCable()
  const first = await feeds.replica({ async *cut() { yield 'feed-0' } }) // prettier-ignore
  const { feed } = await feeds.caller({}, { url: cable.url })
  const begun = gate()
  const to = replicaCallSubject(DEPLOYMENT, FEED_COMPONENT, 'feed-0')
  cable.lose((subject) => {
    if (subject === to) {
      cable.hold() // after the first part
      begun.open()
    }
    return false
  })
  const answer = joined(feed.cut(text))
  await begun.opened
  await feeds.replica({ async *cut(given) { yield `feed-1 ${given === text}` } }, { name: 'feed-1' }) // prettier-ignore
  await first.server.drain()
  await first.transport.close()
  cable.lose(() => false)
  cable.release()
  expect(await answer).toBe('feed-1 true')
})

it('a request that is long on its way is not taken for lost', async () => {
  const text = large(12 * MEBIBYTE)
  await feeds.replica(FEED)
  const { feed } = await feeds.caller()
  // Between any four parts; after a quarter of a second the caller asks who has the call.
  const busy = setInterval(() => {
    for (const until = performance.now() + 30; performance.now() < until;);
  }, 1)
  try {
    const started = performance.now()
    const { value } = await feed.cut(text)[Symbol.asyncIterator]().next()
    expect(value === text.slice(0, PIECE)).toBe(true)
    expect(performance.now() - started).toBeGreaterThan(600)
  } finally {
    clearInterval(busy)
  }
})

it('a request of which a part is lost is sent again', async () => {
  const cable = await stations.startCable()
  const text = large(4 * MEBIBYTE)
  await feeds.replica(FEED)
  const { feed } = await feeds.caller({}, { url: cable.url })
  const to = replicaCallSubject(DEPLOYMENT, FEED_COMPONENT, 'feed-0')
  cable.lose((subject) => subject === to, 1)
  expect((await joined(feed.cut(text))) === text).toBe(true)
  expect(cable.lost).toBe(1)
})

it('a caller that gives up in the middle is heard at once', async () => {
  const cable = await stations.startCable()
  let runs = 0
  await feeds.replica({ ...FEED, cut: (text) => (runs++, FEED.cut(text)) }, { url: cable.url })
  const { feed, client } = await feeds.caller()
  cable.hold()
  const end = gate()
  const controller = new AbortController()
  const failing = withContext({ signal: controller.signal }, () => failureOf(all(feed.cut(large(8 * MEBIBYTE)))))
  await sleep(50)
  controller.abort()
  expect(await msOf(failing.then(end.open))).toBeLessThan(PROMPT_MS)
  expect(await failing).toMatchObject({ code: 'WEAVER_RPC_CANCELLED' })
  cable.release()
  await sleep(200)
  expect([runs, client.inFlight]).toEqual([0, 0])
})

it('a broker that goes away in the middle is an error at once', async () => {
  await feeds.replica(FEED)
  const { feed, client } = await feeds.caller()
  const failing = failureOf(all(feed.cut(large(8 * MEBIBYTE))))
  await sleep(10)
  await stations.nats.stop()
  expect(await failing).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED' })
  stations.nats = await startNatsServer({ port: stations.nats.port })
  expect(client.inFlight).toBe(0)
})
