/** Streams over a real nats-server that are refused, damaged, cut off or drained. */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '@nats-io/transport-node'
import { HEAD_BYTES } from '../../codec/layout.js'
import { Writer } from '../../codec/writer.js'
import { callSubject } from '../../contract/subjects.js'
import { startNatsServer } from '@weaver/testing'
import { BUILD, DEPLOYMENT, failureOf, gate, msOf, PROMPT_MS, startStations, type Stations } from '../../testing/rpc-stations.js'
import { FEED, FEED_COMPONENT, feedStations, type FeedStations } from '../../testing/stream-stations.js'
import { context } from '../../context/context.js'
import { fingerprintPrefix, readKind } from '../wire/frame.js'
import { DEFAULT_MAX_MESSAGE_BYTES } from '../wire/parts.js'
import { StreamClient } from './stream-client.js'
import { readFingerprint, readOpenHead, STREAM_KIND, writeItems, writeOpenHead, writeStreamHead } from '../wire/stream-frame.js'
import type { Transport } from '../transport/transport.js'

let stations: Stations
let feeds: FeedStations
beforeEach(async () => {
  stations = await startStations()
  feeds = feedStations(stations)
})
afterEach(() => stations.close())

/** A feed that speaks for ever, and what became of it. */
function endless() {
  const left = gate()
  const state: { signal?: AbortSignal; made: number } = { made: 0 }
  return {
    left,
    state,
    async *count(): AsyncGenerator<number> {
      const { signal } = context()
      state.signal = signal
      try {
        for (;;) {
          yield state.made++
          await sleep(5)
        }
      } finally {
        left.open()
      }
    },
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** The streams of a caller alone, without what else a client of calls has. */
function streamClient(transport: Transport, { build = BUILD, silenceMs }: { readonly build?: string; readonly silenceMs?: number }) {
  const numbers = { maxMessageBytes: DEFAULT_MAX_MESSAGE_BYTES, number: () => 1 }
  const own = { transport, deploymentId: DEPLOYMENT, replica: 'web-1', log, fingerprint: fingerprintPrefix(build) }
  return new StreamClient({ ...own, ...numbers, ...(silenceMs === undefined ? {} : { silenceMs }) })
}

describe('opening', () => {
  it('fails after a second when no replica is up, and finds one that comes meanwhile', async () => {
    const { feed, client } = await feeds.caller()
    const failing = failureOf(all(feed.count(1)))
    expect(await msOf(failing)).toBeLessThan(PROMPT_MS)
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
    const waiting = all(feed.count(1))
    await sleep(200)
    await feeds.replica({ count: async function* () { yield 42 } }) // prettier-ignore
    expect(await waiting).toEqual([42])
    expect(client.inFlight).toBe(0)
  })

  it('has the timeout of the method, and a replica that accepts too late is told to stop', async () => {
    const feed = endless()
    const { server, transport } = await feeds.replica(feed)
    const client = await feeds.caller({ count: 100 })
    delayPublish(transport, 400)
    expect(await failureOf(all(client.feed.count(0)))).toMatchObject({ code: 'WEAVER_RPC_DEADLINE', mayHaveRun: true })
    await feed.left.opened
    while (server.inFlight + client.client.inFlight > 0) await sleep(5)
  })

  it('of another build is refused, and so is a frame that is damaged', async () => {
    await feeds.replica(endless())
    const { transport } = await feeds.caller()
    const other = streamClient(transport, { build: 'bb'.repeat(32) })
    const error = await failureOf(all(other.stream(countCall())))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_FINGERPRINT', mayHaveRun: false })
    expect(error.message).toContain('bbbbbbbbbbbbbbbb')
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    const w = new Writer()
    writeOpenHead(w, { callId: 1, endpoint: 'x', method: 0, timeLeftMs: 0, metadata: { a: 'b' }, caller: { component: 'c', replica: 'd' } }, fingerprintPrefix(BUILD)) // prettier-ignore
    const whole = w.finish() // without its arguments
    for (let length = HEAD_BYTES + 3; length <= whole.length; length++) {
      const { data } = await raw.request(callSubject(DEPLOYMENT, FEED_COMPONENT), whole.subarray(0, length), { timeout: 2_000 })
      const { kind, reader } = readKind(data)
      expect([kind, reader.uint(), reader.string()]).toEqual([STREAM_KIND.failure, 0, expect.stringMatching(/PROTOCOL|FINGERPRINT/)])
    }
  })
})

describe('too many streams', () => {
  it('are refused by a replica that runs as many calls as it may, find another that has room, and it works on', async () => {
    const first = await feeds.replica(endless(), { maxConcurrent: 2 })
    const { feed, client } = await feeds.caller()
    const open = [feed.count(0), feed.count(0)].map((stream) => stream[Symbol.asyncIterator]())
    for (const items of open) await items.next()
    const error = await failureOf(all(feed.count(0)))
    expect(error).toMatchObject({ code: 'WEAVER_RPC_OVERLOADED', mayHaveRun: false })
    expect(error.message).toBe('news/Feed.count was refused: "feed-0" runs 2 calls of "news/Feed" already')
    for (const items of open) await items.return?.()
    while (first.server.inFlight > 0) await sleep(5)
    for await (const item of feed.count(0)) if (item >= 0) break
    expect(client.inFlight).toBe(0)
  })
})

describe('a side that dies', () => {
  it('fails the stream of its reader within a second when it is the callee', async () => {
    const { transport } = await feeds.replica(endless())
    const { feed, client } = await feeds.caller()
    const items = feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    await transport.close()
    const rest = failureOf(drained(items))
    expect(await msOf(rest)).toBeLessThan(PROMPT_MS)
    expect(await rest).toMatchObject({ name: 'RemoteCallError', code: 'WEAVER_RPC_PEER_LOST', mayHaveRun: true })
    expect((await rest).message).toContain('news/Feed.count')
    expect(client.inFlight).toBe(0)
  })

  it('ends the generator within a second when it is the caller, though nothing more could be sent', async () => {
    const feed = endless()
    const { server } = await feeds.replica(feed)
    const caller = await feeds.caller()
    const items = caller.feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    await caller.transport.close()
    expect(await msOf(feed.left.opened)).toBeLessThan(PROMPT_MS)
    expect(feed.state.signal?.reason).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST' })
    while (server.inFlight > 0) await sleep(5)
    expect(await failureOf(drained(items))).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED' })
  })

  it('fails the argument stream of a method that reads', async () => {
    const seen = gate()
    let error: unknown
    await feeds.replica({
      async sum(numbers) {
        try {
          return (await all(numbers)).length
        } catch (why) {
          error = why
          seen.open()
          throw why
        }
      },
    })
    const caller = await feeds.caller()
    const argument = endless()
    const sum = caller.feed.sum(argument.count())
    sum.catch(() => undefined)
    while (argument.state.made === 0) await sleep(5)
    await caller.transport.close()
    await seen.opened
    expect(error).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST' })
    expect(await failureOf(sum)).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
  })

  it('by freezing is given up after a silence', async () => {
    // A replica that accepts and then says nothing: its subscription stands, so the broker has no
    // word on it.
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    raw.subscribe('frozen')
    raw.subscribe(callSubject(DEPLOYMENT, FEED_COMPONENT), {
      callback: (_, { data }) => {
        const { reader } = readKind(data)
        readFingerprint(reader)
        const head = readOpenHead(reader)
        const w = new Writer()
        writeStreamHead(w, STREAM_KIND.accepted, head.callId)
        w.string('frozen')
        w.uint(1)
        raw.publish(head.endpoint, w.finish())
      },
    })
    await raw.flush()
    const { transport } = await feeds.caller()
    const client = streamClient(transport, { silenceMs: 1_000 })
    const failing = failureOf(all(client.stream(countCall())))
    const ms = await msOf(failing)
    expect(await failing).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', message: expect.stringContaining('has not been heard for 1 seconds') }) // prettier-ignore
    expect(ms).toBeGreaterThan(900)
    expect(ms).toBeLessThan(PROMPT_MS)
  })

  it('is not presumed of one that is only quiet', async () => {
    const { transport: calleeTransport } = await feeds.replica({ count: async function* () { yield 1; await sleep(2_500); yield 2 } }) // prettier-ignore
    const { transport } = await feeds.caller()
    const client = streamClient(transport, { silenceMs: 1_000 })
    expect(await all(client.stream(countCall()))).toEqual([1, 2])
    expect(calleeTransport.isConnected).toBe(true)
  })
})

describe('the broker', () => {
  it('that goes away in mid-stream fails both sides at once, and new streams work when it is back', async () => {
    const feed = endless()
    const { server } = await feeds.replica(feed)
    const caller = await feeds.caller()
    const items = caller.feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    await stations.nats.stop()
    const rest = failureOf(drained(items))
    expect(await msOf(rest)).toBeLessThan(PROMPT_MS)
    expect(await rest).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED', mayHaveRun: true })
    await feed.left.opened
    expect(feed.state.signal?.reason).toMatchObject({ code: 'WEAVER_RPC_DISCONNECTED' })
    while (server.inFlight > 0) await sleep(5)
    stations.nats = await startNatsServer({ port: stations.nats.port })
    for await (const item of caller.feed.count(0)) if (item >= 0) break
  })

  it('that only one side loses for a moment leaves no stream hanging on the other', async () => {
    const cable = await stations.startCable()
    const { transport } = await feeds.replica({ count: async function* () { yield 1; await sleep(60_000, undefined, { signal: context().signal }) } }, { url: cable.url }) // prettier-ignore
    const caller = await feeds.caller()
    const items = caller.feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    const back = gate()
    transport.onConnection((isConnected) => isConnected && back.open())
    cable.cut()
    await back.opened
    const rest = failureOf(drained(items))
    expect(await msOf(rest)).toBeLessThan(PROMPT_MS)
    expect(await rest).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST' })
  })
})

describe('bytes that no side sends', () => {
  it('end the call that they name, with an error', async () => {
    const raw = await connect({ servers: stations.nats.url })
    stations.onClose(() => raw.close())
    const damage: readonly ((w: Writer, callId: number) => void)[] = [
      (w, id) => writeStreamHead(w, STREAM_KIND.items, id), // cut short
      (w, id) => { writeStreamHead(w, STREAM_KIND.items, id); writeItems(w, 7, [new Uint8Array(1)]) }, // a gap
      (w, id) => { writeStreamHead(w, STREAM_KIND.items, id); writeItems(w, 0, Array.from({ length: 300 }, () => new Uint8Array(1))) }, // beyond its credit
      (w, id) => { writeStreamHead(w, STREAM_KIND.items, id); writeItems(w, 0, [new Uint8Array(0)]) }, // no number
      (w, id) => writeStreamHead(w, 99 as never, id),
    ] // prettier-ignore
    let next = 0
    raw.subscribe('villain')
    raw.subscribe(callSubject(DEPLOYMENT, FEED_COMPONENT), {
      callback: (_, { data }) => {
        const { reader } = readKind(data)
        readFingerprint(reader)
        const head = readOpenHead(reader)
        const w = new Writer()
        writeStreamHead(w, STREAM_KIND.accepted, head.callId)
        w.string('villain')
        w.uint(1)
        raw.publish(head.endpoint, w.finish())
        damage[next++]?.(w, head.callId)
        raw.publish(head.endpoint, w.finish())
        raw.publish(head.endpoint, new Uint8Array(0))
      },
    })
    await raw.flush()
    const { feed, client } = await feeds.caller()
    for (let i = 0; i < damage.length; i++) {
      const error = await failureOf(all(feed.count(i)))
      expect([i, error]).toMatchObject([i, { code: 'WEAVER_RPC_PROTOCOL', mayHaveRun: true }])
    }
    expect(client.inFlight).toBe(0)
  })
})

describe('a replica that drains', () => {
  it('lets its streams come to their end, and takes no new one', async () => {
    const { server } = await feeds.replica({
      async *count(end) {
        for (let i = 0; i < end; i++) {
          await sleep(10)
          yield i
        }
      },
    })
    const { feed } = await feeds.caller()
    const items = feed.count(30)[Symbol.asyncIterator]()
    await items.next()
    let isDrained = false
    const draining = server.drain().then(() => (isDrained = true))
    await sleep(100)
    expect(isDrained).toBe(false)
    expect(await failureOf(all(feed.count(1)))).toMatchObject({ code: 'WEAVER_RPC_UNAVAILABLE', mayHaveRun: false })
    await drained(items)
    await draining
    expect(server.inFlight).toBe(0)
  })

  it('cuts off those that go on, with an error of their own', async () => {
    const feed = endless()
    const { server } = await feeds.replica(feed)
    const caller = await feeds.caller()
    const items = caller.feed.count(0)[Symbol.asyncIterator]()
    await items.next()
    const draining = server.drain({ streamsMs: 200 })
    expect(await failureOf(drained(items))).toMatchObject({ code: 'WEAVER_RPC_PEER_LOST', message: 'news/Feed.count is cut off: the replica that served it stops' }) // prettier-ignore
    await feed.left.opened
    await draining
  })
})

const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => log }

function countCall() {
  const [binding] = FEED
  if (binding === undefined) throw new Error('the feed has no method')
  return { component: FEED_COMPONENT, method: 0, binding, args: [0], caller: 'news/Web', openTimeoutMs: 5_000 }
}

async function drained(items: AsyncIterator<unknown>): Promise<void> {
  while ((await items.next()).done !== true);
}

/**
 * From now on what this side sends is late. The connection is a real one; only its sending is held
 * up.
 */
function delayPublish(transport: Transport, ms: number): void {
  const publish = transport.publish.bind(transport)
  let isOver = false
  stations.onClose(async () => void (isOver = true))
  transport.publish = (...message) => void setTimeout(() => isOver || publish(...message), ms)
}
