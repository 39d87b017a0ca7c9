/**
 * A server of the broker that is about to stop says so (lame duck mode), and processes move to
 * another one before it closes their connections.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Msg } from '@nats-io/transport-node'
import { freePort, startNatsServer, type NatsServer } from '@weaver/testing'
import { BUILD, CART, COMPONENT, DEPLOYMENT, gate, METHODS, startStations, type Stations } from '../testing/rpc-stations.js'
import { feedStations } from '../testing/stream-stations.js'
import type { Logger } from '../telemetry/logger.js'
import { RpcClient } from './client/rpc-client.js'
import type { Transport } from './transport/transport.js'

const LIMIT_MS = 120_000
/** Work comes to its end in time, whatever the machine. */
const MOVE = { workMs: LIMIT_MS, crossingMs: LIMIT_MS }
const LEAVING = 'a server of the broker is about to stop; moving to another one'
const LOG: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined, with: () => LOG }

let stations: Stations
let servers: readonly [NatsServer, NatsServer]
beforeEach(async () => {
  stations = await startStations()
  servers = await startCluster()
})
afterEach(async () => {
  await stations.close()
  for (const server of servers) await server.stop()
})

/** Two servers that know each other. */
async function startCluster(): Promise<readonly [NatsServer, NatsServer]> {
  const [routeA, routeB, monitor] = [await freePort(), await freePort(), await freePort()]
  const cluster = (own: number, other: number): string[] =>
    ['--cluster', `nats://127.0.0.1:${own}`, '--cluster_name', 'test', '--routes', `nats://127.0.0.1:${other}`] // prettier-ignore
  const first = await startNatsServer({ args: [...cluster(routeA, routeB), '-m', String(monitor)] })
  const second = await startNatsServer({ args: cluster(routeB, routeA) })
  const routes = async (): Promise<number> =>
    ((await (await fetch(`http://127.0.0.1:${monitor}/routez`)).json()) as { readonly num_routes: number }).num_routes
  while ((await routes()) === 0) await sleep(20)
  return [first, second]
}

function leave(server: NatsServer): void {
  process.kill(server.pid, 'SIGUSR2')
}

/** Resolves when so many processes know that the server leaves. */
async function whenLeaving(count: number): Promise<void> {
  while (stations.logged.filter((line) => line === LEAVING).length < count) await sleep(5)
}

/** Resolves when the connection is there again after it was given up. */
function whenMoved(...transports: readonly Transport[]): Promise<unknown> {
  return Promise.all(
    transports.map((transport) => new Promise<void>((resolve) => transport.onConnection((isConnected) => isConnected && resolve()))),
  )
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const got: T[] = []
  for await (const item of items) got.push(item)
  return got
}

describe('when a server of the broker is about to stop', () => {
  it(
    'no call fails and none runs twice, at either server',
    async () => {
      const [leaving, staying] = servers
      const runs = new Map<string | undefined, number>()
      const append = async (id?: string): Promise<string> => {
        runs.set(id, (runs.get(id) ?? 0) + 1)
        await sleep(Math.random() * 20)
        return `done ${id}`
      }
      const there = await stations.startReplica({ ...CART, append }, { replica: 'cart-0', url: leaving.url })
      await stations.startReplica({ ...CART, append }, { replica: 'cart-1', url: staying.url })
      const callers = [
        await stations.startCaller({}, { replica: 'web-0', url: leaving.url }),
        await stations.startCaller({}, { replica: 'web-1', url: staying.url }),
      ]
      const moved = whenMoved(there.transport, (callers[0] as (typeof callers)[0]).transport)
      const outcomes: Promise<unknown>[] = []
      const over = new AbortController()
      const load = callers.map(async ({ call }, caller) => {
        for (let i = 0; !over.signal.aborted; i++) {
          outcomes.push(call('append', `${caller}.${i}`))
          if (i % 10 === 0) await sleep(1)
        }
      })
      while (runs.size < 200) await sleep(5)
      leave(leaving)
      await moved
      await leaving.stop() // nobody is there any more
      const sofar = runs.size
      while (runs.size < sofar + 200) await sleep(5)
      over.abort()
      await Promise.all(load)
      expect((await Promise.allSettled(outcomes)).filter(({ status }) => status === 'rejected')).toEqual([])
      expect([...runs.values()].filter((count) => count > 1)).toEqual([])
      expect(runs.size).toBe(outcomes.length)
    },
    LIMIT_MS,
  )

  it(
    'the only replica of a component finishes what it serves, with calls of its own, before it moves',
    async () => {
      const [leaving, staying] = servers
      await stations.startReplica({ ...CART, echo: async (text) => text }, { replica: 'cart-0', component: 'shop/Store', url: staying.url })
      const begun = gate()
      const goOn = gate()
      let calls = 0
      const append = async (text?: string): Promise<string> => {
        calls++
        begun.open()
        await goOn.opened
        return String(await nested.call(0, [text]))
      }
      const middle = await stations.startReplica({ ...CART, append }, { replica: 'middle-0', url: leaving.url, move: MOVE })
      const { transport } = middle
      const client = new RpcClient({ transport, deploymentId: DEPLOYMENT, replica: 'middle-0', fingerprint: BUILD, log: LOG })
      const nested = client.invoker({ component: 'shop/Store', methods: METHODS, notRetriable: new Set(), timeoutMs: {} }, COMPONENT)
      const caller = await stations.startCaller({}, { url: leaving.url, move: MOVE })
      const first = caller.call('append', 'first')
      await begun.opened
      const moved = whenMoved(transport, caller.transport)
      leave(leaving)
      await whenLeaving(2)
      const second = caller.call('append', 'second')
      goOn.open()
      expect(await first).toBe('first')
      expect(await second).toBe('second')
      expect(calls).toBe(2)
      await moved
    },
    LIMIT_MS,
  )

  it(
    'a call that takes longer than the move is answered over the next connection',
    async () => {
      const [leaving] = servers
      const begun = gate()
      const goOn = gate()
      let calls = 0
      const append = async (): Promise<string> => {
        calls++
        begun.open()
        await goOn.opened
        return 'done'
      }
      const replica = await stations.startReplica({ ...CART, append }, { url: leaving.url })
      const caller = await stations.startCaller({}, { url: leaving.url })
      const outcome = caller.call('append')
      await begun.opened
      const moved = whenMoved(replica.transport, caller.transport)
      leave(leaving)
      await moved
      await leaving.stop()
      expect(await caller.call('echo', 'x')).toBe('x')
      goOn.open()
      expect(await outcome).toBe('done')
      expect(calls).toBe(1)
    },
    LIMIT_MS,
  )

  it(
    'a process that stops between two connections sends what it held before it closes',
    async () => {
      const [leaving, staying] = servers
      const { server, transport } = await stations.startReplica(CART, { url: leaving.url, move: MOVE })
      const raw = await connect({ servers: staying.url })
      stations.onClose(() => raw.close())
      const subject = `wv.${DEPLOYMENT}.i.web-0.held`
      const answers = raw.subscribe(subject, { max: 1 })
      await raw.flush()
      let hasHeld = false
      const stopped = new Promise<void>((resolve) =>
        transport.onConnection(() => {
          if (hasHeld) return
          transport.publish(subject, Uint8Array.of(1))
          hasHeld = true
          resolve(server.drain().then(() => transport.close()))
        }),
      )
      leave(leaving)
      await stopped
      expect(stations.logged.filter((line) => line.includes('lost'))).toEqual([])
      const { value } = (await answers[Symbol.asyncIterator]().next()) as { readonly value?: Msg }
      expect([...(value?.data ?? [])]).toEqual([1])
    },
    LIMIT_MS,
  )

  it(
    'a stream that ends in time comes to its end, and new ones wait for the next connection',
    async () => {
      const [leaving] = servers
      const feeds = feedStations(stations)
      const goOn = gate()
      const replica = await feeds.replica(
        {
          async *count(to: number) {
            yield 0
            if (to === 1) await goOn.opened
            yield 1
          },
        },
        { url: leaving.url, move: MOVE },
      )
      const caller = await feeds.caller({}, { url: leaving.url, move: MOVE })
      const items = caller.feed.count(1)[Symbol.asyncIterator]()
      expect(await items.next()).toEqual({ done: false, value: 0 })
      const moved = whenMoved(replica.transport, caller.transport)
      leave(leaving)
      await whenLeaving(2)
      const later = all(caller.feed.count(2))
      goOn.open()
      expect(await items.next()).toEqual({ done: false, value: 1 })
      expect(await items.next()).toEqual({ done: true, value: undefined })
      expect(await later).toEqual([0, 1])
      await moved
    },
    LIMIT_MS,
  )

  it(
    'the connection stays until it stops where there is no other',
    async () => {
      await stations.startReplica(CART)
      const caller = await stations.startCaller()
      let changes = 0
      caller.transport.onConnection(() => changes++)
      leave(stations.nats)
      const told = 'a server of the broker is about to stop and names no other; it is used until it does'
      while (stations.logged.filter((line) => line === told).length < 2) await sleep(5)
      expect(await caller.call('echo', 'x')).toBe('x')
      expect(changes).toBe(0)
    },
    LIMIT_MS,
  )
})
